"""Contiguous periods out of the periods that a table has: holes opened, filled by rule, and flagged."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["LINEAR", "SEASONAL", "ZERO", "Grid", "closed_places", "contiguous", "fill_class", "filled"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
_Kind = TypeVar("_Kind", bound=np.generic)

ZERO, LINEAR, SEASONAL = 1, 2, 3
_LITTLE: Final = 0.1
_SHORTEST_SEASON: Final = 4
_SEASONS_TO_TELL: Final = 4
_CLOSED_SHARE: Final = 0.9


@dataclass(frozen=True)
class Grid:
    """Series one after the other, each with one row for every period from its first value to its last."""

    code: IntArray  # which series: 0, 1, ... in order
    period: IntArray
    y: FloatArray  # NaN where missing
    source: IntArray  # row of the table, -1 where it has none

    @cached_property
    def starts(self) -> IntArray:
        """Return the row at which each series starts."""
        if not len(self.code):
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(np.concatenate(([True], self.code[1:] != self.code[:-1])))

    @cached_property
    def lengths(self) -> IntArray:
        """Return the number of rows of each series."""
        return np.diff(self.starts, append=len(self.code))

    def take(self, keep: BoolArray) -> "Grid":
        """Return some of the rows."""
        return replace(
            self, code=self.code[keep], period=self.period[keep], y=self.y[keep], source=self.source[keep]
        )

    def valued(self, y: FloatArray) -> "Grid":
        """Return the same rows with other values."""
        return replace(self, y=y)

    def places(self) -> pl.Series:
        """Return the row of the table behind each row, null where it has none."""
        return pl.Series(self.source).set(pl.Series(self.source < 0, dtype=pl.Boolean), None)

    def spread(self, values: NDArray[_Kind]) -> NDArray[_Kind]:
        """Repeat one value for each series over its rows."""
        spread: NDArray[_Kind] = np.repeat(values, self.lengths)
        return spread

    def total(self, values: NDArray[np.generic]) -> IntArray:
        """Add up values within each series."""
        if not len(self.code):
            return np.zeros(0, dtype=np.int64)
        added: IntArray = np.add.reduceat(values.astype(np.int64), self.starts)
        return added


def contiguous(grid: Grid) -> Grid:
    """Open a row for every period that lies between two of a series."""
    if not len(grid.code):
        return grid
    step = np.ones(len(grid.code), dtype=np.int64)
    inner = grid.code[1:] == grid.code[:-1]
    step[:-1][inner] = np.diff(grid.period)[inner]
    if (step == 1).all():
        return grid
    rows = np.repeat(np.arange(len(step)), step)
    offset = np.arange(len(rows)) - np.repeat(np.cumsum(step) - step, step)
    opened = offset > 0
    return Grid(
        code=grid.code[rows],
        period=grid.period[rows] + offset,
        y=np.where(opened, np.nan, grid.y[rows]),
        source=np.where(opened, -1, grid.source[rows]),
    )


def fill_class(grid: Grid) -> BoolArray:
    """Tell for each series whether a period without a value means that nothing was sold.

    So it does where a quarter or more of the values are zero, and where the table has no row for most periods and no
    value is negative, and they are whole or the smallest is below a tenth of their mean: such a table records sales,
    where one of readings (temperature, stock) would record every period.
    """
    seen = np.isfinite(grid.y)
    zeros, values = grid.total(grid.y == 0), grid.total(seen)
    none: BoolArray = (4 * zeros >= values) & (zeros > 0)
    sparse = (2 * grid.total(grid.source >= 0) < grid.lengths) & (values > 1)
    if sparse.any():
        plain = np.where(seen, grid.y, 0.0)
        broken = grid.total(plain != np.round(plain))
        smallest = np.minimum.reduceat(np.where(seen, grid.y, np.inf), grid.starts)
        mean = np.add.reduceat(plain, grid.starts) / np.maximum(values, 1)
        none |= sparse & (smallest >= 0) & ((broken == 0) | (smallest < _LITTLE * mean))
    return none


def closed_places(grid: Grid, season: int) -> tuple[IntArray, IntArray]:
    """Find where in the season a series never has a row, such as Sundays: series (code) and place (period mod season).

    "Never" is in nine of ten seasons, of which there must be four. Series in which no row means no sale have none.
    """
    absent = grid.source < 0
    holed = (grid.total(absent) > 0) & ~fill_class(grid)
    rows = np.flatnonzero(grid.spread(holed)) if season >= _SHORTEST_SEASON else np.zeros(0, dtype=np.int64)
    if not len(rows):
        return rows, rows
    key = grid.code[rows] * season + grid.period[rows] % season
    due, missed = np.bincount(key), np.bincount(key, weights=absent[rows])
    closed = np.flatnonzero((due >= _SEASONS_TO_TELL) & (missed >= _CLOSED_SHARE * due))
    return closed // season, closed % season


def filled(grid: Grid, season: int) -> tuple[FloatArray, NDArray[np.int8]]:
    """Fill what is missing inside the series; return y, and by which rule each row was filled (0: not at all)."""
    missing = ~np.isfinite(grid.y)
    how = np.zeros(len(grid.y), dtype=np.int8)
    if not missing.any():
        return grid.y, how
    rows = np.flatnonzero(missing)
    seen = np.flatnonzero(~missing)
    place = np.searchsorted(seen, rows)
    before, after = seen[place - 1], seen[place]
    y = grid.y.copy()
    share = (rows - before) / (after - before)
    y[rows] = y[before] + share * (y[after] - y[before])
    how[rows] = LINEAR
    long = (after - before - 1 > max(1, season // 4)) & (season > 1)
    _fill_seasons(grid, y, how, rows[long], season)
    zero = grid.spread(fill_class(grid))[rows]
    y[rows[zero]] = 0.0
    how[rows[zero]] = ZERO
    return y, how


def _fill_seasons(grid: Grid, y: FloatArray, how: NDArray[np.int8], rows: IntArray, season: int) -> None:
    """Write into holes the mean of the nearest values a whole number of seasons earlier and later."""
    if not len(rows):
        return
    starts = grid.spread(grid.starts)[rows]
    ends = grid.spread(grid.starts + grid.lengths)[rows]
    earlier = _nearest(grid.y, rows, -season, (starts, ends))
    later = _nearest(grid.y, rows, season, (starts, ends))
    both = np.where(np.isfinite(earlier) & np.isfinite(later), (earlier + later) / 2, np.nan)
    value = np.where(np.isfinite(both), both, np.where(np.isfinite(earlier), earlier, later))
    known = np.isfinite(value)
    y[rows[known]] = value[known]
    how[rows[known]] = SEASONAL


def _nearest(y: FloatArray, rows: IntArray, step: int, bounds: tuple[IntArray, IntArray]) -> FloatArray:
    """Return the first value found on the way from each row in steps, NaN where the series ends before."""
    found = np.full(len(rows), np.nan)
    left = np.arange(len(rows))
    at = rows + step
    while len(left):
        inside = (at >= bounds[0][left]) & (at < bounds[1][left])
        left, at = left[inside], at[inside]
        found[left] = y[at]
        still = ~np.isfinite(found[left])
        left, at = left[still], at[still] + step
    return found
