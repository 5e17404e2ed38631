"""Turn NumPy arrays of codes, day numbers and amounts into typed Polars columns."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = [
    "NO_DAY",
    "Codes",
    "Flags",
    "Floats",
    "Ints",
    "Singles",
    "days",
    "ids",
    "money",
    "month_of",
    "positions",
    "rounded",
    "words",
]

Codes: TypeAlias = NDArray[np.int8]
Flags: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int32]
Singles: TypeAlias = NDArray[np.float32]

NO_DAY = np.int32(np.iinfo(np.int32).max)  # a day that never comes: becomes null in a column


def ids(prefix: str, numbers: Ints, width: int) -> pl.Series:
    """Return text ids such as P0000042."""
    return prefix + pl.Series(numbers).cast(pl.String).str.zfill(width)


def days(values: Ints) -> pl.Series:
    """Return dates from days since 1970-01-01; NO_DAY becomes null."""
    series = pl.Series(np.where(values == NO_DAY, 0, values).astype(np.int32)).cast(pl.Date)
    return series if (values != NO_DAY).all() else _nulled(series, values == NO_DAY)


def words(vocabulary: Sequence[str], codes: NDArray[np.integer]) -> pl.Series:
    """Return the words that the codes stand for; a negative code becomes null."""
    series = pl.Series(list(vocabulary), dtype=pl.String).gather(np.maximum(codes, 0).astype(np.uint32))
    return series if (codes >= 0).all() else _nulled(series, codes < 0)


def money(values: Floats | Singles, decimals: int = 2) -> pl.Series:
    """Return rounded amounts; NaN becomes null."""
    return pl.Series(rounded(values, decimals)).fill_nan(None)


def positions(flags: Flags) -> Ints:
    """Return where the flags are set."""
    return np.flatnonzero(flags).astype(np.int32)


def rounded(values: Floats | Singles, decimals: int) -> Floats:
    """Return rounded amounts without negative zeros."""
    return np.round(values.astype(np.float64), decimals).astype(np.float64) + 0.0


def month_of(day_numbers: Ints) -> Ints:
    """Return months since 1970-01 of days since 1970-01-01."""
    return day_numbers.astype("datetime64[D]").astype("datetime64[M]").astype(np.int32)


def _nulled(series: pl.Series, missing: Flags) -> pl.Series:
    return pl.select(pl.when(pl.lit(pl.Series(~missing))).then(pl.lit(series))).to_series()
