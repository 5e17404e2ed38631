"""Calendar of days and hours: where in the year and the week, working or not, and how far from each festival."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.chinese_calendar.day_spans import DaySpans
from features.chinese_calendar.festivals_cn import Festival, offset_from
from features.chinese_calendar.spring_festival import spring_festival_offset
from features.chinese_calendar.working_days_cn import Days
from features.timeline import Frequency, IntArray, Timeline

__all__ = ["NEAR", "day_columns", "season_of_days"]

FloatArray = NDArray[np.float64]

# Days before and after a festival on which a daily series may tell it, Prophet's windows and the offset columns alike.
NEAR: Final[Mapping[Festival, tuple[int, int]]] = MappingProxyType(
    {
        Festival.NEW_YEAR_DAY: (2, 2),
        Festival.QINGMING: (2, 2),
        Festival.LABOUR_DAY: (2, 5),
        Festival.DRAGON_BOAT: (2, 2),
        Festival.MID_AUTUMN: (2, 2),
        Festival.NATIONAL_DAY: (3, 8),
    }
)


def season_of_days(timeline: Timeline, periods: IntArray) -> dict[str, FloatArray]:
    """Return where in week, month and year each day or hour lies: weekday from 0 (Monday), the others from 1."""
    stamps = timeline.starts(periods)
    months = stamps.astype("datetime64[M]")
    columns = {
        "weekday": np.mod(stamps.astype(np.int64) + 3, 7),
        "day_of_month": (stamps - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "day_of_year": (stamps - months.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1,
        "month": np.mod(months.astype(np.int64), 12) + 1,
    }
    if timeline.frequency == Frequency.HOUR:
        columns = {"hour": np.mod(periods, 24), "hour_of_week": np.mod(periods + 72, 168)} | columns
    return {name: values.astype(np.float64) for name, values in columns.items()}


def day_columns(spans: DaySpans, days: Days) -> dict[str, FloatArray]:
    """Return what the days are: working, in a break of how many days, and days from each festival.

    Offsets run over the days of `NEAR`, and have one value, the last one plus 1, on all days outside. NaN where the
    spans are not covered.
    """
    columns = {
        "working_day": days.working,
        "makeup_workday": days.makeup,
        "weekday_off": days.weekday_off,
        "break_days": days.break_days,
    }
    offsets = {"spring_festival_offset": spring_festival_offset(spans.first)}
    for name, (before, after) in NEAR.items():
        offsets[f"{name}_offset"] = offset_from(spans.first, name, before=before, after=after)
    return {name: spans.at_first(values) for name, values in columns.items()} | {
        name: np.where(spans.covered, values, np.nan) for name, values in offsets.items()
    }
