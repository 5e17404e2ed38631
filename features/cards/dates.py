"""Recognise dates in columns of any type: dates, timestamps, and text in the formats that exports use."""

from dataclasses import dataclass
from typing import Final

import polars as pl

__all__ = ["DATE_FORMATS", "DateReading", "as_dates", "read_dates"]

DATE_FORMATS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d.%m.%Y", "%d/%m/%Y", "%Y年%m月%d日", "%d-%b-%y")
_ENOUGH: Final = 0.98  # share of the filled values that must read as a date
_MISSING: Final = ("", "na", "n/a", "nan", "nat", "null", "none", "#n/a", "-")
_TIME_OF_DAY: Final = r"[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$"


@dataclass(frozen=True)
class DateReading:
    """A column read as dates: the format (None: it held dates already), a format that reads as many cells but gives
    other days, and which filled cells do not read (Boolean per row).
    """

    dates: pl.Series
    form: str | None
    rival: str | None
    unreadable: pl.Series

    @property
    def holds(self) -> bool:
        """Say whether nearly all filled cells are dates."""
        filled = len(self.dates) - self.dates.null_count()
        return filled > 0 and filled >= _ENOUGH * (filled + int(self.unreadable.sum()))


def as_dates(values: pl.Series, form: str | None = None) -> pl.Series | None:
    """Return the column as dates, or None when it does not hold dates.

    Text counts as dates when nearly all filled values read in one format; the rest become null. The format with the
    most readable values wins, so that 31/12 and 12/31 are told apart by the data.
    """
    reading = read_dates(values, form)
    if reading is None or (reading.form and not reading.holds):
        return None
    return reading.dates


def read_dates(
    values: pl.Series, form: str | None = None, *, prefer: str | None = None
) -> DateReading | None:
    """Read a column as dates in the format given, else in the one that reads most cells; None for other types.

    Of formats that read equally many, `prefer` wins, else the first of DATE_FORMATS. Integers such as 20201231 are
    read where the format is given.
    """
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        dates = values if values.dtype == pl.Date else values.dt.date()
        return DateReading(dates, None, None, pl.Series([False] * len(values), dtype=pl.Boolean))
    if values.dtype != pl.String and not (form and values.dtype.is_integer()):
        return None
    text = _text(values, form)
    readings = {f: _parsed(text, f) for f in ((form,) if form else DATE_FORMATS)}
    least = min(r.null_count() for r in readings.values())
    best = [f for f, r in readings.items() if r.null_count() == least]
    chosen = prefer if prefer in best else best[0]
    dates = readings[chosen]
    rivals = [f for f in best if f != chosen and not readings[f].equals(dates)]
    unreadable = text.is_not_null() & dates.is_null()
    return DateReading(dates, chosen, rivals[0] if rivals else None, unreadable)


def _text(values: pl.Series, form: str | None) -> pl.Series:
    text = values.cast(pl.String).str.strip_chars()
    if not (form and "%H" in form):
        text = text.str.replace(_TIME_OF_DAY, "")
    marked = text.to_frame("t")
    return marked.select(pl.when(~pl.col("t").str.to_lowercase().is_in(_MISSING)).then("t"))["t"]


def _parsed(text: pl.Series, form: str) -> pl.Series:
    if "%H" in form:
        return text.str.to_datetime(form, strict=False).dt.date()
    return text.str.to_date(form, strict=False)
