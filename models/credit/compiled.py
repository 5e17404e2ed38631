"""Contributions of a bag of boosters by compiled paths: the figures of LightGBM's `pred_contrib` for far less CPU."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.credit.booster import Boosters
from models.credit.forest_paths import MOST_NODES, ForestPaths, forest_paths

if TYPE_CHECKING:
    from models.credit.model import CreditModel

__all__ = ["CompiledBoosters", "compiled"]

_TABLE_STEPS: Final = (
    7  # a leaf of so many steps keeps 2^7 · 7 figures (7 KB): a tree's tables fit in the cache
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CompiledBoosters(Boosters):
    """A bag of boosters whose contributions are found leaf by leaf instead of by LightGBM.

    The Shapley value of feature j in a leaf of value v with steps i (one a feature on its path), each taken (o_i = 1) or
    not (0) by the row and by the share r_i of the training rows, is
    v · (o_j - r_j) · ∫_0^1 Π_{i ≠ j} (t · o_i + (1 - t) · r_i) dt, as the weight of a coalition of size s among d
    features, s! (d - 1 - s)! / d!, is ∫ t^s (1 - t)^(d - 1 - s) dt. The integrand is a polynomial of degree d - 1, so
    Gauss-Legendre quadrature with ceil(d / 2) points is exact; no term is negative, so that nothing cancels. It depends on
    the row by which steps are taken alone: short paths keep a table of all 2^d answers, longer ones are worked out.
    Sources: Lundberg, Erion, Lee (2018), Consistent individualized feature attribution for tree ensembles (the game, with
    cover as weight); Owen (1972), Multilinear extensions of games (the integral); Yang (2021), Fast TreeSHAP (tables).

    Boosters with trees that `forest_paths` cannot tell are explained by LightGBM, as are all where numba is missing.
    """

    def contributions(self, x: Floats, *, num_threads: int = 1) -> Floats:
        """Return Shapley contributions, shape (n, k + 1), those of LightGBM to rounding; the last column is the base."""
        forest = self._forest
        if forest is None:
            return super().contributions(x, num_threads=num_threads)
        out = np.zeros((len(x), x.shape[1] + 1))
        forest.add(np.ascontiguousarray(x, dtype=np.float64), out, num_threads=num_threads)
        return out

    @property
    def explainer(self) -> str:
        """Return how contributions are found."""
        return "compiled" if self.is_compiled else super().explainer

    @property
    def is_compiled(self) -> bool:
        """Tell whether the contributions are found by paths."""
        return self._forest is not None

    @cached_property
    def _forest(self) -> "_Forest | None":
        try:
            import models.credit.path_kernel  # noqa: F401, PLC0415
        except (ImportError, RuntimeError):  # RuntimeError: numba finds no folder to keep its cache in
            return None
        paths = forest_paths(self.members)
        return None if paths is None else _Forest(paths)


def compiled(model: "CreditModel") -> "CreditModel":
    """Return a credit model with the same answers whose boosters explain by compiled paths."""
    network = model.network
    return replace(
        model,
        own=CompiledBoosters(model.own.members),
        network=None if network is None else CompiledBoosters(network.members),
    )


class _Forest:
    """Paths with their tables and the points of the quadrature."""

    def __init__(self, paths: ForestPaths) -> None:
        from models.credit.path_kernel import fill_tables  # noqa: PLC0415

        self._paths = paths
        steps = np.diff(paths.step_from)
        sizes = np.where(steps <= _TABLE_STEPS, steps << np.minimum(steps, _TABLE_STEPS), 0)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(sizes) else sizes
        self._table_from = np.where(sizes > 0, starts, -1).astype(np.int64)
        self._tables = np.empty(int(sizes.sum()))
        self._longest = int(steps.max(initial=0))
        self._points, self._weights = _quadrature(self._longest)
        fill_tables(
            paths.step_from,
            paths.share,
            paths.leaf_value,
            self._table_from,
            self._points,
            self._weights,
            self._tables,
        )

    def add(self, x: Floats, out: Floats, *, num_threads: int) -> None:
        """Add the contributions of x (n, k) and the base to out (n, k + 1)."""
        from numba import get_num_threads, set_num_threads  # noqa: PLC0415

        from models.credit.path_kernel import sum_contributions  # noqa: PLC0415

        paths, before = self._paths, get_num_threads()
        set_num_threads(min(num_threads, before))  # before is the most that numba has been allowed
        try:
            sum_contributions(
                x,
                paths.node_from,
                paths.node_feature,
                paths.threshold,
                paths.missing,
                paths.missing_left,
                paths.leaf_from,
                paths.leaf_value,
                paths.step_from,
                paths.step_feature,
                paths.share,
                paths.mask,
                paths.wanted,
                self._table_from,
                self._tables,
                self._points,
                self._weights,
                self._longest,
                out,
            )
        finally:
            set_num_threads(before)
        out[:, -1] += paths.base


def _quadrature(longest: int) -> tuple[Floats, Floats]:
    """Return points and weights on [0, 1] in row d for d steps, of which the first ceil(d / 2) count."""
    most = max(1, (longest + 1) // 2)
    points, weights = np.zeros((longest + 1, most)), np.zeros((longest + 1, most))
    for steps in range(1, min(longest, MOST_NODES) + 1):
        count = (steps + 1) // 2
        at, weight = np.polynomial.legendre.leggauss(count)
        points[steps, :count], weights[steps, :count] = (at + 1) / 2, weight / 2
    return points, weights
