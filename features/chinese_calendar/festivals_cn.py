"""Dates of the Chinese festivals from 1950 to 2100, and how far a day lies from them."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from holidays.calendars.chinese import _ChineseLunisolar
from numpy.typing import NDArray

from features.timeline import IntArray

__all__ = [
    "FIRST_DAY",
    "FIRST_YEAR",
    "LAST_DAY",
    "LAST_YEAR",
    "Festival",
    "festival_days",
    "is_weekend",
    "offset_from",
    "window_days",
]

FIRST_YEAR: Final = 1950
LAST_YEAR: Final = 2100  # the end of the lunar tables in `holidays`; its rule for Qingming is sure to 2099


class Festival(StrEnum):
    """A festival whose days are off work in mainland China."""

    NEW_YEAR_DAY = "new_year_day"
    SPRING_FESTIVAL = "spring_festival"
    QINGMING = "qingming"
    LABOUR_DAY = "labour_day"
    DRAGON_BOAT = "dragon_boat"
    MID_AUTUMN = "mid_autumn"
    NATIONAL_DAY = "national_day"


def _day_number(day: object) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))  # type: ignore[call-overload]


FIRST_DAY: Final = _day_number(f"{FIRST_YEAR}-01-01")  # days since 1970-01-01, as everywhere below
LAST_DAY: Final = _day_number(f"{LAST_YEAR}-12-31")
_THURSDAY: Final = 3  # 1970-01-01, where Monday is 0
_SATURDAY: Final = 5
_FIXED: Final = MappingProxyType(
    {Festival.NEW_YEAR_DAY: "01-01", Festival.LABOUR_DAY: "05-01", Festival.NATIONAL_DAY: "10-01"}
)


@lru_cache(maxsize=1)
def festival_days() -> Mapping[Festival, IntArray]:
    """Return each festival's day in every year from FIRST_YEAR to LAST_YEAR, as days since 1970-01-01, (151,).

    Lunar dates and Qingming come from the tables of `holidays`, which need no announcement by the State Council.
    """
    lunar = _ChineseLunisolar()
    moving = {
        Festival.SPRING_FESTIVAL: lunar.lunar_new_year_date,
        Festival.QINGMING: lunar.qingming_date,
        Festival.DRAGON_BOAT: lunar.dragon_boat_date,
        Festival.MID_AUTUMN: lunar.mid_autumn_date,
    }
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    found = {name: [_day_number(date_of(year)[0]) for year in years] for name, date_of in moving.items()}
    found |= {name: [_day_number(f"{year}-{day}") for year in years] for name, day in _FIXED.items()}
    return MappingProxyType({name: np.asarray(found[name], dtype=np.int64) for name in Festival})


def is_weekend(days: IntArray) -> NDArray[np.bool_]:
    """Return which days are Saturdays or Sundays."""
    weekend: NDArray[np.bool_] = np.mod(days + _THURSDAY, 7) >= _SATURDAY
    return weekend


def offset_from(days: IntArray, festival: Festival, *, before: int, after: int) -> IntArray:
    """Return how many days after its nearest festival each day lies: -before to after, and after + 1 outside.

    One value for all days outside lets a tree cut the window off with a single split.
    """
    dates = festival_days()[festival]
    coming = np.searchsorted(dates, days)
    until = days - dates[np.minimum(coming, len(dates) - 1)]
    since = days - dates[np.maximum(coming - 1, 0)]
    ahead = (until <= 0) & (until >= -before)
    behind = (since > 0) & (since <= after)
    return np.where(ahead, until, np.where(behind, since, after + 1)).astype(np.int64)


def window_days(festival: Festival, first: int, last: int) -> NDArray[np.bool_]:
    """Return for each day of the span whether it lies `first` to `last` days after the festival (both included)."""
    inside = np.zeros(LAST_DAY - FIRST_DAY + 1, dtype=np.bool_)
    days = festival_days()[festival][:, None] + np.arange(first, last + 1)[None, :] - FIRST_DAY
    inside[days[(days >= 0) & (days < inside.size)]] = True
    return inside
