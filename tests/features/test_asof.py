"""Tables as known on a date, and the arithmetic of months."""

from datetime import date

import polars as pl
import pytest

from features.asof import Known, month_ends, months_before
from features.errors import MissingColumnError, MissingTableError

TABLE = pl.LazyFrame({"x": [1, 2, 3], "known_at": [date(2024, 1, 1), date(2024, 1, 2), None]})


def test_rows_known_by_the_date_are_seen() -> None:
    assert Known({"t": TABLE}, date(2024, 1, 1)).rows("t", "x").collect()["x"].to_list() == [1]
    assert Known({"t": TABLE}, date(2024, 1, 2)).rows("t", "x").collect()["x"].to_list() == [1, 2]


def test_missing_table_is_named() -> None:
    with pytest.raises(MissingTableError, match="payments") as caught:
        Known({"t": TABLE}, date(2024, 1, 1)).rows("payments", "x")
    assert caught.value.tables == ("payments",)


def test_missing_column_is_named() -> None:
    with pytest.raises(MissingColumnError, match="amount") as caught:
        Known({"t": TABLE}, date(2024, 1, 1)).rows("t", "x", "amount")
    assert caught.value.columns == ("amount",)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2023, 2, 28)),
        (date(2024, 1, 15), -13, date(2025, 2, 15)),
    ],
)
def test_months_before_keeps_to_the_end_of_short_months(day: date, months: int, expected: date) -> None:
    assert months_before(day, months) == expected


def test_month_ends_lie_between_the_days() -> None:
    assert month_ends(date(2023, 12, 31), date(2024, 3, 30)) == [
        date(2023, 12, 31),
        date(2024, 1, 31),
        date(2024, 2, 29),
    ]
    assert month_ends(date(2024, 2, 1), date(2024, 2, 28)) == []
