"""Parties whose failure tears the supply network apart: articulation points, and how many parties fall off."""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, depth_first_order

from graph.measures.arcs import row_numbers
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
    size = edges.shape[0]
    _, labels = connected_components(edges, directed=False)
    members = np.bincount(labels, minlength=1)[labels] if size else np.zeros(0, dtype=np.int64)
    pieces, largest = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    linked = np.flatnonzero(members > 1)
    if len(linked):
        inner = edges[linked][:, linked].tocsr()
        pieces[linked], largest[linked] = _pieces(inner, np.asarray(labels)[linked])
    columns = (pieces, np.where(pieces > 1, members - 1 - largest, 0), members)
    named = {f"{kind}_{name}": column for name, column in zip(CUT_COLUMNS, columns, strict=True)}
    return pl.DataFrame({"id": snapshot.ids, **named}, schema_overrides=dict.fromkeys(named, pl.Int64))


def _pieces(edges: csr_array, labels: Ints) -> tuple[Ints, Ints]:
    """Return into how many parts each component falls without a node, and the size of the largest part (n)."""
    order, parent, lowest = _search(edges, labels)
    size = len(order)
    below, falls = _fallen(parent, lowest)
    members = np.bincount(labels)[labels[order]]
    # Node 0 of the search is the first of its component; so is every node whose parent is outside (-1).
    first = parent < 0
    child = np.flatnonzero(~first & falls)
    above = parent[child]
    count = np.bincount(above, minlength=size)
    largest, off = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    np.maximum.at(largest, above, below[child])
    np.add.at(off, above, below[child])
    rest = members - 1 - off
    pieces = count + (rest > 0)
    result = np.empty((2, size), dtype=np.int64)
    result[:, order] = pieces, np.maximum(largest, rest)
    return result[0], result[1]


def _search(edges: csr_array, labels: Ints) -> tuple[Ints, Ints, Ints]:
    """Search depth first: the nodes in order and, by place in it, the parent's place (-1: none) and the lowest neighbour.

    A node added for the search's sake starts it and leads to one node of each component.
    """
    size = edges.shape[0]
    starts = np.unique(labels, return_index=True)[1]
    rows, columns = row_numbers(edges), edges.indices.astype(np.int64)
    source = np.concatenate([rows, columns, np.full(len(starts), size), starts])
    target = np.concatenate([columns, rows, starts, np.full(len(starts), size)])
    links = csr_array((np.ones(len(source), dtype=np.int8), (source, target)), shape=(size + 1, size + 1))
    order, parents = depth_first_order(links, size, directed=True, return_predecessors=True)
    place = np.empty(size + 1, dtype=np.int64)
    place[order] = np.arange(size + 1)
    parent = place[parents[order[1:]]] - 1
    near = place[columns] - 1, place[rows] - 1
    lowest = np.arange(size)
    np.minimum.at(lowest, near[1], near[0])
    np.minimum.at(lowest, near[0], near[1])
    return order[1:].astype(np.int64), parent, lowest


def _fallen(parent: Ints, lowest: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return the size of each node's subtree, and whether nothing in it leads above the node's parent."""
    size, low, above = [1] * len(parent), lowest.tolist(), parent.tolist()
    # A child comes after its parent, so from the back every subtree is finished when its root is reached.
    for node in range(len(above) - 1, -1, -1):
        up = above[node]
        if up >= 0:
            size[up] += size[node]
            low[up] = min(low[up], low[node])
    return np.array(size, dtype=np.int64), np.array(low, dtype=np.int64) >= parent
