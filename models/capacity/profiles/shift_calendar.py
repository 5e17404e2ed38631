"""The hours a profile means a line to run on each day, where the line has no shift plan of its own."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.chinese_calendar.festivals_cn import FIRST_DAY, LAST_DAY, Festival, window_days
from models.capacity.profiles.profile import Calendar

__all__ = ["calendar_hours"]

_EVE: Final = -1  # New Year's Eve, counted from the first day of the lunar year
_THURSDAY: Final = 3  # weekday of 1970-01-01, Monday being 0


def calendar_hours(calendar: Calendar, ds: pl.Series) -> NDArray[np.float64]:
    """Return the planned hours of each day of a Date series, shape (n,): 0 out of season and over Spring Festival.

    Days before 1950 and after 2100 have no Spring Festival here.
    """
    days = ds.cast(pl.Date).to_physical().to_numpy().astype(np.int64)
    hours: NDArray[np.float64] = np.asarray(calendar.week)[(days + _THURSDAY) % 7]
    if calendar.season_months:
        in_season = ds.cast(pl.Date).dt.month().is_in(list(calendar.season_months)).to_numpy()
        hours = np.where(in_season, hours, 0.0)
    if calendar.closes_at_spring_festival:
        closed = window_days(Festival.SPRING_FESTIVAL, _EVE, _EVE + calendar.spring_festival_days - 1)
        known = (days >= FIRST_DAY) & (days <= LAST_DAY)
        hours = np.where(known & closed[np.clip(days, FIRST_DAY, LAST_DAY) - FIRST_DAY], 0.0, hours)
    return hours
