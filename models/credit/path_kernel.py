"""Exact contributions of paths as a numba kernel: what each leaf gives to each feature on the way to it.

Rows go through the trees in blocks, and every inner loop runs over the rows of a block, so that the compiler can do
several rows in one instruction and the figures of a tree stay in the cache.
"""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

__all__ = ["fill_tables", "sum_contributions"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_ZERO = 1e-35  # LightGBM's own bound of what counts as zero
_ZERO_TOO, _NAN = 1, 2  # kinds of missing values: 0 as well, NaN; with neither, NaN is read as 0
_BLOCK = 64
_ONE = np.uint64(1)


@njit(cache=True, error_model="numpy")
def _leaf(  # noqa: PLR0917 - a kernel takes flat arrays, by position
    taken: Words, shares: Floats, value: float, points: Floats, weights: Floats, factor: Floats, out: Floats
) -> None:
    """Write what a leaf gives to each of its steps (d, rows), `taken` holding one bit a step of each row.

    See `CompiledBoosters` for the formula; `factor` is room for (d + 1, rows).
    """
    steps, rows = len(shares), len(taken)
    product = factor[steps]
    out[:steps] = 0.0
    for q in range((steps + 1) // 2):
        t = points[q]
        product[:] = value * weights[q]
        for j in range(steps):
            missed, row = (1.0 - t) * shares[j], factor[j]
            for i in range(rows):
                row[i] = t * np.float64((taken[i] >> np.uint64(j)) & _ONE) + missed
                product[i] *= row[i]
        for j in range(steps):
            row, given = factor[j], out[j]
            for i in range(rows):
                given[i] += product[i] / row[i]
    for j in range(steps):
        given = out[j]
        for i in range(rows):
            given[i] *= np.float64((taken[i] >> np.uint64(j)) & _ONE) - shares[j]


@njit(cache=True, error_model="numpy")
def fill_tables(  # noqa: PLR0917
    step_from: Ints,
    share: Floats,
    leaf_value: Floats,
    table_from: Ints,
    points: Floats,
    weights: Floats,
    tables: Floats,
) -> None:
    """Write what the leaves that have a table give: a row (d, 2^d) of the table for every step."""
    for leaf in range(len(leaf_value)):
        at = table_from[leaf]
        first, last = step_from[leaf], step_from[leaf + 1]
        steps = last - first
        if at < 0:
            continue
        all_taken = np.arange(1 << steps).astype(np.uint64)
        out = tables[at : at + (steps << steps)].reshape((steps, 1 << steps))
        factor = np.empty((steps + 1, 1 << steps))
        _leaf(all_taken, share[first:last], leaf_value[leaf], points[steps], weights[steps], factor, out)


@njit(cache=True)
def _decide(  # noqa: PLR0917
    values: Floats, threshold: float, missing: int, side: np.uint64, bit: np.uint64, words: Words
) -> None:
    """Add the decisions of a block of rows at a node to their words, as LightGBM takes them.

    `side` is where missing values go: the bit, or 0.
    """
    for i in range(len(words)):
        value = values[i]
        unknown = np.isnan(value)
        if missing != _NAN:
            value = 0.0 if unknown else value
            unknown = missing == _ZERO_TOO and abs(value) <= _ZERO
        known = bit if value <= threshold else np.uint64(0)
        words[i] |= side if unknown else known


@njit(cache=True)
def _steps_taken(words: Words, mask: Words, wanted: Words, taken: Words) -> None:
    """Write which steps to a leaf a block of rows takes, one bit a step."""
    taken[:] = np.uint64(0)
    for j in range(len(mask)):
        bits, asked, bit = mask[j], wanted[j], _ONE << np.uint64(j)
        for i in range(len(taken)):
            taken[i] |= bit if (words[i] & bits) == asked else np.uint64(0)


@njit(cache=True)
def _look_up(table: Floats, taken: Words, features: Ints, sums: Floats) -> None:
    """Add what a leaf's table gives to a block of rows."""
    steps = len(features)
    for j in range(steps):
        total, given = sums[features[j]], table[j << steps : (j + 1) << steps]
        for i in range(len(taken)):
            total[i] += given[taken[i]]


@njit(cache=True, parallel=True, error_model="numpy")
def sum_contributions(  # noqa: PLR0917
    x: Floats,
    node_from: Ints,
    node_feature: Ints,
    threshold: Floats,
    missing: Ints,
    missing_left: NDArray[np.bool_],
    leaf_from: Ints,
    leaf_value: Floats,
    step_from: Ints,
    step_feature: Ints,
    share: Floats,
    mask: Words,
    wanted: Words,
    table_from: Ints,
    tables: Floats,
    points: Floats,
    weights: Floats,
    longest: int,
    out: Floats,
) -> None:
    """Add the contributions of every tree to out (n, k + 1); a row's sum has one order whatever the threads."""
    columns = x.shape[1]
    for block in prange((len(x) + _BLOCK - 1) // _BLOCK):
        start = block * _BLOCK
        rows = min(_BLOCK, len(x) - start)
        values = np.zeros((columns, _BLOCK))
        values[:, :rows] = x[start : start + rows].T
        sums = np.zeros((columns, _BLOCK))
        words, taken = np.empty(_BLOCK, dtype=np.uint64), np.empty(_BLOCK, dtype=np.uint64)
        given, factor = np.empty((longest, _BLOCK)), np.empty((longest + 1, _BLOCK))
        for tree in range(len(node_from) - 1):
            words[:] = np.uint64(0)
            for node in range(node_from[tree], node_from[tree + 1]):
                bit = _ONE << np.uint64(node - node_from[tree])
                side = bit if missing_left[node] else np.uint64(0)
                _decide(values[node_feature[node]], threshold[node], missing[node], side, bit, words)
            for leaf in range(leaf_from[tree], leaf_from[tree + 1]):
                first, last = step_from[leaf], step_from[leaf + 1]
                steps = last - first
                _steps_taken(words, mask[first:last], wanted[first:last], taken)
                at = table_from[leaf]
                if at >= 0:
                    _look_up(tables[at : at + (steps << steps)], taken, step_feature[first:last], sums)
                else:
                    _leaf(
                        taken,
                        share[first:last],
                        leaf_value[leaf],
                        points[steps],
                        weights[steps],
                        factor,
                        given,
                    )
                    for j in range(steps):
                        sums[step_feature[first + j]] += given[j]
        out[start : start + rows, :columns] += sums[:, :rows].T
