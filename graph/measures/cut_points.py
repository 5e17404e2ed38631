"""Parties whose failure tears the supply network apart: articulation points, and how many parties fall off."""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, depth_first_order

from graph.measures.arcs import row_numbers
from graph.neighbours import pattern
from graph.snapshot import Snapshot

__all__ = ["CUT_COLUMNS", "cut_points"]

CUT_COLUMNS = ("pieces", "cut_off", "component_size")

Ints = npt.NDArray[np.int64]


def cut_points(snapshot: Snapshot, kind: str = "supplies") -> pl.DataFrame:
    """Return, per party (`id`), what its network falls into without it, edges taken in both directions (Int64).

    `<kind>_pieces`: how many parts the rest of its connected component falls into (2 or more: an articulation point; 1:
    not; 0: nobody else is there); `<kind>_cut_off`: parties that lose the largest of these parts, 0 for a party that
    is no articulation point; `<kind>_component_size`: parties of its component, itself included. Source: Hopcroft,
    Tarjan 1973, "Efficient algorithms for graph manipulation", Communications of the ACM 16(6); the depth-first search
    is SciPy's, so no recursion and no second engine is needed. Raises UnknownRelationError.
    """
    edges = snapshot.relation(kind).edges
    links = pattern((edges + edges.T).tocsr())
    _, labels = connected_components(links, directed=False)
    members = np.bincount(labels, minlength=1)[labels].astype(np.int64)
    pieces, largest = (members > 1).astype(np.int64), members - 1
    # SciPy's search reads a node's row again after each branch: without leaves a hub has few, so that its row is
    # not read as often as it is long. Taking leaves off never parts the others, nor does it in a pair make a core.
    leaf = (np.diff(links.indptr) == 1) | (members < 3)  # noqa: PLR2004
    core = np.flatnonzero(~leaf)
    if len(core):
        leaves = (links @ leaf).astype(np.int64)[core]
        inner = links[core][:, core].tocsr()
        first = np.unique(labels[core], return_index=True)[1]
        pieces[core], largest[core] = _pieces(inner, first, leaves=leaves, members=members[core])
    columns = (pieces, members - 1 - largest, members)
    named = {f"{kind}_{name}": column for name, column in zip(CUT_COLUMNS, columns, strict=True)}
    return pl.DataFrame({"id": snapshot.ids, **named}, schema_overrides=dict.fromkeys(named, pl.Int64))


def _pieces(links: csr_array, first: Ints, *, leaves: Ints, members: Ints) -> tuple[Ints, Ints]:
    """Return into how many parts each component falls without a node, and the size of the largest part (n).

    `first` holds a node of each component; `leaves` counts the leaves taken off each node and `members` the parties of its
    component, leaves included.
    """
    order, parent, lowest = _search(links, first)
    size = len(order)
    below, falls = _fallen(parent, lowest, 1 + leaves[order])
    child = np.flatnonzero((parent >= 0) & falls)
    above = parent[child]
    count, largest = np.bincount(above, minlength=size), np.minimum(leaves[order], 1)
    np.maximum.at(largest, above, below[child])
    off = leaves[order]
    np.add.at(off, above, below[child])
    rest = members[order] - 1 - off
    result = np.empty((2, size), dtype=np.int64)
    result[:, order] = count + leaves[order] + (rest > 0), np.maximum(largest, rest)
    return result[0], result[1]


def _search(links: csr_array, first: Ints) -> tuple[Ints, Ints, Ints]:
    """Search depth first: the nodes in order and, by place in it, the parent's place (-1: none) and the lowest neighbour.

    Each component has a node added for the search's sake, which leads to one of its own and to the next such node: one
    added node that led to all components would have its row read once for each of them.
    """
    size = links.shape[0]
    added = size + np.arange(len(first))
    rows, columns = row_numbers(links), links.indices.astype(np.int64)
    source = np.concatenate([rows, added, added[:-1]])
    target = np.concatenate([columns, first, added[1:]])
    total = size + len(first)
    ways = csr_array((np.ones(len(source), dtype=np.int8), (source, target)), shape=(total, total))
    visited, before = depth_first_order(ways, size, directed=True, return_predecessors=True)
    order = visited[visited < size].astype(np.int64)
    place = np.full(total, -1, dtype=np.int64)
    place[order] = np.arange(size)
    lowest = np.arange(size)
    np.minimum.at(lowest, place[rows], place[columns])
    return order, place[before[order]], lowest


def _fallen(parent: Ints, lowest: Ints, own: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return what the nodes of each node's subtree count together, and whether nothing in it leads above the parent."""
    size, low, above = own.tolist(), lowest.tolist(), parent.tolist()
    # A child comes after its parent, so from the back every subtree is finished when its root is reached.
    for node in range(len(above) - 1, -1, -1):
        up = above[node]
        if up >= 0:
            size[up] += size[node]
            low[up] = min(low[up], low[node])
    return np.array(size, dtype=np.int64), np.array(low, dtype=np.int64) >= parent
