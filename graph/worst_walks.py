"""For every node at once, the path of few steps that brings most of another node's trouble to it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graph.errors import QuestionError
from graph.path_search import Arcs

__all__ = ["Reach", "worst_walks"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_ENDS = 2
"""Ends kept for each node: the worst, and the worst other one for the node that itself is the worst end."""


@dataclass(frozen=True, eq=False)
class Reach:
    """The path chosen for each of n nodes, read towards the end of it.

    `end` is the node whose trouble arrives (-1 where there is none), `brings` its badness times the factors of the
    path, `steps` (n, max_steps) the arcs in order from the node, -1 behind the last.
    """

    end: Ints
    brings: Floats
    steps: Ints


@dataclass(frozen=True, eq=False)
class _Layer:
    """Walks of one length: for each node up to `_ENDS` of them, strongest first, to different ends."""

    end: Ints
    brings: Floats
    arc: Ints
    place: Ints

    @classmethod
    def empty(cls, nodes: int) -> "_Layer":
        nothing = np.full((_ENDS, nodes), -1, dtype=np.int64)
        return cls(nothing, np.zeros((_ENDS, nodes)), nothing.copy(), nothing.copy())


def worst_walks(arcs: Arcs, badness: Floats, *, max_steps: int, closed: Bools | None = None) -> Reach:
    """Return for each node the path that brings it most of another node's trouble.

    Arc i says that trouble of `head[i]` reaches `tail[i]` by `factor[i]`, 0..1; `badness` (n), 0..1, is how bad each
    node stands, 0 for one that cannot be an end. A path of at most `max_steps` arcs brings badness of its end times the
    product of its factors; of equal ones the shorter is taken, then the lower end, then the lower arc. A node is no
    end for itself. No path leads on through a `closed` node (a hub). As no factor is above 1, a walk that visits a
    node twice is never better than the path left when its loop is cut out, so the walks found are paths.

    Dynamic programming over walks (Bellman-Ford on products), O(max_steps × arcs log arcs).
    Raises QuestionError when `max_steps` is below 1.
    """
    if max_steps < 1:
        raise QuestionError(
            "max_steps", f"应不小于 1，现为 {max_steps}", f"must be at least 1, is {max_steps}"
        )
    layers = [_ends_themselves(badness)]
    best = _Layer.empty(arcs.nodes)
    length = np.zeros(arcs.nodes, dtype=np.int64)
    for steps in range(1, max_steps + 1):
        layers.append(_one_longer(arcs, layers[-1], closed if steps > 1 else None))
        better = layers[-1].brings[0] > best.brings[0]
        length[better] = steps
        best.brings[0, better] = layers[-1].brings[0, better]
        best.end[0, better] = layers[-1].end[0, better]
    return Reach(best.end[0], best.brings[0], _traced(arcs, layers, length, max_steps))


def _ends_themselves(badness: Floats) -> _Layer:
    layer = _Layer.empty(len(badness))
    bad = np.flatnonzero(badness > 0)
    layer.end[0, bad] = bad
    layer.brings[0, bad] = badness[bad]
    return layer


def _one_longer(arcs: Arcs, shorter: _Layer, closed: Bools | None) -> _Layer:
    """Put each arc before the walks of the node it leads to and keep the best to different ends."""
    tail, head = np.tile(arcs.tail, _ENDS), np.tile(arcs.head, _ENDS)
    place = np.repeat(np.arange(_ENDS), len(arcs.tail))
    arc = np.tile(np.arange(len(arcs.tail)), _ENDS)
    end, brings = shorter.end[place, head], np.tile(arcs.factor, _ENDS) * shorter.brings[place, head]
    kept = (brings > 0) & (end != tail)
    if closed is not None:
        kept &= ~closed[head]
    tail, end, brings, arc, place = (column[kept] for column in (tail, end, brings, arc, place))
    order = np.lexsort((arc, end, -brings, tail))
    layer = _Layer.empty(arcs.nodes)
    for rank in range(_ENDS):
        rows = tail[order]
        chosen = order[np.flatnonzero(np.diff(rows, prepend=-1))]
        at = tail[chosen]
        layer.end[rank, at], layer.brings[rank, at] = end[chosen], brings[chosen]
        layer.arc[rank, at], layer.place[rank, at] = arc[chosen], place[chosen]
        order = order[end[order] != layer.end[rank, rows]]
    return layer


def _traced(arcs: Arcs, layers: list[_Layer], length: Ints, max_steps: int) -> Ints:
    """Follow the chosen walks arc by arc."""
    steps = np.full((arcs.nodes, max_steps), -1, dtype=np.int64)
    node, place, left = np.arange(arcs.nodes), np.zeros(arcs.nodes, dtype=np.int64), length.copy()
    for step in range(max_steps):
        for many in range(1, max_steps - step + 1):
            at = np.flatnonzero(left == many)
            arc = layers[many].arc[place[at], node[at]]
            steps[at, step] = arc
            place[at] = layers[many].place[place[at], node[at]]
            node[at] = arcs.head[arc]
        left[left > 0] -= 1
    return steps
