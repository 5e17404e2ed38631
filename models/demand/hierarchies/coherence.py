"""Make a model's forecasts add up over a hierarchy, by what its backtests missed by."""

from dataclasses import dataclass

import numpy as np

from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.hierarchies.reconciliation import incoherence, reconcile, residual_variance
from models.demand.series import BoolArray, FloatArray, IntArray
from models.errors import HierarchyError

__all__ = ["Coherence", "learn_coherence"]


@dataclass(frozen=True, eq=False)
class Coherence:
    """A hierarchy over the n series of a model.

    rows: (n,) the model's row of each node, in the order of the hierarchy; variance: (n,) error variance of each node.
    """

    hierarchy: Hierarchy
    rows: IntArray
    variance: FloatArray

    def point(
        self, base: FloatArray, non_negative: BoolArray, resting: BoolArray | None = None
    ) -> FloatArray:
        """Return the coherent forecasts nearest to `base`, (n, h) in the order of the model; 0 where a series rests."""
        nodes = base[self.rows]
        made = reconcile(nodes, self.hierarchy, self.variance, non_negative=self._floor(non_negative))
        if resting is not None and resting.any():
            bottom = np.where(resting[self.rows], 0.0, made)[self.hierarchy.upper :]
            made = self.hierarchy.add_up(bottom)
        return self._back(made)

    def resting(self, closed: BoolArray) -> BoolArray:
        """Return when nodes rest, (n, h): a sum does when all its series do."""
        working = (~closed[self.rows][self.hierarchy.upper :]).astype(np.float64)
        rests: BoolArray = self._back(self.hierarchy.add_up(working)) == 0
        return rests

    def incoherence(self, point: FloatArray) -> float:
        """Return the largest gap between a node and the sum of its series, relative to their sizes."""
        return incoherence(point[self.rows], self.hierarchy)

    def _floor(self, non_negative: BoolArray) -> BoolArray:
        return non_negative[self.rows][self.hierarchy.upper :]

    def _back(self, nodes: FloatArray) -> FloatArray:
        ordered = np.empty_like(nodes)
        ordered[self.rows] = nodes
        return ordered


def learn_coherence(
    forecasts: FloatArray,
    actuals: FloatArray,
    hierarchy: Hierarchy,
    *,
    ids: tuple[str, ...],
    non_negative: BoolArray,
) -> tuple[Coherence, FloatArray]:
    """Learn how far to trust each node, and reconcile its backtests as its forecasts will be.

    forecasts, actuals: (b, n, h) in the order of `ids`. Returns the coherence and the reconciled backtests (b, n, h).
    Raises HierarchyError for nodes and series that are not the same.
    """
    place = {one: row for row, one in enumerate(ids)}
    strangers = sorted(set(ids) ^ set(hierarchy.ids))
    if strangers:
        raise HierarchyError(
            strangers, zh="只在层级或只在表中", en="are only in the hierarchy or only in the table"
        )
    rows = np.array([place[one] for one in hierarchy.ids], dtype=np.int64)
    variance = residual_variance((actuals - forecasts)[:, rows], hierarchy)
    coherence = Coherence(hierarchy, rows, variance)
    made = (
        np.stack([coherence.point(one, non_negative) for one in forecasts]) if len(forecasts) else forecasts
    )
    return coherence, made
