"""Conformal bands of days and of weeks from backtest errors, each line's own and, the fewer these are, those of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.capacity.lines.grid import FloatArray, IntArray

__all__ = ["DAY_EDGES", "WEEK_EDGES", "Bands", "learn_bands", "mark"]

DAY_EDGES: Final = (0, 7, 28, 91)
"""Steps in days after which errors are judged apart."""
WEEK_EDGES: Final = (0, 2, 4, 13)
"""The same in weeks."""

_OTHERS: Final = 40.0  # errors for which all other lines together count beside a line's own
_NEIGHBOURS: Final = 0.3  # weight of errors at other steps of the same line
_LUCK: Final = 2.0  # errors of one stretch of time share its luck: wider by this over the days tested


@dataclass(frozen=True, eq=False)
class Bands:
    """Quantiles of errors over their spread: table (n, steps, levels), steps by `edges`."""

    levels: tuple[float, ...]
    edges: tuple[int, ...]
    table: FloatArray

    def at(self, line: IntArray, step: IntArray) -> FloatArray:
        """Return the quantiles of rows, (r, levels) in spreads."""
        found: FloatArray = self.table[line, mark(self.edges, step)]
        return found


def mark(edges: Sequence[int], step: IntArray) -> IntArray:
    """Return the number of the step's group."""
    return np.asarray(np.searchsorted(np.asarray(edges), step, side="left") - 1, dtype=np.int64)


def learn_bands(
    error: FloatArray,
    line: IntArray,
    step: IntArray,
    *,
    weight: FloatArray | None = None,
    lines: int,
    tested_days: int,
    levels: tuple[float, ...],
    edges: tuple[int, ...],
) -> Bands:
    """Learn quantiles from errors over their spread, (r,), each counted by its weight.

    A quantile is the (N + 1) level-th smallest of N errors (split conformal; Vovk, Gammerman, Shafer 2005), here of
    weighted errors: a line's own count whole, at other steps by a third, those of other lines together as a fixed number.
    """
    group = mark(edges, step)
    order = np.argsort(error, kind="stable")
    error, line, group = error[order], line[order], group[order]
    told = np.ones(len(error)) if weight is None else weight[order]
    luck = 1 + _LUCK / max(tested_days, 1)
    table = np.empty((lines, len(edges), len(levels)))
    for bucket in range(len(edges)):
        near = told * np.where(group == bucket, 1.0, _NEIGHBOURS)
        others = near * _OTHERS / max(near.sum(), 1.0)
        for one in range(lines):
            own = np.where(line == one, near, np.minimum(others, near))
            table[one, bucket] = _quantiles(error, own, levels) * luck
    return Bands(levels, edges, table)


def _quantiles(error: FloatArray, weight: FloatArray, levels: tuple[float, ...]) -> FloatArray:
    """Return weighted conformal quantiles of sorted errors; of a normal without any."""
    if not len(error):
        from scipy.special import ndtri  # noqa: PLC0415 - only for lines never tested

        return np.asarray(ndtri(np.asarray(levels)) * np.sqrt(np.pi / 2), dtype=np.float64)
    total = weight.sum()
    place = (np.cumsum(weight) - 0.5 * weight) / total
    count = total**2 / (weight**2).sum()  # as many even errors would tell as much
    wanted = 0.5 + (np.asarray(levels) - 0.5) * (1 + 1 / max(count, 1.0))
    found: FloatArray = np.interp(wanted, place, error)
    return found
