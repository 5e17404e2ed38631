"""Chinese calendar as columns of demand periods: season, working days, Spring Festival and the other festivals."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.chinese_calendar.day_calendar import NEAR, day_columns, season_of_days
from features.chinese_calendar.day_spans import DaySpans, running_count
from features.chinese_calendar.festivals_cn import FIRST_DAY, Festival, festival_days
from features.chinese_calendar.span_calendar import BREAKS, season_of_spans, span_columns
from features.chinese_calendar.spring_festival import DAYS_AFTER, DAYS_BEFORE, SHARES
from features.chinese_calendar.working_days_cn import days_known
from features.timeline import Frequency, IntArray, Timeline

__all__ = ["CALENDAR_GROUPS", "calendar_columns", "column_group", "estimated", "festival_windows"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MAKEUP: Final = "makeup_workday"
_GROUPED: Final = MappingProxyType(
    {
        "season": (
            "hour",
            "hour_of_week",
            "weekday",
            "day_of_month",
            "day_of_year",
            "week_of_year",
            "month",
            "quarter",
            "calendar_days",
        ),
        "working_days": (
            "working_day",
            _MAKEUP,
            "weekday_off",
            "break_days",
            "working_days",
            "makeup_workdays",
            "weekdays_off",
        ),
        "spring_festival": ("spring_festival", "spring_festival_offset", *SHARES),
        "holiday": (*NEAR, *(f"{name}_offset" for name in NEAR), *(f"{name}_days" for name in BREAKS)),
    }
)

CALENDAR_GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {str(name): group for group, names in _GROUPED.items() for name in names}
)
"""Group of each calendar column and of each holiday of `festival_windows`."""


def calendar_columns(
    timeline: Timeline, periods: IntArray, *, as_of: date | None = None
) -> dict[str, FloatArray]:
    """Return the calendar of periods as numeric columns of their shape; none for plain integers.

    Hours take their day's columns. Arrangements announced after `as_of` are not known: their years have weekends and
    statutory days only, without make-up days (None: all that the installed `holidays` package holds). Outside 1950
    to 2100 all columns but those of the season are NaN.
    """
    if timeline.frequency == Frequency.INTEGER:
        return {}
    spans = DaySpans.of(timeline, periods)
    days = days_known(as_of)
    if timeline.frequency in (Frequency.HOUR, Frequency.DAY):
        return season_of_days(timeline, periods) | day_columns(spans, days)
    return season_of_spans(timeline, periods) | span_columns(timeline, periods, spans=spans, days=days)


def column_group(name: str) -> str:
    """Return the group that explains a calendar column: spring_festival, holiday, working_days or season.

    Raises KeyError for a name that is not the calendar's; `CALENDAR_GROUPS` lists them.
    """
    return CALENDAR_GROUPS[name]


def estimated(timeline: Timeline, periods: IntArray, *, as_of: date | None = None) -> BoolArray:
    """Return which periods hold days whose arrangement by the State Council is not known, of the periods' shape.

    These are the years before the first and after the last one in the installed `holidays` package, or announced
    after `as_of`. The days from 24 December count with the next year, whose notice decides on New Year's break.
    """
    if timeline.frequency == Frequency.INTEGER:
        return np.zeros(periods.shape, dtype=np.bool_)
    spans = DaySpans.of(timeline, periods)
    unknown: BoolArray = ~(spans.count(running_count(days_known(as_of).estimated)) == 0)
    return unknown


def festival_windows(first: date, last: date, *, as_of: date | None = None) -> pl.DataFrame:
    """Return the festivals whose windows touch the days from `first` to `last`, as Prophet reads holidays.

    Columns holiday (String), ds (Date), lower_window and upper_window (Int32, days around ds). Each festival recurs
    under one name, so that its days are learnt from all years; worked weekends are `makeup_workday`. For daily and
    hourly series: a festival that falls between weekly or monthly stamps is not seen, use `calendar_columns` there.
    """
    span = _number(first), _number(last)
    windows = {Festival.SPRING_FESTIVAL: (DAYS_BEFORE, DAYS_AFTER)} | dict(NEAR)
    rows = [
        (str(name), int(day), -before, after)
        for name, (before, after) in windows.items()
        for day in festival_days()[name]
        if day + after >= span[0] and day - before <= span[1]
    ]
    worked = np.flatnonzero(days_known(as_of).makeup) + FIRST_DAY
    rows += [(_MAKEUP, int(day), 0, 0) for day in worked if span[0] <= day <= span[1]]
    schema = {
        "holiday": pl.String(),
        "ds": pl.Int32(),
        "lower_window": pl.Int32(),
        "upper_window": pl.Int32(),
    }
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .with_columns(pl.col("ds").cast(pl.Date))
        .sort("ds", "holiday")
    )


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
