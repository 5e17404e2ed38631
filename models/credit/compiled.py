"""Scores and contributions of a bag of boosters by compiled code: LightGBM's own figures for far less CPU."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.credit.booster import Boosters
from models.credit.forest_paths import ForestPaths, forest_paths
from models.credit.kernel_library import KernelLibrary, load_library, parts_of

if TYPE_CHECKING:
    from models.credit.model import CreditModel

__all__ = ["CompiledBoosters", "compiled"]

_ROWS_A_THREAD: Final = 256
_LANES: Final = 8  # as path_kernel.LANES, which only numba can load

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CompiledBoosters(Boosters):
    """A bag of boosters whose scores and contributions are found by compiled code instead of by LightGBM.

    The Shapley value of feature j in a leaf of value v with steps i (one a feature on its path), each taken (o_i = 1) or
    not (0) by the row and by the share r_i of the training rows, is
    v · (o_j - r_j) · ∫_0^1 Π_{i ≠ j} (t · o_i + (1 - t) · r_i) dt, as the weight of a coalition of size s among d
    features, s! (d - 1 - s)! / d!, is ∫ t^s (1 - t)^(d - 1 - s) dt. The integrand is a polynomial of degree d - 1, so
    Gauss-Legendre quadrature with ceil(d / 2) points is exact. The product over a whole path is worked out from edge to edge
    down the tree and divided by the factor of j where its contribution is taken, for all leaves below an edge at once: a
    tree costs as many steps as it has edges, whatever its depth. No factor is 0 (t < 1, r > 0), and all are positive.
    Sources: Lundberg, Erion, Lee (2018), Consistent individualized feature attribution for tree ensembles (the game, with
    cover as weight); Owen (1972), Multilinear extensions of games (the integral); Yu et al. (2022), Linear TreeShap (one
    walk down and one up).

    Raw scores are LightGBM's to the last bit: the same leaves, added in the same order. Boosters with trees that
    `forest_paths` cannot tell are left to LightGBM, as are all where numba is missing. With a folder for `code`, the
    compiled code is kept there as a library and numba is not loaded, where that is possible.
    """

    code: Path | None = None

    def contributions(self, x: Floats, *, num_threads: int = 1) -> Floats:
        """Return Shapley contributions, shape (n, k + 1), those of LightGBM to rounding; the last column is the base."""
        forest = self._forest
        if forest is None:
            return super().contributions(x, num_threads=num_threads)
        return forest.contributions(_rows(x), num_threads=num_threads)

    def raw(self, x: Floats, *, num_threads: int = 1) -> Floats:
        """Return raw log-odds, shape (n,), those of LightGBM bit for bit."""
        forest = self._forest
        if forest is None:
            return super().raw(x, num_threads=num_threads)
        return forest.raw(_rows(x), num_threads=num_threads)

    @property
    def explainer(self) -> str:
        """Return how contributions are found."""
        return "compiled" if self.is_compiled else super().explainer

    @property
    def is_compiled(self) -> bool:
        """Tell whether scores and contributions are found by compiled code."""
        return self._forest is not None

    @cached_property
    def _forest(self) -> "_Forest | None":
        paths = forest_paths(self.members)
        if paths is None:
            return None
        library = None if self.code is None else load_library(self.code)
        if library is not None:
            return _Forest(paths, library)
        try:
            with _vectors_of_straight_code():
                forest = _Forest(paths)
                # Compiled, or read from numba's cache, here and now: a request must not wait for it.
                row = np.full((1, self.members[0].num_feature()), np.nan)
                forest.raw(row)
                forest.contributions(row)
        except (
            ImportError,
            RuntimeError,
            OSError,
        ):  # the latter two: numba's cache has no folder, or no room in it
            return None
        return forest


def compiled(model: "CreditModel", *, code: Path | None = None) -> "CreditModel":
    """Return a credit model with the same answers whose boosters score and explain by compiled code, kept in a folder."""
    network = model.network
    return replace(
        model,
        own=CompiledBoosters(model.own.members, code),
        network=None if network is None else CompiledBoosters(network.members, code),
    )


class _Forest:
    """Paths with the points of their quadratures, for a library of the kernels or for numba."""

    def __init__(self, paths: ForestPaths, library: KernelLibrary | None = None) -> None:
        self._paths, self._library = paths, library
        self._members = len(paths.member_from) - 1
        self._rules = np.maximum(1, -(-paths.most_steps // (2 * _LANES))).astype(np.uint8)
        self._points, self._weights = _quadratures(int(self._rules.max(initial=1)), _LANES)
        self._most_nodes = int(np.diff(paths.node_from).max(initial=0))
        self._most_edges = int(np.diff(paths.edge_from).max(initial=1))
        decisions = (paths.node_from, paths.node_feature, paths.threshold, paths.missing, paths.missing_left)
        edges = (paths.edge_from, paths.edge_value)
        self._of_scores = (*decisions, *edges, paths.child, paths.below, paths.member_from)
        self._of_contributions = (
            *(*decisions, *edges, paths.parent, paths.before, paths.edge_feature, paths.edge_node),
            *(paths.right, paths.share, self._rules, self._points, self._weights),
        )
        self._parts_of_scores = parts_of(*self._of_scores)
        self._parts_of_contributions = parts_of(*self._of_contributions)

    def raw(self, x: Floats, *, num_threads: int = 1) -> Floats:
        """Return the mean raw score of the members, shape (n,)."""
        scores = np.zeros((self._members, len(x)))
        _in_threads(lambda rows: self._add_scores(x[rows], scores[:, rows]), len(x), num_threads)
        mean: Floats = np.add.reduce(scores, axis=0) / self._members  # as np.mean does, to the last bit
        return mean

    def contributions(self, x: Floats, *, num_threads: int = 1) -> Floats:
        """Return contributions and base, shape (n, k + 1); a row's figures depend on neither threads nor other rows."""
        out = np.zeros((len(x), x.shape[1] + 1))
        _in_threads(lambda rows: self._add_contributions(x[rows], out[rows]), len(x), num_threads)
        out /= self._members
        out[:, -1] = self._paths.base
        return out

    def _add_scores(self, x: Floats, scores: Floats) -> None:
        if self._library is not None:
            self._library.add_scores(parts_of(x) + self._parts_of_scores + parts_of(scores))
            return
        from models.credit.path_kernel import add_scores  # noqa: PLC0415

        add_scores(x, *self._of_scores, scores)

    def _add_contributions(self, x: Floats, out: Floats) -> None:
        if self._library is not None:
            room = self._room(x.shape[1])
            self._library.walk_contributions(
                parts_of(x) + self._parts_of_contributions + parts_of(*room, out)
            )
            return
        from models.credit.path_kernel import add_contributions  # noqa: PLC0415

        add_contributions(x, *self._of_contributions, self._most_nodes, self._most_edges, out)

    def _room(self, width: int) -> tuple[NDArray[np.uint8] | Floats, ...]:
        """Return the room that a thread works in, as `walk_contributions` asks for it."""
        nodes, edges = self._most_nodes + 1, self._most_edges
        flags = (np.empty(nodes, dtype=np.uint8), np.empty(edges, dtype=np.uint8))
        return (*flags, *(np.empty((edges, _LANES)) for _ in range(4)), np.empty((width, _LANES)))


def _in_threads(work: Callable[[slice], None], rows: int, num_threads: int) -> None:
    """Do the work on slices of the rows, in as many threads as are worth it; the kernels hold no lock of Python's."""
    threads = max(1, min(num_threads, rows // _ROWS_A_THREAD))
    if threads == 1:
        work(slice(0, rows))
        return
    edges = np.linspace(0, rows, 4 * threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, map(slice, edges[:-1], edges[1:])))


@contextmanager
def _vectors_of_straight_code() -> Iterator[None]:
    """Let numba's compiler join straight code into vectors: the kernels are written for it, four times as fast."""
    from numba.core import config  # noqa: PLC0415

    before = vars(config)["SLP_VECTORIZE"]
    vars(config)["SLP_VECTORIZE"] = 1
    try:
        yield
    finally:
        vars(config)["SLP_VECTORIZE"] = before


def _quadratures(most: int, lanes: int) -> tuple[Floats, Floats]:
    """Return points and weights on [0, 1] of the rules 1 to `most`, rule r having r rows of `lanes` points."""
    found = [np.polynomial.legendre.leggauss(rule * lanes) for rule in range(1, most + 1)]
    points = np.concatenate([(at + 1) / 2 for at, _ in found]).reshape(-1, lanes)
    weights = np.concatenate([weight / 2 for _, weight in found]).reshape(-1, lanes)
    return points, weights


def _rows(x: Floats) -> Floats:
    return np.ascontiguousarray(x, dtype=np.float64)
