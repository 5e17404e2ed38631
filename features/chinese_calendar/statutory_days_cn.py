"""Days that the law of the People's Republic of China gives off, before any notice moves weekends around them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.chinese_calendar.festivals_cn import (
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    LAST_YEAR,
    Festival,
    festival_days,
    is_weekend,
)

__all__ = ["laws_known", "statutory_days"]

_IN_LIEU_FROM: Final = 2000


@dataclass(frozen=True)
class _Law:
    published: date
    since: int  # first year
    days: Mapping[Festival, tuple[int, ...]]  # days after each festival that are off


_FIRST: Final = {
    Festival.NEW_YEAR_DAY: (0,),
    Festival.SPRING_FESTIVAL: (0, 1, 2),
    Festival.LABOUR_DAY: (0,),
    Festival.NATIONAL_DAY: (0, 1),
}
_GOLDEN_WEEKS: Final = _FIRST | {Festival.LABOUR_DAY: (0, 1, 2), Festival.NATIONAL_DAY: (0, 1, 2)}
_TRADITIONAL: Final = _GOLDEN_WEEKS | {
    Festival.SPRING_FESTIVAL: (-1, 0, 1),
    Festival.QINGMING: (0,),
    Festival.LABOUR_DAY: (0,),
    Festival.DRAGON_BOAT: (0,),
    Festival.MID_AUTUMN: (0,),
}
_WITHOUT_EVE: Final = _TRADITIONAL | {Festival.SPRING_FESTIVAL: (0, 1, 2)}
_THIRTEEN_DAYS: Final = _TRADITIONAL | {Festival.SPRING_FESTIVAL: (-1, 0, 1, 2), Festival.LABOUR_DAY: (0, 1)}

# State Council, Measures on Days Off for Annual Festivals and Memorial Days, 1949 and as revised in 1999, 2007
# (Order 513), 2013 (Order 644) and 2024 (Order 795).
_LAWS: Final = (
    _Law(date(1949, 12, 23), FIRST_YEAR, MappingProxyType(_FIRST)),
    _Law(date(1999, 9, 18), 2000, MappingProxyType(_GOLDEN_WEEKS)),
    _Law(date(2007, 12, 16), 2008, MappingProxyType(_TRADITIONAL)),
    _Law(date(2013, 12, 11), 2014, MappingProxyType(_WITHOUT_EVE)),
    _Law(date(2024, 11, 12), 2025, MappingProxyType(_THIRTEEN_DAYS)),
)


def laws_known(as_of: date | None = None) -> int:
    """Return how many of the laws were published by a date, at least one (None: all)."""
    return len(_LAWS) if as_of is None else max(1, sum(law.published <= as_of for law in _LAWS))


@lru_cache(maxsize=len(_LAWS))
def statutory_days(laws: int) -> NDArray[np.bool_]:
    """Return for each day of the span whether the first `laws` laws give it off, (FIRST_DAY to LAST_DAY).

    Since 2000 a statutory day that meets a weekend or another statutory day moves to the next working day.
    """
    weekend = is_weekend(np.arange(FIRST_DAY, LAST_DAY + 1))
    off = np.zeros(weekend.size, dtype=np.bool_)
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        days = _days_of(year, laws)
        off[days] = True
        met = [day for place, day in enumerate(days) if weekend[day] or day in days[:place]]
        for day in met if year >= _IN_LIEU_FROM else ():
            later = day
            while weekend[later] or off[later]:
                later += 1
            off[later] = True
    return off


def _days_of(year: int, laws: int) -> list[int]:
    law = next(law for law in reversed(_LAWS[:laws]) if law.since <= year)
    place = year - FIRST_YEAR
    dates = {festival: int(days[place]) - FIRST_DAY for festival, days in festival_days().items()}
    return sorted(dates[festival] + after for festival, afters in law.days.items() for after in afters)
