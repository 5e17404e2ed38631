"""Lines read from the real production days of SupplyGraph: what is there comes through, and nothing from after the date."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.capacity.history_file import line_panel_of_file
from features.capacity.utilisation import monthly_utilisation

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("shared_data")]

CUTOFF = date(2023, 6, 4)


@pytest.fixture(scope="module")
def days(shared_data: Path) -> pl.DataFrame:
    path = shared_data / "forecast" / "supplygraph_unit_daily" / "Production .csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not on this machine ({path})")
    wide = pl.read_csv(path, infer_schema_length=None).rename({"Date": "ds"})
    long = wide.unpivot(index="ds", variable_name="line_id", value_name="output").cast({"output": pl.Float64})
    rate = pl.col("output").filter(pl.col("output") > 0).max().over("line_id") / 24
    rows = long.with_columns(pl.col("ds").str.slice(0, 10), planned_rate=rate, planned_hours=pl.lit(24.0))
    return rows.drop_nulls("planned_rate")


def test_every_real_day_comes_through(days: pl.DataFrame) -> None:
    panel = line_panel_of_file(days)
    assert panel.refused.is_empty()
    assert panel.lines.height == days["line_id"].n_unique() > 20
    assert panel.history["output"].sum() == pytest.approx(days["output"].sum())
    months = monthly_utilisation(panel)
    assert months["ds"].n_unique() >= 5
    assert months["utilisation"].is_between(0, 1).all()


def test_days_after_the_cut_off_change_nothing(days: pl.DataFrame) -> None:
    later = pl.col("ds") > str(CUTOFF)
    tampered = days.with_columns(output=pl.when(later).then(pl.col("output") * 9 + 1).otherwise("output"))
    expected = line_panel_of_file(days.filter(~later), as_of=CUTOFF)
    found = line_panel_of_file(tampered, as_of=CUTOFF)
    for name in ("lines", "history", "future", "findings", "refused"):
        assert_frame_equal(getattr(found, name), getattr(expected, name), check_exact=True)
