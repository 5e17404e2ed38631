"""A split by time: no training label was known after the first test date, and a panel too short is told so."""

from datetime import date

import polars as pl
import pytest

from experiments.errors import SplitError
from experiments.out_of_time import out_of_time
from features.asof import month_ends

SPAN = {"test_months": 3, "horizon_months": 12, "label_lag_months": 3}


def panel(first: date, last: date) -> pl.DataFrame:
    days = month_ends(first, last)
    return pl.DataFrame({"as_of": days * 2, "label": [0] * len(days) + [1] * len(days)})


def test_training_stops_where_its_labels_were_known_at_the_first_test_date() -> None:
    past, test = out_of_time(panel(date(2020, 1, 1), date(2023, 12, 31)), **SPAN)
    assert sorted(set(test["as_of"])) == [date(2023, 10, 31), date(2023, 11, 30), date(2023, 12, 31)]
    # 2022-07-31 and fifteen months are 2023-10-31, the first test date.
    assert past["as_of"].max() == date(2022, 7, 31)


@pytest.mark.parametrize("months", [0, 1, 3, 15])
def test_a_panel_too_short_is_told_so(months: int) -> None:
    rows = panel(date(2020, 1, 1), date(2023, 12, 31))
    days = rows["as_of"].unique().sort().tail(months)
    with pytest.raises(SplitError, match="Start the panel earlier"):
        out_of_time(rows.filter(pl.col("as_of").is_in(days.implode())), **SPAN)
