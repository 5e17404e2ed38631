"""The trees of a bag of boosters as flat tables, read from LightGBM's own text: a fraction of the time of its JSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

__all__ = ["TreeTables", "UnlikeError", "read_trees"]

_AT_ONCE: Final = 50
_TREE: Final = "\nTree="
_FIELD: Final = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Tree = Mapping[str, str]


class UnlikeError(Exception):
    """A booster that is not a sum of trees with plain leaves."""


@dataclass(frozen=True, eq=False)
class TreeTables:
    """Trees of `leaves` leaves and one decision fewer, one after the other, each numbered as LightGBM numbers it.

    `children` (n, 2) are what lies left and right of a decision: another decision of the tree, or -1 - a leaf. Counts are
    rows of training. The two lowest bits of `decision` say that it is about categories and that missing values go left, the
    next two which values are missing. Members of the bag are ranges of trees.
    """

    member_from: tuple[int, ...]
    leaves: Ints
    feature: Ints
    threshold: Floats
    decision: Ints
    children: Ints
    node_count: Ints
    leaf_value: Floats
    leaf_count: Ints


def read_trees(members: Sequence[lgb.Booster]) -> TreeTables:
    """Read the trees whose sums the members' scores are. Raises UnlikeError."""
    trees: list[Tree] = []
    member_from = [0]
    for member in members:
        for text in _texts(member):
            trees += _trees(text)
        member_from.append(len(trees))
    tables = TreeTables(
        member_from=tuple(member_from),
        leaves=_ints(trees, "num_leaves"),
        feature=_ints(trees, "split_feature"),
        threshold=_floats(trees, "threshold"),
        decision=_ints(trees, "decision_type"),
        children=np.column_stack([_ints(trees, "left_child"), _ints(trees, "right_child")]),
        node_count=_ints(trees, "internal_count"),
        leaf_value=_floats(trees, "leaf_value"),
        leaf_count=_ints(trees, "leaf_count"),
    )
    if len(tables.leaf_count) != len(
        tables.leaf_value
    ):  # not every release has written the rows of a single leaf
        raise UnlikeError
    return tables


def _texts(member: lgb.Booster) -> Iterator[str]:
    """Return a booster some trees at a time: a worker's peak would hold the text of all."""
    rounds = member.best_iteration if member.best_iteration > 0 else member.current_iteration()
    for start in range(0, max(rounds, 1), _AT_ONCE):
        yield member.model_to_string(num_iteration=min(_AT_ONCE, rounds - start), start_iteration=start)


def _trees(text: str) -> Iterator[Tree]:
    head, *trees = text.split("\nend of trees", 1)[0].split(_TREE)
    lines = head.splitlines()
    if "num_tree_per_iteration=1" not in lines or "average_output" in lines:
        raise UnlikeError
    for tree in trees:
        fields = dict(_FIELD.findall(tree))
        if fields["is_linear"] != "0":
            raise UnlikeError
        yield fields


def _ints(trees: Sequence[Tree], name: str) -> Ints:
    return np.array([int(number) for tree in trees for number in tree[name].split()], dtype=np.int64)


def _floats(trees: Sequence[Tree], name: str) -> Floats:
    """Return figures that are written with 17 digits, to the last bit."""
    return np.array([float(number) for tree in trees for number in tree[name].split()], dtype=np.float64)
