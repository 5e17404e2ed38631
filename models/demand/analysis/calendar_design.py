"""The Chinese calendar as columns of a linear regression: breaks, make-up days and steps through Spring Festival."""

from itertools import pairwise
from typing import Final

import numpy as np

from features.calendar import calendar_columns
from features.timeline import Frequency, Timeline
from models.demand.series import FloatArray, IntArray

__all__ = ["calendar_design"]

_STEPS: Final = (
    -15,
    -12,
    -9,
    -6,
    -3,
    0,
    3,
    6,
    9,
    13,
    17,
    21,
)  # days from the festival at which its effect may turn
_BREAKS: Final = {
    "new_year_day": 1,
    "qingming": 1,
    "labour_day": 5,
    "dragon_boat": 1,
    "mid_autumn": 1,
    "national_day": 7,
}
_DAY: Final = (
    "makeup_workday",
    "weekday_off",
)  # where a day differs from its weekday; the weekdays are a season
_WEEK: Final = (
    "working_days", "spring_festival_before", "spring_festival_during", "spring_festival_after",
    "labour_day_days", "dragon_boat_days", "mid_autumn_days", "national_day_days",
)  # fmt: skip
_SPAN: Final = ("working_days", "spring_festival_before", "spring_festival_during", "spring_festival_after")


def calendar_design(timeline: Timeline, periods: IntArray) -> FloatArray:
    """Return calendar columns (T, c) for periods (T,); c is 0 for plain integers. Unknown years are as usual (0)."""
    columns = calendar_columns(timeline, periods)
    if not columns:
        return np.empty((len(periods), 0))
    if timeline.frequency in (Frequency.HOUR, Frequency.DAY):
        chosen = [columns[name] for name in _DAY] + _festivals(columns)
    else:
        chosen = [columns[name] for name in (_WEEK if timeline.frequency == Frequency.WEEK else _SPAN)]
    return np.nan_to_num(np.stack(chosen, axis=1))


def _festivals(columns: dict[str, FloatArray]) -> list[FloatArray]:
    offset = columns["spring_festival_offset"]
    found = [((offset >= low) & (offset < high)).astype(np.float64) for low, high in pairwise(_STEPS)]
    for name, length in _BREAKS.items():
        days = columns[f"{name}_offset"]
        found.append(((days >= 0) & (days < length)).astype(np.float64))
    return found
