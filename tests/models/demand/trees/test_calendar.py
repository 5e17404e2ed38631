"""The calendar's columns: none for integers, none that history is too short for, against last season where they move."""

import numpy as np
import pytest

from features.timeline import Frequency, Timeline
from models.demand.series import Series
from models.demand.trees.calendar import Calendar, told_too_seldom
from models.demand.trees.columns import Columns


def series_of(frequency: Frequency, width: int) -> Series:
    y = np.ones((2, width))
    return Series(
        ids=("a", "b"),
        y=y,
        observed=np.isfinite(y),
        last=np.array([24_000, 24_003], dtype=np.int64),
        timeline=Timeline(frequency),
        season=frequency.season,
    )


@pytest.mark.parametrize(
    ("frequency", "width", "column", "left_out"),
    [
        (Frequency.WEEK, 91, "week_of_year", True),
        (Frequency.WEEK, 108, "week_of_year", False),
        (Frequency.DAY, 540, "day_of_year", True),
        (Frequency.DAY, 600, "day_of_year", False),
        (Frequency.DAY, 700, "weekday", False),
        (Frequency.DAY, 13, "weekday", True),
        (Frequency.MONTH, 23, "month", True),
        (Frequency.MONTH, 36, "month", False),
    ],
)
def test_a_season_seen_too_seldom_is_left_out(
    frequency: Frequency, width: int, column: str, *, left_out: bool
) -> None:
    series = series_of(frequency, width)
    missing = told_too_seldom(series)
    assert (column in missing) is left_out
    calendar = Calendar.of(series, series.periods(2).T, missing)
    assert (column in calendar.columns) is not left_out


def test_integers_have_no_calendar() -> None:
    series = series_of(Frequency.INTEGER, 30)
    assert told_too_seldom(series) == frozenset()
    assert not Calendar.of(series, series.periods(2).T, frozenset()).columns


def test_festivals_are_told_against_the_last_season() -> None:
    series = series_of(Frequency.MONTH, 60)
    calendar = Calendar.of(series, series.periods(3).T, frozenset())
    columns = Columns()
    target, which = np.array([60, 61, 62]), np.array([0, 0, 1])
    calendar.add(columns, target, which, target - 12)
    names = dict(zip(columns.names, columns.values, strict=True))
    components = dict(zip(columns.names, columns.components, strict=True))
    share = calendar.columns["spring_festival_during"]
    place = series.periods(3)[which, target] - calendar.first
    np.testing.assert_array_equal(names["calendar spring_festival_during"], share[place])
    np.testing.assert_array_equal(
        names["calendar spring_festival_during less last season"], share[place] - share[place - 12]
    )
    assert components["calendar month"] == "season"
    assert components["calendar spring_festival_during"] == "calendar:spring_festival"
    assert "calendar month less last season" not in names
