"""Utilisation of whole months: sums over sums, never a mean of days."""

from datetime import date, timedelta

import polars as pl
import pytest

from features.capacity.group_lines import group_line_panel
from features.capacity.history_file import line_panel_of_file
from features.capacity.utilisation import monthly_utilisation
from tests.features.capacity.conftest import Tables

START = date(2024, 1, 1)


def days(count: int, output: float = 100.0, rate: float = 10.0) -> pl.DataFrame:
    ds = [START + timedelta(days=step) for step in range(count)]
    return pl.DataFrame(
        {"line_id": "A", "ds": ds, "planned_rate": rate, "planned_hours": 16.0, "output": output}
    )


def test_sums_are_divided_not_days() -> None:
    frame = days(31).with_columns(
        planned_rate=pl.when(pl.col("ds") < date(2024, 1, 16)).then(10.0).otherwise(30.0)
    )
    (row,) = monthly_utilisation(line_panel_of_file(frame, as_of=date(2024, 2, 2))).to_dicts()
    assert row["ds"] == START
    assert row["good_output"] == 3100.0
    assert row["calendar_hours"] == 744.0
    assert row["utilisation"] == pytest.approx(3100 / (24 * (15 * 10 + 16 * 30)))
    assert row["utilisation"] == pytest.approx(
        row["good_output"] / (row["calendar_hours"] * row["planned_rate"])
    )


def test_month_that_is_not_over_or_not_reported_is_left_out() -> None:
    frame = days(91).with_columns(
        output=pl.when(pl.col("ds").is_between(date(2024, 2, 3), date(2024, 2, 6)))
        .then(None)
        .otherwise("output")
    )
    months = monthly_utilisation(line_panel_of_file(frame[1:], as_of=date(2024, 4, 2)))["ds"].to_list()
    assert months == [date(2024, 3, 1)]
    assert monthly_utilisation(line_panel_of_file(frame[:30], as_of=date(2024, 2, 2))).is_empty()


def test_days_of_rest_count_as_calendar() -> None:
    frame = days(31).filter(pl.col("ds").dt.weekday() != 7)
    (row,) = monthly_utilisation(line_panel_of_file(frame, as_of=date(2024, 2, 2))).to_dicts()
    assert row["calendar_hours"] == 744.0
    assert row["good_output"] == 2700.0


def test_lines_of_the_sample_stay_within_their_calendar(sample: Tables) -> None:
    months = monthly_utilisation(group_line_panel(sample, as_of=date(2024, 6, 20), horizon_days=1))
    assert months["line_id"].n_unique() == 9
    assert months.height == 9 * 41
    assert months["utilisation"].is_between(0, 1).all()
