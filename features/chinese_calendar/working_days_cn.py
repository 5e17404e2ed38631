"""Working days, days off and make-up days of mainland China, as they were known on a date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Final

import holidays
import numpy as np
from numpy.typing import NDArray

from features.chinese_calendar.festivals_cn import FIRST_DAY, LAST_DAY, is_weekend
from features.chinese_calendar.statutory_days_cn import laws_known, statutory_days
from features.timeline import IntArray

__all__ = ["Days", "announced_on", "announced_years", "days_known"]

BoolArray = NDArray[np.bool_]

_SIZE: Final = LAST_DAY - FIRST_DAY + 1
_DECEMBER: Final = 12
_NEW_YEAR_BREAK_FROM: Final = 24  # days of December that the next year's notice may move

# Notices that changed an arrangement in its year: day of publication, and whether each day had been a working day before.
_REVISIONS: Final[tuple[tuple[date, Mapping[str, bool]], ...]] = (
    (date(2015, 5, 13), {"2015-09-03": True, "2015-09-04": True, "2015-09-06": False}),  # Victory Day
    (date(2019, 3, 22), {"2019-04-28": False, "2019-05-02": True, "2019-05-03": True, "2019-05-05": False}),
    (date(2020, 1, 27), {"2020-01-31": True, "2020-02-01": True}),  # COVID-19
)

# Notices come in October to December. From 2017 on the first of December is taken, before 2017 the twentieth and before
# 2008 the last of the month (the notice for 2006 is of 22 December); these came later than the rule says.
_ANNOUNCED_LATER: Final[Mapping[int, date]] = {2019: date(2018, 12, 6), 2023: date(2022, 12, 8)}
_EARLY_NOTICES_FROM: Final = 2017
_NOTICES_BY_20TH_FROM: Final = 2008


@dataclass(frozen=True)
class Days:
    """One value per day of the span FIRST_YEAR to LAST_YEAR."""

    working: BoolArray
    weekend: BoolArray  # Saturday or Sunday, worked or not
    estimated: BoolArray  # by the law on statutory days: no notice of the State Council is known

    @property
    def makeup(self) -> BoolArray:
        """Return the Saturdays and Sundays that are worked."""
        made_up: BoolArray = self.working & self.weekend
        return made_up

    @property
    def weekday_off(self) -> BoolArray:
        """Return the days off from Monday to Friday."""
        off: BoolArray = ~self.working & ~self.weekend
        return off

    @cached_property
    def break_days(self) -> IntArray:
        """Return how many days off in a row each day belongs to: 2 on an ordinary weekend, 0 on a working day."""
        run = np.cumsum(np.diff(self.working, prepend=self.working[:1]))
        return np.where(self.working, 0, np.bincount(run)[run])


@dataclass(frozen=True)
class _Knowledge:
    """What a date knows of notices; equal for most dates of a year, so that tables are built once."""

    last_year: int
    laws: int
    revisions: int


def announced_on(year: int) -> date:
    """Return the day from which the arrangement of `year` counts as known: a conservative rule, see above."""
    day = 1 if year >= _EARLY_NOTICES_FROM else 20 if year >= _NOTICES_BY_20TH_FROM else 31
    return _ANNOUNCED_LATER.get(year, date(year - 1, _DECEMBER, day))


def announced_years() -> tuple[int, int]:
    """Return the first and last year whose arrangement the installed `holidays` package holds."""
    first, last, _ = _published()
    return first, last


def days_known(as_of: date | None = None) -> Days:
    """Return the calendar as it was known on `as_of` (None: all that the installed `holidays` package knows).

    A year whose arrangement was not announced has weekends and statutory days, those that meet a weekend or each
    other moved to the next working day, and no make-up days.
    """
    first, last = announced_years()
    if as_of is None:
        return _days(_Knowledge(last, laws_known(), len(_REVISIONS)))
    known = [year for year in range(first, last + 1) if announced_on(year) <= as_of]
    revisions = sum(published <= as_of for published, _ in _REVISIONS)
    return _days(_Knowledge(known[-1] if known else first - 1, laws_known(as_of), revisions))


@lru_cache(maxsize=64)
def _days(known: _Knowledge) -> Days:
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    weekend = is_weekend(days)
    first, _, published = _published()
    year = _arrangement_year(days)
    announced = (year >= first) & (year <= known.last_year)
    working = np.where(announced, published, ~weekend & ~statutory_days(known.laws))
    for _, before in _REVISIONS[known.revisions :]:
        index = np.array(list(before), dtype="datetime64[D]").astype(np.int64) - FIRST_DAY
        working[index] = np.where(announced[index], list(before.values()), working[index])
    estimated = ~announced
    for kept in (working, weekend, estimated):
        kept.setflags(write=False)
    return Days(working, weekend, estimated)


@lru_cache(maxsize=1)
def _published() -> tuple[int, int, BoolArray]:
    """Return the first and last year with make-up days, and the working days between (False elsewhere)."""
    noted = holidays.country_holidays("CN").special_public_holidays
    calendar = holidays.country_holidays("CN", years=range(min(noted) - 1, max(noted) + 1))
    days = np.arange(f"{min(noted) - 1}-12-01", f"{max(noted) + 1}-01-01", dtype="datetime64[D]")
    number = days.astype(np.int64)
    worked = np.array([calendar.is_working_day(day) for day in days.tolist()], dtype=np.bool_)
    # A year may have a single special day before its notice is out; only a notice brings worked weekends.
    years = _arrangement_year(number)[worked & is_weekend(number)]
    table = np.zeros(_SIZE, dtype=np.bool_)
    table[number - FIRST_DAY] = worked
    return int(years.min()), int(years.max()), table


def _arrangement_year(days: IntArray) -> IntArray:
    """Return the year whose notice decides on a day: New Year's break reaches back into December."""
    stamps = days.astype("datetime64[D]")
    months = stamps.astype("datetime64[M]")
    month = months.astype(np.int64)
    day = (stamps - months.astype("datetime64[D]")).astype(np.int64) + 1
    later = (np.mod(month, 12) == _DECEMBER - 1) & (day >= _NEW_YEAR_BREAK_FROM)
    year: IntArray = np.floor_divide(month, 12) + 1970 + later
    return year
