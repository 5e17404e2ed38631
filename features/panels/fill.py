"""The history of all series filled and trimmed by the rules, and what the rules found in it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.panels.grid import LINEAR, SEASONAL, ZERO, Grid, closed_places, contiguous, filled
from features.panels.history import Signs, signs_of, zero_runs
from features.panels.notes import Notes

__all__ = ["Filled", "fill"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Filled:
    """Series without holes, row by row beside `grid`."""

    grid: Grid
    names: pl.Series  # unique_id of each code
    y: FloatArray
    observed: BoolArray
    returns: BoolArray
    non_negative: BoolArray  # one for each series
    closed: pl.DataFrame  # unique_id, position

    @property
    def first(self) -> IntArray:
        """Return the first period of each series."""
        return self.grid.period[self.grid.starts]

    @property
    def last(self) -> IntArray:
        """Return the last period of each series."""
        ends: IntArray = self.grid.period[self.grid.starts + self.grid.lengths - 1]
        return ends

    def series(self) -> pl.DataFrame:
        """Describe each series in one row."""
        return pl.DataFrame(
            {
                "unique_id": self.names,
                "first": self.first,
                "last": self.last,
                "length": self.grid.lengths,
                "values": self.grid.total(self.observed),
                "non_negative": self.non_negative,
                "ended_early": self.last.max() - self.last,
            }
        )


def fill(history: Grid, names: pl.Series, season: int, notes: Notes) -> Filled:
    """Open the holes of the series, fill them, cut off what lies before a product's first sale; name what was found."""
    grid = contiguous(history)
    signs = signs_of(grid)
    grid = grid.valued(np.where(signs.returns, 0.0, grid.y))
    y, how = filled(grid, season)
    _name_signs(grid, names, signs, notes)
    for rule, code in (("gap_zero", ZERO), ("gap_linear", LINEAR), ("gap_seasonal", SEASONAL)):
        _name_rows(rule, grid, names, how == code, notes)
    closed = _closed(grid, names, season, notes)
    runs = zero_runs(grid, y, season)
    _name(
        "discontinued",
        names,
        runs.trailing,
        grid.period[grid.starts + grid.lengths - 1] - runs.trailing + 1,
        notes,
    )
    _name("new_product", names, runs.leading, grid.period[grid.starts], notes)
    offset = np.arange(len(grid.code)) - grid.spread(grid.starts)
    keep = offset >= grid.spread(runs.leading)
    whole = Filled(
        grid.take(keep), names, y[keep], (how == 0)[keep], signs.returns[keep], signs.non_negative, closed
    )
    _name_shapes(whole, season, notes)
    return whole


def _closed(grid: Grid, names: pl.Series, season: int, notes: Notes) -> pl.DataFrame:
    """Return and name the places of the season at which series have no rows."""
    code, position = closed_places(grid, season)
    ends = grid.period[grid.starts + grid.lengths - 1]
    _name("closed", names, np.bincount(code, minlength=len(names)), ends, notes)
    return pl.DataFrame({"unique_id": names.gather(code), "position": position})


def _name_signs(grid: Grid, names: pl.Series, signs: Signs, notes: Notes) -> None:
    _name_rows("returns", grid, names, signs.returns, notes)
    _name("signed", names, signs.signed.astype(np.int64), grid.period[grid.starts], notes)


def _name_shapes(whole: Filled, season: int, notes: Notes) -> None:
    """Name series from which little can be learnt, and those that end before the panel does."""
    starts, values = whole.grid.starts, whole.grid.total(whole.observed)
    high = np.maximum.reduceat(np.where(whole.observed, whole.y, -np.inf), starts)
    low = np.minimum.reduceat(np.where(whole.observed, whole.y, np.inf), starts)
    one, flat = values == 1, high == low
    short = ~one & (whole.grid.lengths < 2 * season)
    shapes = {
        "one_point": one,
        "all_zero": flat & (high == 0),
        "constant": ~one & flat & (high != 0),
        "short": short,
    }
    for rule, holds in shapes.items():
        _name(rule, whole.names, np.where(holds, values, 0), whole.first, notes)
    _name("ended_early", whole.names, whole.last.max() - whole.last, whole.last, notes)


def _name_rows(rule: str, grid: Grid, names: pl.Series, rows: BoolArray, notes: Notes) -> None:
    if rows.any():
        at = np.flatnonzero(rows)
        first = np.searchsorted(grid.code[at], np.arange(len(names)))
        count = grid.total(rows)
        period = grid.period[at[np.minimum(first, len(at) - 1)]]
        _name(rule, names, count, period, notes)


def _name(rule: str, names: pl.Series, rows: IntArray, first: IntArray, notes: Notes) -> None:
    """Write down a finding for each series with `rows` above 0."""
    if rows.any():
        found = pl.DataFrame({"unique_id": names, "rows": rows, "first": first})
        notes.find(rule, found.filter(pl.col("rows") > 0))
