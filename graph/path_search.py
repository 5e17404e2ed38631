"""The strongest simple paths between two nodes of a small multigraph: best first, with a bound that is never too low."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Arcs", "Walk", "strongest_paths"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Products of the same factors in another order differ in their last bits; a bound must not fall below by that much.
_SLACK: Final = 1 + 1e-9


@dataclass(frozen=True, eq=False)
class Arcs:
    """The arcs of a multigraph of `nodes` nodes: arc i leads from `tail[i]` to `head[i]` with factor[i] in 0..1."""

    nodes: int
    tail: Ints
    head: Ints
    factor: Floats


@dataclass(frozen=True)
class Walk:
    """A path as arcs and the nodes it visits, its strength the product of the factors of its arcs.

    The factors are multiplied in order of size, so that paths of the same factors are equally strong to the last bit.
    """

    nodes: tuple[int, ...]
    arcs: tuple[int, ...] = ()
    factors: tuple[float, ...] = ()
    strength: float = field(default=1.0, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", math.prod(sorted(self.factors)))

    def along(self, arc: int, head: int, factor: float) -> "Walk":
        """Return the path one arc longer."""
        return Walk((*self.nodes, head), (*self.arcs, arc), (*self.factors, factor))


def strongest_paths(arcs: Arcs, source: int, target: int, *, max_hops: int, top: int) -> list[Walk]:
    """Return the paths of at most `max_hops` arcs that visit no node twice, strongest first, and all that tie.

    At least `top` of them where there are as many: those as strong as the last one are all returned, so that a
    caller can order ties by names. Paths of strength 0 are none. Best-first search (A*): a path begun is worth at
    most its strength times the strongest walk from its end to the target in the arcs left, found by dynamic
    programming over walks (Bellman-Ford on products); no path is finished before all that could be stronger.
    """
    # A path never comes back to its source nor goes on from its target; without those arcs the bound is closer.
    useful = np.flatnonzero((arcs.head != source) & (arcs.tail != target))
    arcs = Arcs(arcs.nodes, arcs.tail[useful], arcs.head[useful], arcs.factor[useful])
    best = _best_walks(arcs, target, max_hops)
    leaving = _Leaving(arcs, useful)
    found: list[Walk] = []
    floor = 0.0
    queue = [(-best[max_hops][source], 0, Walk((source,)))]
    counter = 0
    while queue and -queue[0][0] * _SLACK >= floor:
        _, _, walk = heapq.heappop(queue)
        left = max_hops - len(walk.arcs) - 1
        for arc, head, factor, bound in leaving.worth(walk, best[left], floor):
            longer = walk.along(arc, head, factor)
            if head == target:
                found.append(longer)
                floor = _last(found, top)
            elif left:
                counter += 1
                heapq.heappush(queue, (-bound, counter, longer))
    return sorted((walk for walk in found if walk.strength >= floor), key=lambda walk: -walk.strength)


class _Leaving:
    """The arcs by the node they leave, each under the name it has for the caller."""

    def __init__(self, arcs: Arcs, names: Ints) -> None:
        self._arcs = arcs
        self._names = names
        self._order = np.argsort(arcs.tail, kind="stable")
        self._start = np.searchsorted(arcs.tail[self._order], np.arange(arcs.nodes + 1))

    def worth(self, walk: Walk, best: Floats, floor: float) -> Iterator[tuple[int, int, float, float]]:
        """Yield (arc, head, factor, bound) for the arcs that may continue a path to one at least as strong as `floor`."""
        node = walk.nodes[-1]
        at = self._order[self._start[node] : self._start[node + 1]]
        head, factor = self._arcs.head[at], self._arcs.factor[at]
        bound = walk.strength * factor * best[head]
        for place in np.flatnonzero((bound > 0) & (bound * _SLACK >= floor)).tolist():
            if int(head[place]) not in walk.nodes:
                yield int(self._names[at[place]]), int(head[place]), float(factor[place]), float(bound[place])


def _best_walks(arcs: Arcs, target: int, max_hops: int) -> list[Floats]:
    """Return for each number of arcs the strength of the strongest walk from each node to the target."""
    best = [np.zeros(arcs.nodes)]
    best[0][target] = 1.0
    for _ in range(max_hops):
        longer = best[-1].copy()
        np.maximum.at(longer, arcs.tail, arcs.factor * best[-1][arcs.head])
        best.append(longer)
    return best


def _last(found: list[Walk], top: int) -> float:
    """Return the strength of the last of the `top` strongest, 0 while there are fewer."""
    if len(found) < top:
        return 0.0
    return heapq.nlargest(top, (walk.strength for walk in found))[-1]
