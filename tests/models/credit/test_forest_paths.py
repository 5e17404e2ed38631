"""Paths of trees, beside a plain walk through LightGBM's own dump, to the last bit: records are answered again by them."""

import dataclasses
import math
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from models.credit.forest_paths import ForestPaths, forest_paths


def train(seed: int, rounds: int = 60, **changes: Any) -> lgb.Booster:  # noqa: ANN401 - LightGBM's parameters
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1500, 5))
    x[rng.random(x.shape) < 0.2] = np.nan
    x[rng.random(x.shape) < 0.05] = np.inf
    x[rng.random(x.shape) < 0.2] = 0.0
    y = np.nan_to_num(x, posinf=3.0)[:, :3].sum(axis=1) + rng.normal(size=len(x))
    parameters = {
        "objective": "regression",
        "verbosity": -1,
        "num_threads": 1,
        "min_data_in_leaf": 5,
        **changes,
    }
    return lgb.train(parameters, lgb.Dataset(x, y), rounds)


def plain_walk(members: list[lgb.Booster]) -> dict[str, Any]:
    """Tell the trees one after the other, each from its root with all on the right before all on the left."""
    bases: list[float] = []
    told: dict[str, list[Any]] = {field.name: [] for field in dataclasses.fields(ForestPaths)}
    starts: dict[str, list[int]] = {"member_from": [0], "node_from": [0], "edge_from": [0]}
    for member in members:
        for tree in member.dump_model()["tree_info"]:
            bases.append(_tell(tree["tree_structure"], told))
            starts["node_from"].append(len(told["threshold"]))
            starts["edge_from"].append(len(told["share"]))
        starts["member_from"].append(len(bases))
    return {**told, **starts, "base": math.fsum(bases) / len(members)}


def _tell(root: dict[str, Any], told: dict[str, list[Any]]) -> float:
    edges: list[dict[str, Any]] = [{"share": 1.0}]
    nodes, base, steps = 0, 0.0, 0
    waiting: list[tuple[dict[str, Any], int, dict[int, int]]] = [(root, 0, {})]
    while waiting:
        node, edge, last = waiting.pop()
        if "split_feature" not in node:
            edges[edge]["edge_value"] = node["leaf_value"]
            base += node["leaf_value"] * (_rows(node) / _rows(root))
            steps = max(steps, len(last))
            continue
        feature = node["split_feature"]
        told["node_feature"].append(feature)
        told["threshold"].append(node["threshold"] if abs(node["threshold"]) < 1e300 else math.inf)
        told["missing"].append(["None", "Zero", "NaN"].index(node["missing_type"]))
        told["missing_left"].append(node["default_left"])
        nodes += 1
        edges[edge]["below"] = nodes
        for name in ("left_child", "right_child"):
            before = last.get(feature, 0)
            share = edges[before]["share"] * _rows(node[name]) / _rows(node)
            told["child"].append(len(edges))
            waiting.append((node[name], len(edges), {**last, feature: len(edges)}))
            edges.append(
                {"parent": edge, "before": before, "edge_feature": feature, "edge_node": nodes - 1}
                | {"right": name == "right_child", "share": share}
            )
    names = ("parent", "before", "edge_feature", "edge_node", "right", "below", "edge_value", "share")
    for one in edges:
        for name in names:
            told[name].append(one.get(name, 0))
    told["most_steps"].append(steps)
    return base


def _rows(node: dict[str, Any]) -> int:
    return int(node["internal_count"] if "split_feature" in node else node["leaf_count"])


@pytest.mark.parametrize(
    "members",
    [
        [train(1)],
        [train(2, num_leaves=200, min_data_in_leaf=1, rounds=3)],  # deep, with paths that ask a feature again
        [train(3, zero_as_missing=True), train(4, use_missing=False, rounds=7)],
        [train(5, num_leaves=2), train(6, min_data_in_leaf=5000, rounds=2)],  # stumps; single leaves
    ],
    ids=["usual", "deep", "missing", "small"],
)
def test_paths_are_those_of_a_plain_walk_to_the_last_bit(members: list[lgb.Booster]) -> None:
    found, told = forest_paths(members), plain_walk(members)
    assert found is not None
    assert found.base.hex() == told.pop("base").hex()
    for name, values in told.items():
        ours = getattr(found, name)
        assert ours.tobytes() == np.array(values, dtype=ours.dtype).tobytes(), name


def test_only_the_trees_up_to_the_best_iteration_are_told() -> None:
    booster = train(7)
    booster.best_iteration = 55
    found = forest_paths([booster])
    assert found is not None
    assert list(found.member_from) == [0, 55]


@pytest.mark.parametrize(
    "changes", [{}, {"min_data_in_leaf": 5000, "rounds": 2}], ids=["usual", "single leaves"]
)
def test_a_booster_that_was_loaded_has_the_paths_of_the_one_that_was_written(changes: dict[str, Any]) -> None:
    trained = train(8, **changes)
    found = forest_paths([trained])
    loaded = forest_paths([lgb.Booster(model_str=trained.model_to_string())])
    assert found is not None
    assert loaded is not None
    assert loaded.base.hex() == found.base.hex()
    assert loaded.edge_value.tobytes() == found.edge_value.tobytes()
    assert loaded.share.tobytes() == found.share.tobytes()
