"""A bag of boosters as what its scores and contributions depend on: the decisions of each tree, and the edges below them."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_EDGES", "ForestPaths", "forest_paths"]

MOST_EDGES: Final = 65_535
"""The edges of a tree are numbered in two bytes."""

_AT_ONCE: Final = 50
_INFINITE: Final = 1e300
_MISSING: Final = {"None": 0, "Zero": 1, "NaN": 2}

Json = Mapping[str, object]
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


class _UnlikeError(Exception):
    """A tree that these paths cannot tell."""


@dataclass
class _Edge:
    parent: int = 0
    before: int = 0
    feature: int = 0
    node: int = 0
    right: bool = False
    share: float = 1.0
    value: float = 0.0
    below: int = 0


@dataclass
class _Tree:
    """A tree while it grows."""

    nodes: list[tuple[int, float, int, bool]] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    edges: list[_Edge] = field(default_factory=lambda: [_Edge()])
    most_steps: int = 0
    base: float = 0.0


def forest_paths(members: Sequence[lgb.Booster]) -> ForestPaths | None:
    """Return the paths of a bag whose score is the mean of its members' raw scores; None where a tree asks what they cannot tell.

    That is: categories, linear leaves, several classes, averaged trees, more than MOST_EDGES edges in a tree, or
    counts of 0 in a node, which leave its share unknown.
    """
    trees: list[_Tree] = []
    member_from = [0]
    try:
        for member in members:
            for model in _dumps(member):
                if model.get("average_output") or model["num_tree_per_iteration"] != 1:
                    return None
                trees += [_tree(tree["tree_structure"]) for tree in model["tree_info"]]
            member_from.append(len(trees))
    except (_UnlikeError, json.JSONDecodeError):  # LightGBM dumps linear leaves as JSON that is none
        return None
    return _arrays(trees, member_from)


def _dumps(member: lgb.Booster) -> Iterator[dict[str, Any]]:
    """Dump a booster some trees at a time: 500 trees at once are 30 MB of Python, which a worker's peak would hold."""
    rounds = member.best_iteration if member.best_iteration > 0 else member.current_iteration()
    for start in range(0, max(rounds, 1), _AT_ONCE):
        yield member.dump_model(num_iteration=min(_AT_ONCE, rounds - start), start_iteration=start)


def _tree(root: Json) -> _Tree:
    tree, rows = _Tree(), _count(root)
    # Parts of the tree that are yet to be told, with the edge to each and the last edge of every feature above it.
    waiting: list[tuple[Json, int, dict[int, int]]] = [(root, 0, {})]
    while waiting:
        node, edge, last = waiting.pop()
        if "split_feature" in node:
            waiting += _split(tree, node, edge, last)
            continue
        if node.get("leaf_coeff"):
            raise _UnlikeError
        value = _number(node, "leaf_value")
        tree.edges[edge].value = value
        tree.base += value * (_count(node) / rows)
        tree.most_steps = max(tree.most_steps, len(last))
    if len(tree.edges) > MOST_EDGES:
        raise _UnlikeError
    return tree


def _split(
    tree: _Tree, node: Json, edge: int, last: dict[int, int]
) -> list[tuple[Json, int, dict[int, int]]]:
    """Add a decision with its two edges, and return what lies below them."""
    if node["decision_type"] != "<=":
        raise _UnlikeError
    feature, place = int(_number(node, "split_feature")), len(tree.nodes)
    missing, left = _MISSING[str(node["missing_type"])], bool(node["default_left"])
    tree.nodes.append((feature, _threshold(node), missing, left))
    tree.edges[edge].below = place + 1
    below = []
    for name, right in (("left_child", False), ("right_child", True)):
        child, before, place_below = node[name], last.get(feature, 0), len(tree.edges)
        if not isinstance(child, Mapping):
            raise _UnlikeError
        share = tree.edges[before].share * _count(child) / _count(node)
        tree.edges.append(_Edge(edge, before, feature, node=place, right=right, share=share))
        tree.children.append(place_below)
        below.append((child, place_below, {**last, feature: place_below}))
    return below


def _threshold(node: Json) -> float:
    """Return a node's threshold; LightGBM compares with infinity and writes 1e300 for it into the dump."""
    value = _number(node, "threshold")
    return math.copysign(math.inf, value) if abs(value) >= _INFINITE else value


def _number(node: Json, name: str) -> float:
    value = node[name]
    if not isinstance(value, int | float):
        raise _UnlikeError
    return float(value)


def _count(node: Json) -> float:
    """Return the training rows in a node or leaf; a tree of a single leaf need not say."""
    name = "internal_count" if "split_feature" in node else "leaf_count"
    count = _number(node, name) if name in node else 1.0
    if count <= 0:
        raise _UnlikeError
    return count


def _arrays(trees: Sequence[_Tree], member_from: Sequence[int]) -> ForestPaths:
    nodes = [node for tree in trees for node in tree.nodes]
    edges = [edge for tree in trees for edge in tree.edges]
    feature, threshold, missing, left = zip(*nodes, strict=True) if nodes else ((), (), (), ())
    return ForestPaths(
        base=math.fsum(tree.base for tree in trees) / (len(member_from) - 1),
        member_from=np.array(member_from, dtype=np.uint32),
        most_steps=np.array([tree.most_steps for tree in trees], dtype=np.int64),
        node_from=_starts([len(tree.nodes) for tree in trees]),
        node_feature=np.array(feature, dtype=np.uint32),
        threshold=np.array(threshold, dtype=np.float64),
        missing=np.array(missing, dtype=np.uint8),
        missing_left=np.array(left, dtype=np.uint8),
        child=np.array([edge for tree in trees for edge in tree.children], dtype=np.uint16),
        edge_from=_starts([len(tree.edges) for tree in trees]),
        edge_value=np.array([edge.value for edge in edges], dtype=np.float64),
        parent=np.array([edge.parent for edge in edges], dtype=np.uint16),
        before=np.array([edge.before for edge in edges], dtype=np.uint16),
        edge_feature=np.array([edge.feature for edge in edges], dtype=np.uint32),
        edge_node=np.array([edge.node for edge in edges], dtype=np.uint16),
        right=np.array([edge.right for edge in edges], dtype=np.uint8),
        share=np.array([edge.share for edge in edges], dtype=np.float64),
        below=np.array([edge.below for edge in edges], dtype=np.uint16),
    )


def _starts(sizes: Sequence[int]) -> NDArray[np.uint32]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint32)
