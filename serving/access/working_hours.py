"""Whether a moment lies in working hours: by the State Council's calendar, which is estimated for years not announced."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

__all__ = ["WorkingHours"]

_ANY_DAY: Final = date(2026, 1, 1)


@dataclass(frozen=True)
class WorkingHours:
    """From which hour of a working day, up to which, in which time zone."""

    first: int
    last: int
    zone: ZoneInfo

    def prepare(self) -> None:
        """Read the calendar now: it takes a moment, which no answer should wait for."""
        _works(_ANY_DAY)

    def contain(self, moment: datetime) -> bool:
        """Tell whether people are at work; make-up days count, festivals do not."""
        local = moment.astimezone(self.zone)
        return self.first <= local.hour < self.last and _works(local.date())


def _works(day: date) -> bool:
    from features.chinese_calendar.festivals_cn import FIRST_DAY  # noqa: PLC0415 - asked where something stands out alone
    from features.chinese_calendar.working_days_cn import days_known  # noqa: PLC0415

    place = (day - date(1970, 1, 1)).days - FIRST_DAY
    working = days_known().working
    return bool(working[place]) if 0 <= place < len(working) else day.isoweekday() < 6  # noqa: PLR2004 - Saturday
