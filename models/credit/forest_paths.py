"""A bag of boosters as what its contributions depend on: the decisions of each tree, and the paths to its leaves."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_NODES", "ForestPaths", "forest_paths"]

MOST_NODES: Final = 64
"""The decisions of a tree are the bits of one word."""

_INFINITE: Final = 1e300
_MISSING: Final = {"None": 0, "Zero": 1, "NaN": 2}

Json = Mapping[str, object]


@dataclass(frozen=True, eq=False)
class ForestPaths:
    """Trees t with nodes n, leaves l and steps s, each family of arrays flat, its ranges in the `…_from` arrays.

    A row's decision at a node is a bit of the tree's word: 1 goes left. A step stands for one feature on the way to a
    leaf, however often it is asked there: the row takes the step when the bits of `mask` are those of `wanted`, and
    `share` is the part of the training rows that do.
    """

    base: float
    node_from: NDArray[np.int64]
    node_feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    missing: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    leaf_from: NDArray[np.int64]
    leaf_value: NDArray[np.float64]
    step_from: NDArray[np.int64]
    step_feature: NDArray[np.int64]
    share: NDArray[np.float64]
    mask: NDArray[np.uint64]
    wanted: NDArray[np.uint64]


class _UnlikeError(Exception):
    """A tree that these paths cannot tell."""


@dataclass
class _Step:
    share: float = 1.0
    mask: int = 0
    wanted: int = 0


@dataclass
class _Lists:
    """The arrays while they grow."""

    base: float = 0.0
    node_from: list[int] = field(default_factory=lambda: [0])
    nodes: list[tuple[int, float, int, bool]] = field(default_factory=list)
    leaf_from: list[int] = field(default_factory=lambda: [0])
    leaf_value: list[float] = field(default_factory=list)
    step_from: list[int] = field(default_factory=lambda: [0])
    steps: list[tuple[int, float, int, int]] = field(default_factory=list)


def forest_paths(members: Sequence[lgb.Booster]) -> ForestPaths | None:
    """Return the paths of the mean of the members' raw scores; None where a tree asks what they cannot tell.

    That is: categories, linear leaves, several classes, averaged trees, more than MOST_NODES decisions in a tree, or
    counts of 0 in a node, which leave its share unknown.
    """
    lists = _Lists()
    try:
        for member in members:
            model = member.dump_model()
            if model.get("average_output") or model["num_tree_per_iteration"] != 1:
                return None
            for tree in model["tree_info"]:
                _add_tree(lists, tree["tree_structure"], 1 / len(members))
    except (_UnlikeError, json.JSONDecodeError):  # LightGBM dumps linear leaves as JSON that is none
        return None
    return _arrays(lists)


def _add_tree(lists: _Lists, root: Json, weight: float) -> None:
    """Add a tree; one of a single leaf is all base."""
    if "split_feature" not in root:
        lists.base += weight * _number(root, "leaf_value")
        return
    start, rows = lists.node_from[-1], _count(root)
    for leaf, steps in _leaves(lists, root, start, {}):
        if leaf.get("leaf_coeff"):
            raise _UnlikeError
        value = weight * _number(leaf, "leaf_value")
        lists.base += value * _count(leaf) / rows
        lists.leaf_value.append(value)
        lists.steps += [(feature, step.share, step.mask, step.wanted) for feature, step in steps.items()]
        lists.step_from.append(len(lists.steps))
    lists.node_from.append(len(lists.nodes))
    lists.leaf_from.append(len(lists.leaf_value))


def _leaves(
    lists: _Lists, node: Json, start: int, steps: dict[int, _Step]
) -> Iterator[tuple[Json, dict[int, _Step]]]:
    """Yield each leaf below a node with the steps to it, and add the nodes passed."""
    if "split_feature" not in node:
        yield node, steps
        return
    place = len(lists.nodes) - start
    if node["decision_type"] != "<=" or place >= MOST_NODES:
        raise _UnlikeError
    feature, bit = int(_number(node, "split_feature")), 1 << place
    missing, left = _MISSING[str(node["missing_type"])], bool(node["default_left"])
    lists.nodes.append((feature, _threshold(node), missing, left))
    for name, wanted in (("left_child", bit), ("right_child", 0)):
        child = node[name]
        if not isinstance(child, Mapping):
            raise _UnlikeError
        before = steps.get(feature, _Step())
        share = before.share * _count(child) / _count(node)
        step = _Step(share, before.mask | bit, before.wanted | wanted)
        yield from _leaves(lists, child, start, {**steps, feature: step})


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
    """Return the training rows in a node or leaf."""
    count = _number(node, "internal_count" if "split_feature" in node else "leaf_count")
    if count <= 0:
        raise _UnlikeError
    return count


def _arrays(lists: _Lists) -> ForestPaths:
    feature, threshold, missing, left = zip(*lists.nodes, strict=True) if lists.nodes else ((), (), (), ())
    step_feature, share, mask, wanted = zip(*lists.steps, strict=True) if lists.steps else ((), (), (), ())
    return ForestPaths(
        base=lists.base,
        node_from=np.array(lists.node_from, dtype=np.int64),
        node_feature=np.array(feature, dtype=np.int64),
        threshold=np.array(threshold, dtype=np.float64),
        missing=np.array(missing, dtype=np.int64),
        missing_left=np.array(left, dtype=np.bool_),
        leaf_from=np.array(lists.leaf_from, dtype=np.int64),
        leaf_value=np.array(lists.leaf_value, dtype=np.float64),
        step_from=np.array(lists.step_from, dtype=np.int64),
        step_feature=np.array(step_feature, dtype=np.int64),
        share=np.array(share, dtype=np.float64),
        mask=np.array(mask, dtype=np.uint64),
        wanted=np.array(wanted, dtype=np.uint64),
    )
