"""Calendar of weeks, months and quarters: working days and days of festivals in them."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.chinese_calendar.day_spans import DaySpans, running_count
from features.chinese_calendar.festivals_cn import Festival, window_days
from features.chinese_calendar.spring_festival import (
    place_in_year,
    spring_festival_offset,
    spring_festival_shares,
)
from features.chinese_calendar.working_days_cn import Days
from features.timeline import Frequency, IntArray, Timeline

__all__ = ["BREAKS", "season_of_spans", "span_columns"]

FloatArray = NDArray[np.float64]

# First and last day of the usual break, counted from the festival, whose days a week, month or quarter may hold.
BREAKS: Final[Mapping[Festival, tuple[int, int]]] = MappingProxyType(
    {
        Festival.NEW_YEAR_DAY: (0, 0),
        Festival.QINGMING: (-1, 1),
        Festival.LABOUR_DAY: (0, 4),
        Festival.DRAGON_BOAT: (-1, 1),
        Festival.MID_AUTUMN: (-1, 1),
        Festival.NATIONAL_DAY: (0, 6),
    }
)
# In months and quarters only these move; the others would repeat the season.
_MOVING: Final = MappingProxyType(
    {
        Frequency.WEEK: tuple(BREAKS),
        Frequency.MONTH: (Festival.DRAGON_BOAT, Festival.MID_AUTUMN),
        Frequency.QUARTER: (Festival.MID_AUTUMN,),
    }
)


def season_of_spans(timeline: Timeline, periods: IntArray) -> dict[str, FloatArray]:
    """Return where in the year each period lies, from 1, and the days of months and quarters."""
    place = (place_in_year(timeline, periods) + 1).astype(np.float64)
    if timeline.frequency == Frequency.WEEK:
        return {"week_of_year": place}
    length = timeline.ends(periods) - timeline.starts(periods)
    return {
        "month" if timeline.frequency == Frequency.MONTH else "quarter": place,
        "calendar_days": length.astype(np.float64) + 1.0,
    }


def span_columns(
    timeline: Timeline, periods: IntArray, *, spans: DaySpans, days: Days
) -> dict[str, FloatArray]:
    """Return the working days, worked weekends and weekdays off in each period, and what it holds of the festivals.

    `<festival>_days` counts the days of `BREAKS`. NaN where the spans are not covered.
    """
    marked = {"working_days": days.working, "makeup_workdays": days.makeup, "weekdays_off": days.weekday_off}
    columns = {name: spans.count(running_count(values)) for name, values in marked.items()}
    columns |= spring_festival_shares(timeline, periods)
    if timeline.frequency == Frequency.WEEK:
        # A week that ends within the window has its first day up to six days before it.
        offset = spring_festival_offset(spans.first, lead=6)
        columns["spring_festival_offset"] = np.where(spans.covered, offset, np.nan)
    for name in _MOVING[timeline.frequency]:
        columns[f"{name}_days"] = spans.count(_break_count(name))
    return columns


@lru_cache(maxsize=len(BREAKS))
def _break_count(name: Festival) -> FloatArray:
    return running_count(window_days(name, *BREAKS[name]))
