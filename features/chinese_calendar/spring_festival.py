"""Spring Festival: how far a day lies from it, and what part of its windows falls into a week, month or quarter."""

from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.chinese_calendar.day_spans import DaySpans, running_count
from features.chinese_calendar.festivals_cn import (
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    LAST_YEAR,
    Festival,
    offset_from,
    window_days,
)
from features.timeline import Frequency, IntArray, Timeline

__all__ = [
    "DAYS_AFTER",
    "DAYS_BEFORE",
    "SHARES",
    "place_in_year",
    "spring_festival_offset",
    "spring_festival_shares",
]

FloatArray = NDArray[np.float64]

DAYS_BEFORE: Final = 15
DAYS_AFTER: Final = 20

# First and last day of each window, counted from the first day of the lunar year. The week off begins on its eve.
SHARES: Final = MappingProxyType(
    {
        "spring_festival_before": (-21, -2),
        "spring_festival_during": (-1, 5),
        "spring_festival_after": (6, 25),
    }
)


def spring_festival_offset(days: IntArray, *, lead: int = 0) -> IntArray:
    """Return each day's distance to Spring Festival, -15 - lead to 20, and 21 on all days outside."""
    return offset_from(days, Festival.SPRING_FESTIVAL, before=DAYS_BEFORE + lead, after=DAYS_AFTER)


def spring_festival_shares(timeline: Timeline, periods: IntArray) -> dict[str, FloatArray]:
    """Return the part of each window (20 days before, 7 during, 20 after) that falls into each period, demeaned.

    The mean over 1950 to 2100 of the periods at the same place in the year is taken off, so that the columns carry
    no season: over that span they sum to zero in each `place_in_year`. NaN outside it. Source: the moving-holiday
    regressors of X-13ARIMA-SEATS (U.S. Census Bureau, reference manual, program genhol).
    """
    spans = DaySpans.of(timeline, periods)
    means = _means(timeline)
    place = np.where(spans.covered, place_in_year(timeline, periods), 0)
    return {name: _share(spans, name) - means[name][place] for name in SHARES}


def place_in_year(timeline: Timeline, periods: IntArray) -> IntArray:
    """Return where in the year each period lies: month 0-11, quarter 0-3, or sevenths of days before a week 0-52."""
    if timeline.frequency != Frequency.WEEK:
        return timeline.position(periods, timeline.frequency.season)
    starts = timeline.starts(periods)
    place: IntArray = (starts - starts.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) // 7
    return place


@lru_cache(maxsize=32)
def _means(timeline: Timeline) -> dict[str, FloatArray]:
    near = _all_periods(timeline)
    periods = near[DaySpans.of(timeline, near).covered]
    spans = DaySpans.of(timeline, periods)
    place = place_in_year(timeline, periods)
    return {name: np.bincount(place, _share(spans, name)) / np.bincount(place) for name in SHARES}


def _all_periods(timeline: Timeline) -> IntArray:
    match timeline.frequency:
        case Frequency.WEEK:
            return np.arange(FIRST_DAY // 7 - 1, LAST_DAY // 7 + 2)
        case Frequency.QUARTER:
            return np.arange(FIRST_YEAR * 4, (LAST_YEAR + 1) * 4)
        case _:
            return np.arange(FIRST_YEAR * 12, (LAST_YEAR + 1) * 12)


def _share(spans: DaySpans, name: str) -> FloatArray:
    first, last = SHARES[name]
    share: FloatArray = spans.count(_counted(name)) / (last - first + 1)
    return share


@lru_cache(maxsize=len(SHARES))
def _counted(name: str) -> FloatArray:
    return running_count(window_days(Festival.SPRING_FESTIVAL, *SHARES[name]))
