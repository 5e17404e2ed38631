"""A bag of boosters as what its scores and contributions depend on: the decisions of each tree, and the edges below them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.credit.tree_text import TreeTables, UnlikeError, read_trees

__all__ = ["MOST_EDGES", "ForestPaths", "forest_paths"]

MOST_EDGES: Final = 65_535
"""The edges of a tree are numbered in two bytes."""

_INFINITE: Final = 1e300
_CATEGORIES, _MISSING_LEFT, _MISSING_AT = 1, 2, 2

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ForestPaths:
    """Trees with nodes n (decisions) and edges e, each family of arrays flat, the ranges of a tree in the `…_from` arrays.

    Edges are numbered within their tree, parents before children; edge 0 leads to the root. An edge below it belongs to a
    decision `edge_node` and to its `right` or left side; `before` is the edge above that is taken by the same feature (0:
    none), `share` the part of the training rows that every decision by this feature on the way down to here lets through.
    `below` is 1 + the node that the edge leads to, 0 where it leads to a leaf, whose value is `edge_value`. `child` holds
    two edges a node, left and right. `most_steps` (trees) is the most features that a path of the tree asks. Members of
    the bag are ranges of trees; `base` is the mean score of the training rows.
    """

    base: float
    member_from: NDArray[np.uint32]
    most_steps: NDArray[np.int64]
    node_from: NDArray[np.uint32]
    node_feature: NDArray[np.uint32]
    threshold: Floats
    missing: NDArray[np.uint8]
    missing_left: NDArray[np.uint8]
    child: NDArray[np.uint16]
    edge_from: NDArray[np.uint32]
    edge_value: Floats
    parent: NDArray[np.uint16]
    before: NDArray[np.uint16]
    edge_feature: NDArray[np.uint32]
    edge_node: NDArray[np.uint16]
    right: NDArray[np.uint8]
    share: Floats
    below: NDArray[np.uint16]


def forest_paths(members: Sequence[lgb.Booster]) -> ForestPaths | None:
    """Return the paths of a bag whose score is the mean of its members' raw scores; None where a tree asks what they cannot tell.

    That is: categories, linear leaves, several classes, averaged trees, more than MOST_EDGES edges in a tree, or
    counts of 0 in a node, which leave its share unknown.
    """
    try:
        trees = read_trees(members)
    except UnlikeError:
        return None
    if (
        (trees.decision & _CATEGORIES).any()
        or min(trees.node_count.min(initial=1), trees.leaf_count.min(initial=1)) <= 0
        or 2 * trees.leaves.max(initial=1) - 1 > MOST_EDGES
    ):
        return None
    return _paths(trees, _Walk.through(trees))


@dataclass(frozen=True, eq=False)
class _Walk:
    """All trees walked at once, from their roots down; a tree is told root first, then all on the right, then all on the left.

    `levels` are the decisions (places in the tables) by depth, `place` (n) a decision's place in the telling of its tree.
    `below` (n, 2) is the place in the tables of the decision left and right, -1 for a leaf; `leaf` (n, 2) the place of
    the leaf, -1 for a decision; `leaf_rank` (leaves) a leaf's place in the telling of the leaves.
    """

    levels: Sequence[Ints]
    tree: Ints
    place: Ints
    below: Ints
    leaf: Ints
    leaf_rank: Ints

    @classmethod
    def through(cls, trees: TreeTables) -> "_Walk":
        """Walk through trees."""
        node_from, leaf_from = _starts(trees.leaves - 1), _starts(trees.leaves)
        tree = np.repeat(np.arange(len(trees.leaves)), trees.leaves - 1)
        is_leaf = trees.children < 0
        below = np.where(is_leaf, -1, trees.children + node_from[tree][:, None])
        leaf = np.where(is_leaf, leaf_from[tree][:, None] - 1 - trees.children, -1)
        levels = list(_levels(node_from[:-1][trees.leaves > 1], below))
        size = _sizes(levels, below)
        place, leaf_rank = (
            np.zeros(len(tree), dtype=np.int64),
            np.zeros(len(trees.leaf_value), dtype=np.int64),
        )
        leaves_before = np.zeros(len(tree), dtype=np.int64)
        for level in levels:
            on_the_right = size[below[level, 1]]  # decisions there; leaves are one more
            for side, nodes, leaves in ((0, on_the_right, on_the_right + 1), (1, 0, 0)):
                ends, before = is_leaf[level, side], leaves_before[level] + leaves
                onward = below[level, side][~ends]
                place[onward] = (place[level] + 1 + nodes)[~ends]
                leaves_before[onward] = before[~ends]
                leaf_rank[leaf[level, side][ends]] = before[ends]
        return cls(levels, tree, place, below, leaf, leaf_rank)


def _levels(roots: Ints, below: Ints) -> Iterator[Ints]:
    while len(roots):
        yield roots
        roots = below[roots].ravel()
        roots = roots[roots >= 0]


def _sizes(levels: Sequence[Ints], below: Ints) -> Ints:
    """Return how many decisions hang on each decision, it included; the last is 0 and stands for what is below a leaf."""
    size = np.zeros(len(below) + 1, dtype=np.int64)
    for level in reversed(levels):
        size[level] = 1 + size[below[level]].sum(axis=1)
    return size


def _paths(trees: TreeTables, walk: _Walk) -> ForestPaths:
    """Lay out decisions and edges as they are told: edges 2p + 1 and 2p + 2 are those below the decision of place p."""
    node_from, edge_from = _starts(trees.leaves - 1), _starts(2 * trees.leaves - 1)
    nodes = np.argsort(node_from[walk.tree] + walk.place)
    edges = _edges(trees, walk, edge_from)
    decision = trees.decision[nodes]
    threshold = trees.threshold[nodes]
    return ForestPaths(
        base=_base(trees, walk) / (len(trees.member_from) - 1),
        member_from=np.array(trees.member_from, dtype=np.uint32),
        most_steps=_most(edges.steps, edge_from),
        node_from=node_from.astype(np.uint32),
        node_feature=trees.feature[nodes].astype(np.uint32),
        threshold=np.where(np.abs(threshold) >= _INFINITE, np.copysign(np.inf, threshold), threshold),
        missing=(decision >> _MISSING_AT).astype(np.uint8),
        missing_left=(decision & _MISSING_LEFT != 0).astype(np.uint8),
        child=(2 * walk.place[nodes][:, None] + [1, 2]).ravel().astype(np.uint16),
        edge_from=edge_from.astype(np.uint32),
        edge_value=edges.value,
        parent=edges.parent.astype(np.uint16),
        before=edges.before.astype(np.uint16),
        edge_feature=edges.feature.astype(np.uint32),
        edge_node=edges.node.astype(np.uint16),
        right=edges.right.astype(np.uint8),
        share=edges.share,
        below=edges.below.astype(np.uint16),
    )


class _Edges:
    """What is known of each edge (e), numbered within its tree; edge 0 of a tree leads to its root and stays as it is made."""

    def __init__(self, edges: int) -> None:
        self.parent, self.before, self.feature, self.node, self.right, self.below, self.steps = (
            np.zeros(edges, dtype=np.int64) for _ in range(7)
        )
        self.share, self.value = np.ones(edges), np.zeros(edges)


def _edges(trees: TreeTables, walk: _Walk, edge_from: Ints) -> _Edges:
    edges = _Edges(int(edge_from[-1]))
    edges.below[edge_from[:-1]] = trees.leaves > 1
    alone = trees.leaves == 1
    edges.value[edge_from[:-1][alone]] = trees.leaf_value[_starts(trees.leaves)[:-1][alone]]
    above = np.zeros(len(walk.tree), dtype=np.int64)  # the edge that leads to a decision
    for level in walk.levels:
        first, feature = edge_from[walk.tree[level]], trees.feature[level]
        before = _last_of(feature, above[level], edges, first)
        for side in (0, 1):
            number = 2 * walk.place[level] + 1 + side
            here, below, leaf = first + number, walk.below[level, side], walk.leaf[level, side]
            ends = leaf >= 0
            count = np.where(ends, trees.leaf_count[leaf], trees.node_count[below])
            edges.parent[here], edges.before[here], edges.feature[here] = above[level], before, feature
            edges.node[here], edges.right[here] = walk.place[level], side
            edges.share[here] = edges.share[first + before] * count / trees.node_count[level]
            edges.steps[here] = edges.steps[first + above[level]] + (before == 0)
            edges.below[here] = np.where(ends, 0, walk.place[below] + 1)
            edges.value[here] = np.where(ends, trees.leaf_value[leaf], 0.0)
            above[below[~ends]] = number[~ends]
    return edges


def _last_of(feature: Ints, edge: Ints, edges: _Edges, first: Ints) -> Ints:
    """Return the last edge by each feature on the way up from an edge, that one included; 0 where there is none."""
    found = edge.copy()
    while (others := (found != 0) & (edges.feature[first + found] != feature)).any():
        found[others] = edges.parent[(first + found)[others]]
    return found


def _base(trees: TreeTables, walk: _Walk) -> float:
    """Return the sum over the trees of their mean value over the training rows, each added leaf by leaf as it is told."""
    leaf_from = _starts(trees.leaves)
    tree = np.repeat(np.arange(len(trees.leaves)), trees.leaves)
    # The root's rows; those of a tree of a single leaf are that leaf's.
    rows = trees.leaf_count[leaf_from[:-1]].copy()
    rows[trees.leaves > 1] = trees.node_count[_starts(trees.leaves - 1)[:-1][trees.leaves > 1]]
    parts = np.empty(len(trees.leaf_value))
    parts[leaf_from[tree] + walk.leaf_rank] = trees.leaf_value * (trees.leaf_count / rows[tree])
    # Running sums add one after the other; a plain sum would not, and its last bit would be another.
    ends = (np.add.accumulate(one)[-1] for one in np.split(parts, leaf_from[1:-1]) if len(one))
    return math.fsum(0.0 + float(end) for end in ends)


def _most(steps: Ints, edge_from: Ints) -> Ints:
    """Return the most features that a path of each tree asks."""
    return np.maximum.reduceat(steps, edge_from[:-1]) if len(edge_from) > 1 else np.zeros(0, dtype=np.int64)


def _starts(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
