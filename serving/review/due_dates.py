"""Due dates in working days, by the State Council's arrangement as far as it is announced."""

from datetime import date, timedelta
from typing import Final

import numpy as np

from features.chinese_calendar.festivals_cn import FIRST_DAY
from features.chinese_calendar.working_days_cn import days_known

__all__ = ["due_after"]

_EPOCH: Final = date(1970, 1, 1)


def due_after(day: date, working_days: int) -> tuple[date, bool]:
    """Return the last of so many working days after a day, and whether days up to it are only estimated.

    The arrangement is taken as it was known on that day, so that the same day has the same due date for ever.
    """
    known, start = days_known(day), (day - _EPOCH).days - FIRST_DAY + 1
    place = start + int(np.flatnonzero(known.working[start:])[working_days - 1])
    return _EPOCH + timedelta(days=place + FIRST_DAY), bool(known.estimated[start : place + 1].any())
