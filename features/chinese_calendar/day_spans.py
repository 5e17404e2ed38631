"""First and last day of demand periods, and counts of marked days between them, within the calendar's years."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.chinese_calendar.festivals_cn import FIRST_DAY, LAST_DAY
from features.timeline import IntArray, Timeline

__all__ = ["DaySpans", "running_count"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class DaySpans:
    """The days of periods: numbers since 1970-01-01, both ends included, of the shape of the periods.

    Periods that are not wholly inside 1950 to 2100 are not `covered`; their days are held at the nearest end.
    """

    first: IntArray
    last: IntArray
    covered: BoolArray

    @classmethod
    def of(cls, timeline: Timeline, periods: IntArray) -> Self:
        """Find the days of periods. Raises FrequencyError for plain integers, which have no days."""
        first = timeline.starts(periods).astype(np.int64)
        last = timeline.ends(periods).astype(np.int64)
        covered = (first >= FIRST_DAY) & (last <= LAST_DAY)
        return cls(np.clip(first, FIRST_DAY, LAST_DAY), np.clip(last, FIRST_DAY, LAST_DAY), covered)

    def at_first(self, values: NDArray[np.generic]) -> FloatArray:
        """Return the value of each period's first day from one value per day; NaN where not covered."""
        return np.where(self.covered, values[self.first - FIRST_DAY], np.nan).astype(np.float64)

    def count(self, counted: FloatArray) -> FloatArray:
        """Return the marked days in each period from their running count; NaN where not covered."""
        total: FloatArray = counted[self.last - FIRST_DAY + 1] - counted[self.first - FIRST_DAY]
        return np.where(self.covered, total, np.nan)


def running_count(marked: BoolArray) -> FloatArray:
    """Return how many days were marked before each day and after the last one, (days + 1,)."""
    return np.concatenate([[0.0], np.cumsum(marked, dtype=np.float64)])
