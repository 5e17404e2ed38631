"""Cut a column into fine cells without looking at the outcome, so that folds share them and no label leaks in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = [
    "Cells",
    "Code",
    "Floats",
    "cut_codes",
    "cut_numbers",
    "index_codes",
    "index_numbers",
    "short_between",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Code = str | float
"""The value of a category: text, or a number that is a code."""


@dataclass(frozen=True)
class Cells:
    """Cells of a column: of numbers by their inner bounds (ascending), of codes by their values, the last for any other.

    `index` (n,) holds the cell of each row, `size` where the value is missing.
    """

    edges: Floats
    codes: tuple[Code, ...]
    index: Ints
    size: int


def cut_numbers(values: Floats, most: int) -> Cells:
    """Cut numbers (n,) into at most `most` cells of nearly equal frequency; a bound belongs to the cell above it.

    NaN is missing; an infinite value falls into the first or the last cell. A bound is the shortest decimal between
    the two values it separates, so that the card can be read and typed.
    """
    known = np.sort(values[~np.isnan(values)])
    cuts: list[float] = []
    if len(known):
        last = known[0]
        for place in np.unique((np.arange(1, most) * len(known)) // most):
            if known[place] > last:
                below = known[np.searchsorted(known, known[place], side="left") - 1]
                cuts.append(short_between(float(below), float(known[place])))
                last = known[place]
    edges = np.unique(np.array(cuts, dtype=np.float64))
    return Cells(edges, (), index_numbers(values, edges), len(edges) + 1)


def index_numbers(values: Floats, edges: Floats) -> Ints:
    """Return the cell of each value (n,): 0 below the first edge, len(edges) from the last one, one more where NaN."""
    found = np.searchsorted(edges, values, side="right")
    return np.where(np.isnan(values), len(edges) + 1, found).astype(np.int64)


def short_between(low: float, high: float) -> float:
    """Return the number with the fewest digits that is above `low` and not above `high`."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return high if np.isfinite(high) else math.nextafter(low, high)
    middle = low / 2 + high / 2
    for digits in range(1, 17):
        candidate = float(f"{middle:.{digits}g}")
        if low < candidate <= high:
            return candidate + 0.0  # never minus zero
    return high


def cut_codes(column: pl.Series, least: int) -> Cells:
    """Give each code of at least `least` rows a cell of its own, in the order of the codes; the others share the last."""
    counts = column.drop_nulls().value_counts().filter(pl.col("count") >= least)
    codes: tuple[Code, ...] = tuple(counts[column.name].sort().to_list())
    return Cells(np.empty(0), codes, index_codes(column, codes), len(codes) + 1)


def index_codes(column: pl.Series, codes: Sequence[Code]) -> Ints:
    """Return the cell of each code (n,): its place in `codes`, len(codes) for any other, one more where null."""
    places = {code: place for place, code in enumerate(codes)}
    distinct = column.unique()
    found = [
        len(codes) + 1 if value is None else places.get(value, len(codes)) for value in distinct.to_list()
    ]
    table = pl.DataFrame({"value": distinct, "place": pl.Series(found, dtype=pl.Int64)})
    joined = (
        column.alias("value")
        .to_frame()
        .join(table, on="value", how="left", nulls_equal=True, maintain_order="left")
    )
    return joined["place"].to_numpy().astype(np.int64)
