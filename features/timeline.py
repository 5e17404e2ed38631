"""Periods of a demand series: hours to quarters, or plain integers, as whole numbers that count on."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import FrequencyError, MixedFrequencyError

__all__ = ["Frequency", "Timeline", "read_frequency", "timeline_of"]

IntArray = NDArray[np.int64]

_EPOCH_YEAR: Final = 1970
_SHOWN: Final = 3


class Frequency(StrEnum):
    """How far apart two periods lie, in Polars' words."""

    HOUR = "1h"
    DAY = "1d"
    WEEK = "1w"
    MONTH = "1mo"
    QUARTER = "1q"
    INTEGER = "1"

    @property
    def season(self) -> int:
        """Periods after which the most usual season comes back."""
        return _SEASONS[self]


_SEASONS: Final = {
    Frequency.HOUR: 24,
    Frequency.DAY: 7,
    Frequency.WEEK: 52,
    Frequency.MONTH: 12,
    Frequency.QUARTER: 4,
    Frequency.INTEGER: 1,
}
_SPELLINGS: Final = {
    "h": Frequency.HOUR,
    "d": Frequency.DAY,
    "w": Frequency.WEEK,
    "mo": Frequency.MONTH,
    "m": Frequency.MONTH,
    "ms": Frequency.MONTH,
    "me": Frequency.MONTH,
    "q": Frequency.QUARTER,
    "qs": Frequency.QUARTER,
    "qe": Frequency.QUARTER,
}
_MONTHS: Final = {Frequency.MONTH: 1, Frequency.QUARTER: 3}


def read_frequency(word: str) -> Frequency:
    """Read `1mo`, `MS`, `D`, `1` and the like. Raises FrequencyError that lists what is understood."""
    plain = word.strip().lower()
    if plain == "1":
        return Frequency.INTEGER
    known = _SPELLINGS.get(plain.removeprefix("1").split("-")[0])
    if known is None:
        raise FrequencyError(word, [str(frequency) for frequency in Frequency])
    return known


@dataclass(frozen=True)
class Timeline:
    """Turns dates into period numbers and back.

    `anchor` is what all dates of the panel share: the weekday of weekly data (0 Monday), 0 for months and quarters
    stamped on their first day, 1 for those stamped on their last, 0 otherwise.
    """

    frequency: Frequency
    anchor: int = 0

    def period(self, ds: str = "ds") -> pl.Expr:
        """Return the period number (Int64) of a date, datetime or integer column."""
        column = pl.col(ds)
        match self.frequency:
            case Frequency.INTEGER:
                return column.cast(pl.Int64)
            case Frequency.HOUR:
                return column.cast(pl.Datetime("us")).dt.epoch("s").floordiv(3600).cast(pl.Int64)
            case Frequency.DAY:
                return column.cast(pl.Date).to_physical().cast(pl.Int64)
            case Frequency.WEEK:
                # 1970-01-01 was a Thursday (3); the week number counts the anchors passed.
                return (column.cast(pl.Date).to_physical().cast(pl.Int64) + 3 - self.anchor).floordiv(7)
            case Frequency.MONTH:
                return _month_number(column)
            case Frequency.QUARTER:
                return _month_number(column).floordiv(3)

    def stamp(self, period: str = "period") -> pl.Expr:
        """Return the date of a period-number column: Int64, Datetime for hours, else Date."""
        column = pl.col(period)
        match self.frequency:
            case Frequency.INTEGER:
                return column.cast(pl.Int64)
            case Frequency.HOUR:
                return (column.cast(pl.Int64) * 3_600_000_000).cast(pl.Datetime("us"))
            case Frequency.DAY:
                return column.cast(pl.Int32).cast(pl.Date)
            case Frequency.WEEK:
                return (column * 7 - 3 + self.anchor).cast(pl.Int32).cast(pl.Date)
            case _:
                return self._month_stamp(column)

    def stamps(self, periods: IntArray) -> pl.Series:
        """Return the dates of period numbers, in their order."""
        return pl.DataFrame({"period": periods}).select(self.stamp().alias("ds"))["ds"]

    def position(self, periods: IntArray, season: int) -> IntArray:
        """Return where in the season each period lies, 0 to season - 1."""
        return np.mod(periods, season)

    def starts(self, periods: IntArray) -> NDArray[np.datetime64]:
        """Return the first day of each period (datetime64[D]). Raises FrequencyError for plain integers."""
        return self._days(periods)

    def ends(self, periods: IntArray) -> NDArray[np.datetime64]:
        """Return the last day of each period (datetime64[D]). Raises FrequencyError for plain integers."""
        if self.frequency == Frequency.HOUR:
            return self._days(periods)
        following: NDArray[np.datetime64] = self._days(periods + 1) - np.timedelta64(1, "D")
        return following

    def _days(self, periods: IntArray) -> NDArray[np.datetime64]:
        match self.frequency:
            case Frequency.INTEGER:
                raise FrequencyError("1", [str(one) for one in Frequency if one != Frequency.INTEGER])
            case Frequency.HOUR:
                return np.floor_divide(periods, 24).astype("datetime64[D]")
            case Frequency.DAY:
                return periods.astype("datetime64[D]")
            case Frequency.WEEK:
                # A weekly figure stamped on its day is taken to cover the seven days that begin there.
                return (periods * 7 - 3 + self.anchor).astype("datetime64[D]")
            case _:
                months = periods * _MONTHS[self.frequency] - _EPOCH_YEAR * 12
                return months.astype("datetime64[M]").astype("datetime64[D]")

    def _month_stamp(self, column: pl.Expr) -> pl.Expr:
        first = column * _MONTHS[self.frequency]
        start = pl.date(first.floordiv(12), first.mod(12) + 1, 1)
        if not self.anchor:
            return start
        return start.dt.offset_by(f"{_MONTHS[self.frequency]}mo").dt.offset_by("-1d")


def _month_number(column: pl.Expr) -> pl.Expr:
    day = column.cast(pl.Date)
    return day.dt.year().cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64) - 1


def timeline_of(ds: pl.Series, frequency: Frequency) -> Timeline:
    """Find what the dates of a panel share.

    Raises MixedFrequencyError naming dates that do not fit: weeks stamped on several weekdays, months or quarters
    stamped neither all on the first nor all on the last day, days with a time of day, dates where integers are due.
    """
    if frequency == Frequency.INTEGER:
        if not ds.dtype.is_integer():
            raise MixedFrequencyError(str(frequency), _shown(ds))
        return Timeline(frequency)
    if ds.dtype not in (pl.Date, pl.Datetime) or ds.null_count():
        raise MixedFrequencyError(str(frequency), _shown(ds))
    dates = ds.unique()
    _refuse_times(dates, frequency)
    if frequency == Frequency.WEEK:
        return Timeline(frequency, _shared_weekday(dates))
    if frequency in _MONTHS:
        return Timeline(frequency, _shared_end(dates, frequency))
    return Timeline(frequency)


def _refuse_times(dates: pl.Series, frequency: Frequency) -> None:
    if dates.dtype == pl.Date:
        return
    whole = "1h" if frequency == Frequency.HOUR else "1d"
    odd = dates.filter(dates.dt.truncate(whole) != dates)
    if odd.len():
        raise MixedFrequencyError(str(frequency), _shown(odd))


def _shared_weekday(dates: pl.Series) -> int:
    weekdays = dates.dt.weekday()
    usual = weekdays.mode().sort()
    anchor = int(usual[0]) if usual.len() else 1
    odd = dates.filter(weekdays != anchor)
    if odd.len():
        raise MixedFrequencyError("1w", _shown(odd))
    return anchor - 1


def _shared_end(dates: pl.Series, frequency: Frequency) -> int:
    days = dates.cast(pl.Date)
    step = f"{_MONTHS[frequency]}mo"
    for anchor, expected in (
        (0, days.dt.truncate(step)),
        (1, days.dt.truncate(step).dt.offset_by(step).dt.offset_by("-1d")),
    ):
        if (days == expected).all():
            return anchor
    odd = days.filter((days != days.dt.month_start()) & (days != days.dt.month_end()))
    raise MixedFrequencyError(str(frequency), _shown(odd if odd.len() else days))


def _shown(ds: pl.Series) -> Sequence[str]:
    return [str(value) for value in ds.unique().sort().head(_SHOWN).to_list()]
