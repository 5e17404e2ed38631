"""The six years of the sample: months, quarter ends, and the Spring Festival of each year."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from sample_group.columns import Floats, Ints

__all__ = ["LUNAR_NEW_YEAR", "Window", "day_number", "spring_festival_distance"]

# first day of the first lunar month, as published by the Purple Mountain Observatory
LUNAR_NEW_YEAR: Final = (
    date(2019, 2, 5), date(2020, 1, 25), date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22),
    date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6), date(2028, 1, 26),
)  # fmt: skip


def day_number(day: date) -> int:
    """Return days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Window:
    """The days that facts may fall on; what became known later is still told, with its date."""

    start: date
    end: date

    @property
    def first(self) -> int:
        """Return the first day as a number."""
        return day_number(self.start)

    @property
    def last(self) -> int:
        """Return the last day as a number."""
        return day_number(self.end)

    @property
    def first_month(self) -> int:
        """Return the first month, counted from 1970-01."""
        return (self.start.year - 1970) * 12 + self.start.month - 1

    @property
    def months(self) -> int:
        """Return how many months the window touches."""
        return (self.end.year - 1970) * 12 + self.end.month - self.first_month

    def month_starts(self) -> Ints:
        """Return the first day of each month and of the month after the last: months + 1 numbers."""
        months = self.first_month + np.arange(self.months + 1)
        return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)

    def month_ends(self) -> Ints:
        """Return the last day of each month."""
        return self.month_starts()[1:] - np.int32(1)

    def days(self) -> Ints:
        """Return every day of the window."""
        return np.arange(self.first, self.last + 1, dtype=np.int32)


def spring_festival_distance(day_numbers: Ints) -> Floats:
    """Return days from the nearest Lunar New Year's Day: negative before, positive after."""
    festivals = np.array([day_number(day) for day in LUNAR_NEW_YEAR], dtype=np.int32)
    gaps = day_numbers[:, None] - festivals[None, :]
    nearest = np.abs(gaps).argmin(axis=1)
    return np.asarray(gaps[np.arange(len(day_numbers)), nearest], dtype=np.float64)
