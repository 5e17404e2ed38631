"""Dates as registers write them: a day, a month, a year or a moment."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

__all__ = ["first_day"]

_WRITTEN: Final = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ].*)?)?)?", re.ASCII)


def first_day(text: object) -> date | None:
    """Return the day of a date, the first day of a month ("2019-05") or year ("2019"), the day of a moment.

    A moment counts as the day that is written, whatever its time zone. None for anything else.
    """
    return _day(text) if isinstance(text, str) else None


@lru_cache(maxsize=100_000)  # a register repeats its days
def _day(text: str) -> date | None:
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day = (int(part) if part else 1 for part in found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None
