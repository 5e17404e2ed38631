"""Ratios that are null, never infinite, where the denominator says nothing."""

from datetime import date
from typing import Final

import polars as pl

__all__ = ["days_since", "exact_sum", "flag", "log_amount", "ratio"]

_FINENESS: Final = 10_000
"""Parts of a yuan that sums of money are told in."""


def ratio(numerator: str | pl.Expr, denominator: str | pl.Expr) -> pl.Expr:
    """Return numerator ÷ denominator, null where the denominator is not positive."""
    over, under = _column(numerator), _column(denominator)
    return pl.when(under > 0).then(over / under)


def log_amount(amount: str | pl.Expr) -> pl.Expr:
    """Return ln(1 + amount), null where the amount is negative."""
    column = _column(amount).cast(pl.Float64)
    return pl.when(column >= 0).then(column.log1p())


def flag(condition: pl.Expr) -> pl.Expr:
    """Return 1 where the condition holds, 0 where it does not, null where it is unknown."""
    return condition.cast(pl.Float64)


def days_since(day: str | pl.Expr, as_of: str | pl.Expr | date = "as_of") -> pl.Expr:
    """Return the days from a day to the date of the view."""
    end = pl.lit(as_of) if isinstance(as_of, date) else _column(as_of)
    return (end - _column(day)).dt.total_days()


def exact_sum(amount: str | pl.Expr, *, fineness: int = _FINENESS) -> pl.Expr:
    """Sum amounts of money as whole ten-thousandths of a yuan, or other figures as whole parts of 1 ÷ `fineness`.

    A sum of floats depends in its last bit on the order and on how threads share the rows; one of integers does not,
    and an answer must come out the same when it is asked for again. Sorting first is no remedy: Polars plans it away.
    """
    return (_column(amount) * fineness).round().cast(pl.Int64, strict=False).sum() / fineness


def _column(value: str | pl.Expr) -> pl.Expr:
    return pl.col(value) if isinstance(value, str) else value
