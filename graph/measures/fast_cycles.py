"""The search for simple cycles as a numba kernel: the same cycles in the same order as the NumPy search."""

import numpy as np
import numpy.typing as npt
from numba import njit

from graph.measures.simple_cycles import Search

__all__ = ["search_cycles"]

Ints = npt.NDArray[np.int64]
Rows = tuple[Ints, Ints]
"""A graph: where each node's edges start, and where they lead."""


def search_cycles(pointer: Ints, indices: Ints, search: Search) -> None:
    """Put the cycles of a ranked graph into `search`; the first call compiles for seconds, later ones read a cache."""
    back = _transposed(pointer, indices)
    nodes, lengths, longest = _cycles((pointer, indices), back, search.longest, search.limit)
    for length in range(2, search.longest + 1):
        rows = nodes[lengths == length, :length]
        if len(rows):
            search.found[length] = [rows]
    search.longest = int(longest)


@njit(cache=True)
def _transposed(pointer: Ints, indices: Ints) -> Rows:
    size = len(pointer) - 1
    starts = np.zeros(size + 1, dtype=np.int64)
    for target in indices:
        starts[target + 1] += 1
    starts = np.cumsum(starts)
    room = starts[:-1].copy()
    sources = np.empty(len(indices), dtype=np.int64)
    for source in range(size):
        for place in range(pointer[source], pointer[source + 1]):
            target = indices[place]
            sources[room[target]] = source
            room[target] += 1
    return starts, sources


@njit(cache=True)
def _mark_back(root: int, back: Rows, half: int, marks: Rows, queue: Ints) -> None:
    """Write into `steps`, where `stamp` is the root, how far a node is from the root backwards, up to `half`."""
    (pointer, indices), (stamp, steps) = back, marks
    stamp[root], steps[root] = root, 0
    queue[0] = root
    head, tail = 0, 1
    while head < tail:
        node = queue[head]
        head += 1
        if steps[node] == half:
            break
        for place in range(pointer[node], pointer[node + 1]):
            before = indices[place]
            if before > root and stamp[before] != root:
                stamp[before], steps[before] = root, steps[node] + 1
                queue[tail] = before
                tail += 1


@njit(cache=True)
def _longest_that_fits(counts: Ints, longest: int, limit: int) -> int:
    """Return the longest length for which the cycles up to it, as counted so far, do not outnumber the limit."""
    total = 0
    for length in range(2, longest + 1):
        total += counts[length]
        if total > limit:
            return length - 1
    return longest


@njit(cache=True)
def _cycles(forward: Rows, back: Rows, longest: int, limit: int) -> tuple[Ints, Ints, int]:
    """Walk from each root in depth first, keeping the nodes (found × longest) and the length of each cycle."""
    pointer, indices = forward
    size = len(pointer) - 1
    half, width = longest // 2, longest
    stamp, steps = np.full(size, -1, dtype=np.int64), np.zeros(size, dtype=np.int64)
    queue, on_path = np.empty(size, dtype=np.int64), np.zeros(size, dtype=np.bool_)
    path, place = np.zeros(width + 1, dtype=np.int64), np.zeros(width + 1, dtype=np.int64)
    counts = np.zeros(width + 1, dtype=np.int64)
    nodes, lengths = np.empty((1024, width), dtype=np.int64), np.empty(1024, dtype=np.int64)
    found = 0
    for root in range(size):
        if longest < 2:  # noqa: PLR2004 - no cycle is shorter
            break
        _mark_back(root, back, half, (stamp, steps), queue)
        depth = 0
        path[0], place[0] = root, pointer[root]
        while depth >= 0:
            node = path[depth]
            if place[depth] == pointer[node + 1] or depth + 1 >= longest:
                on_path[node] = False
                depth -= 1
                continue
            target = indices[place[depth]]
            place[depth] += 1
            if target <= root or on_path[target]:
                continue
            length = depth + 2
            away = steps[target] if stamp[target] == root else half + 1
            path[depth + 1] = target
            if away == 1:
                if found == len(nodes):
                    nodes, lengths = np.concatenate((nodes, nodes)), np.concatenate((lengths, lengths))
                nodes[found, :length], lengths[found] = path[:length], length
                found += 1
                counts[length] += 1
                longest = _longest_that_fits(counts, longest, limit)
            left = longest - length + 1
            if length < longest and (left > half or away <= left):
                depth += 1
                place[depth], on_path[target] = pointer[target], True
    return nodes[:found], lengths[:found], longest
