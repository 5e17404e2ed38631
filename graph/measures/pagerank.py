"""How near a party stands to defaulted ones: personalised PageRank, and a walk in which its own default never counts."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.arcs import seeds_of
from graph.neighbours import pattern, row_sums
from graph.ontology import Direction
from graph.snapshot import Snapshot

__all__ = ["DAMPING", "default_nearness", "personalised_pagerank", "transitions", "walks_from_defaults"]

DAMPING: Final = 0.85
"""The chance of walking on, that of Brin and Page 1998."""

STEPS: Final = 3
"""Steps of the walk from a defaulted party: trouble further away than that is not its trouble any more."""

SMALLEST: Final = 1e-4
"""Chances below this are dropped from a walk, so that a hub does not spread it over the whole graph."""

_ENTRIES: Final = 4_000_000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def transitions(
    snapshot: Snapshot, kinds: Mapping[str, float], direction: Direction, *, weighted: bool = False
) -> csr_array:
    """Return the chances of stepping from each party to its neighbours (n × n; rows sum to 1, or 0 without a way on).

    `kinds` gives the share of each relation kind; a party without edges of a kind shares it among the others. Within
    a kind each neighbour is as likely, or, `weighted`, in proportion to its weight (an unknown weight counts 0).
    `direction` says which way trouble walks: along the edges (`out`) or against them (`in`). Raises
    UnknownRelationError, and MeasureArgumentError for a share that is negative or not finite.
    """
    total = csr_array((snapshot.parties, snapshot.parties))
    for kind, share in kinds.items():
        if not (np.isfinite(share) and share >= 0):
            raise MeasureArgumentError(
                f"kinds[{kind}]",
                f"应为非负有限数，现为 {share}",
                f"must be finite and not negative, is {share}",
            )
        relation = snapshot.relation(kind)
        around = relation.weights_towards(direction) if weighted else relation.edges_towards(direction)
        steps = around if weighted else pattern(around)
        total = total + share * _stochastic(steps)
    return _stochastic(total)


def personalised_pagerank(
    walk: csr_array,
    seeds: Floats,
    *,
    damping: float = DAMPING,
    tolerance: float = 1e-8,
    max_rounds: int = 500,
) -> Floats:
    """Return the personalised PageRank (n) of a matrix of weights or chances (n × n), walker starting at `seeds`.

    `seeds` (n) are weights of any scale; the walker returns to them with chance 1 - `damping` and wherever there is no
    way on. Source: Page, Brin, Motwani, Winograd 1999, "The PageRank Citation Ranking"; equal to
    networkx.pagerank(personalization=seeds). Without a seed every value is 0. Raises MeasureArgumentError for weights
    or seeds that are negative or not finite, and when `max_rounds` do not bring the change (L1) below `tolerance`.
    """
    _check_weights("walk", walk.data)
    _check_weights("seeds", seeds)
    if not seeds.sum() > 0:
        return np.zeros(len(seeds))
    chances = _stochastic(walk)
    start = seeds / seeds.sum()
    back = chances.T.tocsr()
    dead = np.flatnonzero(row_sums(chances) == 0)
    rank = start
    for _ in range(max_rounds):
        arriving = back @ rank
        following: Floats = damping * (arriving + rank[dead].sum() * start) + (1 - damping) * start
        if np.abs(following - rank).sum() < tolerance:
            return following
        rank = following
    raise MeasureArgumentError(
        "max_rounds",
        f"为 {max_rounds}，迭代尚未收敛到 {tolerance}，请调大",
        f"is {max_rounds}, which does not bring the change below {tolerance}; raise it",
    )


def walks_from_defaults(
    snapshot: Snapshot,
    defaulted: pl.Series,
    kinds: Mapping[str, float],
    direction: Direction,
    *,
    damping: float = DAMPING,
) -> pl.DataFrame:
    """Return, per party (`id`), its personalised PageRank from the defaulted parties, `pagerank` (sums to 1 or is 0).

    The rank of a defaulted party is mostly its own seed: read it for portraits, and use `default_nearness` where the
    label must not leak. Parties outside the graph are left out. Raises UnknownRelationError.
    """
    seeds = np.zeros(snapshot.parties)
    seeds[seeds_of(snapshot, defaulted)] = 1.0
    walk = transitions(snapshot, kinds, direction)
    return pl.DataFrame({"id": snapshot.ids, "pagerank": personalised_pagerank(walk, seeds, damping=damping)})


def default_nearness(
    walk: csr_array,
    defaulted: Ints,
    *,
    steps: int = STEPS,
    damping: float = DAMPING,
    smallest: float = SMALLEST,
) -> Floats:
    """Return how often walks from the other defaulted parties visit each party (n), each visit damped by its step.

    Σ over defaulted d ≠ i of Σ over t = 1…`steps` of damping^t × P^t[d, i], with P the chances of `walk` (n × n) and
    `defaulted` the positions of defaulted parties: the start of personalised PageRank, not divided by the number of
    seeds, each row computed alone. A party's own row is left out and the others are added in the order of positions,
    so its value is the same to the last bit whether or not it has defaulted itself, and never missing. Chances below
    `smallest` are dropped after each step. Raises MeasureArgumentError for steps below 1 and for weights that are
    negative or not finite.
    """
    if steps < 1:
        raise MeasureArgumentError("steps", f"应不小于 1，现为 {steps}", f"must be 1 or more, is {steps}")
    _check_weights("walk", walk.data)
    chances = _stochastic(walk)
    total = np.zeros(walk.shape[0])
    for origins in _stretches(chances, np.unique(defaulted), steps, smallest):
        visits = _visits(chances, origins, steps=steps, damping=damping, smallest=smallest)
        origin = np.repeat(origins, np.diff(visits.indptr))
        others = visits.indices != origin
        # Added one after the other: sums of stretches would depend on where the stretches end, and so on the labels.
        np.add.at(total, visits.indices[others], visits.data[others])
    return total


def _stochastic(matrix: csr_array) -> csr_array:
    """Return the matrix with rows that sum to 1, or to 0 where they did."""
    sums = row_sums(matrix)
    scale = np.divide(1.0, sums, out=np.zeros(len(sums)), where=sums > 0)
    # A product with a diagonal matrix would build the pattern anew, at six times the cost.
    data = matrix.data * np.repeat(scale, np.diff(matrix.indptr))
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _check_weights(argument: str, values: Floats) -> None:
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        value = values[bad[0]]
        raise MeasureArgumentError(
            argument,
            f"含有负值或非有限值（{value}）",
            f"holds a value that is negative or not finite ({value})",
        )


def _stretches(chances: csr_array, origins: Ints, steps: int, smallest: float) -> Iterator[Ints]:
    """Cut the origins so that their walks hold about `_ENTRIES` entries at most."""
    most = 1.0 / smallest if smallest > 0 else float(chances.shape[0])
    ways, total = np.ones(chances.shape[0]), np.zeros(chances.shape[0])
    links = pattern(chances)
    for _ in range(steps):
        ways = np.minimum(links @ ways, most)
        total += ways
    cut = np.flatnonzero(np.diff(np.cumsum(total[origins]) // _ENTRIES)) + 1
    yield from np.split(origins, cut)


def _visits(chances: csr_array, origins: Ints, *, steps: int, damping: float, smallest: float) -> csr_array:
    """Return the damped visits of the walks from each origin (origins × n)."""
    shape = (len(origins), chances.shape[0])
    walkers = csr_array((np.ones(len(origins)), origins, np.arange(len(origins) + 1)), shape=shape)
    visits = csr_array(shape)
    for step in range(1, steps + 1):
        walkers = walkers @ chances
        walkers.data[walkers.data < smallest] = 0.0
        walkers.eliminate_zeros()
        visits = visits + damping**step * walkers
    return csr_array(visits)
