"""All simple cycles of a directed graph up to a length: strong components first, then all paths at once in NumPy."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from graph.measures.arcs import expanded, row_numbers
from graph.measures.engine import Engine, takes_numba

__all__ = ["Cycles", "Search", "find_cycles", "strong_components"]

Ints = npt.NDArray[np.int64]

_BLOCK: Final = 400_000
"""Paths that are extended at once: enough to keep NumPy busy, few enough to fit in memory at every depth."""

_PAIRS: Final = 2_000_000
"""Pairs of root and node whose distance back is kept at once."""


@dataclass(frozen=True, eq=False)
class Cycles:
    """Simple cycles, each once: by length, then by nodes; each starts at its smallest node.

    `by_length[k]` holds the cycles of k nodes (m × k). All cycles of up to `complete_to` nodes are there; where it is
    below the length asked for, some of `complete_to` + 1 nodes may be there and longer ones are not.
    """

    by_length: dict[int, Ints]
    complete_to: int


@dataclass(eq=False)
class Search:
    """What a search has found so far: rows of nodes by length, and the longest cycle it still looks for.

    The cycles kept are the first `limit` by length and then by the order of the search. A length is given up as soon
    as the cycles up to it outnumber the limit, so a dense graph ends early instead of never.
    """

    longest: int
    limit: int
    found: dict[int, list[Ints]] = field(default_factory=dict)
    counts: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.longest + 1, dtype=np.int64)

    def take(self, rows: Ints) -> None:
        """Keep cycles of one length and give up the lengths that no longer fit the limit."""
        length = rows.shape[1]
        if length > self.longest or not len(rows):
            return
        self.found.setdefault(length, []).append(rows)
        self.counts[length] += len(rows)
        over = np.flatnonzero(np.cumsum(self.counts[: self.longest + 1]) > self.limit)
        if len(over):
            self.longest = int(over[0]) - 1

    def kept(self) -> dict[int, Ints]:
        """Return the first `limit` cycles by length."""
        room, result = self.limit, {}
        for length in sorted(self.found):
            rows = np.concatenate(self.found[length])[:room]
            room -= len(rows)
            if len(rows):
                result[length] = rows
        return result


def strong_components(graph: csr_array) -> Ints:
    """Return the strong component of each node (n), numbered from 0 in no particular order."""
    labels = connected_components(graph, directed=True, connection="strong")[1]
    return np.asarray(labels, dtype=np.int64)


def find_cycles(
    graph: csr_array, labels: Ints, *, longest: int, limit: int, engine: Engine = Engine.AUTO
) -> Cycles:
    """Return the simple cycles of 2 to `longest` nodes of a directed graph (n × n, stored entries are edges).

    `labels` are its strong components (n). Each cycle is found from one root, its node of lowest rank, through nodes
    of higher rank only; hubs rank lowest, so no other root walks through them. A path is dropped when no way back to
    the root is short enough. The answer is that of networkx.simple_cycles(length_bound=longest) without loops. Both
    engines find the same cycles in the same order, so a limit cuts them alike. Time grows with the paths of half the
    length inside strong components. Raises MissingExtraError.
    """
    core = np.flatnonzero(np.bincount(labels, minlength=1)[labels] > 1)
    search = Search(longest=longest, limit=limit)
    inner, ranked = _ranked(graph, labels, core)
    if takes_numba(engine, inner.nnz, "graph.measures.fast_cycles"):
        from graph.measures.fast_cycles import search_cycles  # noqa: PLC0415 - needs the extra [fast]

        search_cycles(inner.indptr, inner.indices, search)
    else:
        _search(inner, search)
    nodes = core[ranked]
    by_length = {length: _canonical(nodes[rows]) for length, rows in search.kept().items()}
    return Cycles(by_length, search.longest)


def _ranked(graph: csr_array, labels: Ints, core: Ints) -> tuple[csr_array, Ints]:
    """Return the graph inside its strong components with nodes renamed by rank, and the place in `core` of each rank."""
    size = len(core)
    part, inner = labels[core], graph[core][:, core].tocsr()
    rows, columns = row_numbers(inner), inner.indices.astype(np.int64)
    inside = (part[rows] == part[columns]) & (rows != columns)
    rows, columns = rows[inside], columns[inside]
    degree = np.bincount(rows, minlength=size) * np.bincount(columns, minlength=size)
    order = np.lexsort((np.arange(size), -degree))
    rank = np.empty(size, dtype=np.int64)
    rank[order] = np.arange(size)
    sources, targets = rank[rows], rank[columns]
    sequence = np.lexsort((targets, sources))
    pointer = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(sources, minlength=size), out=pointer[1:])
    ones = np.ones(len(rows), dtype=np.int64)
    return csr_array((ones, targets[sequence], pointer), shape=(size, size)), order


def _canonical(rows: Ints) -> Ints:
    """Turn each cycle (m × k) so that its smallest node comes first, and sort the cycles."""
    length = rows.shape[1]
    start = np.argmin(rows, axis=1)
    places = (start[:, None] + np.arange(length)) % length
    turned: Ints = np.take_along_axis(rows, places, axis=1)
    return turned[np.lexsort(turned.T[::-1])]


def _search(graph: csr_array, search: Search) -> None:
    """Find the cycles of a ranked graph, roots in order, a stretch of roots at a time."""
    back = graph.T.tocsr()
    half = search.longest // 2
    for first, last in _stretches(back, half):
        if search.longest < 2:  # noqa: PLR2004
            return
        table = _DistanceBack.to_roots(back, first, last, half)
        edges = slice(int(graph.indptr[first]), int(graph.indptr[last]))
        root = np.repeat(np.arange(first, last), np.diff(graph.indptr[first : last + 1]))
        paths = np.column_stack([root, graph.indices[edges]])
        _follow(graph, paths[paths[:, 1] > paths[:, 0]], table, search)


def _stretches(back: csr_array, half: int) -> Iterator[tuple[int, int]]:
    """Cut the roots into stretches whose walks back of up to `half` steps number about `_PAIRS` at most."""
    size = back.shape[0]
    walks = np.ones(size)
    total = np.ones(size)
    for _ in range(half):
        walks = np.minimum(back @ walks, size)
        total += walks
    cut = np.flatnonzero(np.diff(np.cumsum(total) // _PAIRS)) + 1
    starts = np.concatenate([[0], cut, [size]])
    yield from zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)


@dataclass(frozen=True, eq=False)
class _DistanceBack:
    """The number of steps from nodes back to roots, through nodes above the root, where it is at most `half`."""

    size: int
    half: int
    keys: Ints
    steps: Ints

    @classmethod
    def to_roots(cls, back: csr_array, first: int, last: int, half: int) -> "_DistanceBack":
        size = back.shape[0]
        root = node = np.arange(first, last, dtype=np.int64)
        keys, steps = root * size + node, np.zeros(last - first, dtype=np.int64)
        for step in range(1, half + 1):
            places, before, _ = expanded(back, node)
            reached = root[places] * size + before
            new = np.setdiff1d(reached[before > root[places]], keys)
            root, node = np.divmod(new, size)
            keys, steps = np.concatenate([keys, new]), np.concatenate([steps, np.full(len(new), step)])
            order = np.argsort(keys, kind="stable")
            keys, steps = keys[order], steps[order]
        return cls(size, half, keys, steps)

    def look_up(self, root: Ints, node: Ints) -> Ints:
        """Return the steps from each node back to its root; half + 1 stands for more than `half`."""
        wanted = root * self.size + node
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        steps: Ints = np.where(self.keys[place] == wanted, self.steps[place], self.half + 1)
        return steps


def _follow(graph: csr_array, paths: Ints, table: _DistanceBack, search: Search) -> None:
    """Close the paths (m × nodes) that can be closed and extend those that may be closed later, in order."""
    steps = table.look_up(paths[:, 0], paths[:, -1])
    length = paths.shape[1]
    search.take(paths[steps == 1])
    if length >= search.longest:
        return
    # A path of k nodes that closes after s more edges has k + s - 1 nodes; it must pass through another node first.
    left = search.longest - length + 1
    paths = paths[steps <= left] if left <= table.half else paths
    for block in _blocks(graph, paths):
        if length >= search.longest:
            return
        places, target, _ = expanded(graph, block[:, -1])
        new = target > block[places, 0]
        for position in range(1, length):
            new &= target != block[places, position]
        longer = np.column_stack([block[places[new]], target[new]])
        _follow(graph, longer, table, search)


def _blocks(graph: csr_array, paths: Ints) -> Iterator[Ints]:
    if not len(paths):
        return
    ends = paths[:, -1]
    total = np.cumsum(graph.indptr[ends + 1] - graph.indptr[ends])
    cut = np.flatnonzero(np.diff(total // _BLOCK)) + 1
    yield from np.split(paths, cut)
