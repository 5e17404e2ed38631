"""Recognise dates in columns of any type: dates, timestamps, and text in the formats that exports use."""

from typing import Final

import polars as pl

__all__ = ["DATE_FORMATS", "as_dates"]

DATE_FORMATS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d.%m.%Y", "%d/%m/%Y", "%Y年%m月%d日", "%d-%b-%y")
_ENOUGH: Final = 0.98  # share of the filled values that must read as a date


def as_dates(values: pl.Series, form: str | None = None) -> pl.Series | None:
    """Return the column as dates, or None when it does not hold dates.

    Text counts as dates when nearly all filled values read in one format; the rest become null. The format with the
    most readable values wins, so that 31/12 and 12/31 are told apart by the data.
    """
    if values.dtype == pl.Date:
        return values
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.date()
    if values.dtype != pl.String:
        return None
    text = values.str.strip_chars().str.replace(r"[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$", "")
    filled = text.len() - text.null_count()
    best: pl.Series | None = None
    for candidate in (form,) if form else DATE_FORMATS:
        read = text.str.to_date(candidate, strict=False)
        if best is None or read.null_count() < best.null_count():
            best = read
    if best is None or not filled or best.len() - best.null_count() < _ENOUGH * filled:
        return None
    return best
