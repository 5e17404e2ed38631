"""Compiled contributions: LightGBM's own figures, for every kind of tree they can tell; LightGBM itself for the others."""

import json
from itertools import combinations
from math import factorial
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.credit.booster import Boosters
from models.credit.compiled import CompiledBoosters
from models.credit.forest_paths import MOST_NODES, forest_paths

Floats = NDArray[np.float64]


def data(seed: int, rows: int = 600, columns: int = 7) -> tuple[Floats, Floats]:
    """Return x with missing values, zeros, ties and infinite values, and y in {0, 1}."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    x[:, 1] = rng.poisson(1.0, rows)
    x[:, 2] = np.round(x[:, 2], 1)
    x[rng.random(x.shape) < 0.15] = np.nan
    x[:, 5] = np.nan_to_num(x[:, 5])  # nothing is missing in training: LightGBM reads a missing value as 0
    x[rng.random(rows) < 0.02, 3] = np.inf
    signal = np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) + (np.isnan(x[:, 4]) * 1.0)
    return x, (rng.random(rows) < 1 / (1 + np.exp(1 - signal))).astype(float)


def train(
    seed: int = 1, rounds: int = 12, *, categorical: list[int] | str = "auto", **change: object
) -> lgb.Booster:
    x, y = data(seed)
    parameters: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": 12,
        "min_data_in_leaf": 5,
        "learning_rate": 0.3,
        "feature_fraction": 0.8,
        "seed": seed,
        "num_threads": 1,
        "verbosity": -1,
    }
    return lgb.train({**parameters, **change}, lgb.Dataset(x, y, categorical_feature=categorical), rounds)


def unseen(seed: int) -> Floats:
    """Return rows that were not learnt from, with values missing where none was in training."""
    x, _ = data(seed + 1000, 150)
    x[::7, 5] = np.nan
    x[::5, :] = np.where(np.arange(7) % 2 == 0, 0.0, x[::5, :])
    x[3], x[4] = np.nan, 0.0
    x[6, 0], x[7, 0], x[8, 0] = 1e-36, -1e-36, -np.inf
    return np.ascontiguousarray(x)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    leaves=st.integers(2, 40),
    missing=st.sampled_from([{}, {"use_missing": False}, {"zero_as_missing": True}]),
    rows=st.integers(0, 150),
)
def test_the_figures_are_lightgbms(seed: int, leaves: int, missing: dict[str, Any], rows: int) -> None:
    members = (train(seed, num_leaves=leaves, **missing), train(seed + 1, rounds=5, **missing))
    ours, theirs = CompiledBoosters(members), Boosters(members)
    assert ours.is_compiled
    x = unseen(seed)[:rows]
    found = ours.contributions(x)
    assert found.shape == (rows, 8)
    if rows:
        np.testing.assert_allclose(found, theirs.contributions(x), rtol=0, atol=1e-10)
        np.testing.assert_allclose(found.sum(axis=1), theirs.raw(x), rtol=0, atol=1e-10)
    assert ours.base() == pytest.approx(theirs.base(), abs=1e-12)


def test_a_split_between_numbers_and_infinity_is_taken_as_lightgbm_takes_it() -> None:
    """LightGBM compares with infinity there, but its dump says 1e300."""
    booster = train(241, num_leaves=36)
    assert "1e+300" in json.dumps(booster.dump_model())
    x = unseen(241)
    assert np.isinf(x).any()
    found = CompiledBoosters((booster,)).contributions(x)
    np.testing.assert_allclose(found, Boosters((booster,)).contributions(x), rtol=0, atol=1e-10)


def test_a_tree_gives_the_shapley_values_of_its_definition() -> None:
    booster = train(3, rounds=1, num_leaves=8)
    tree = booster.dump_model()["tree_info"][0]["tree_structure"]
    x = unseen(3)[:20]
    found = CompiledBoosters((booster,)).contributions(x)
    for row, contributions in zip(x, found, strict=True):
        for feature in range(7):
            others = [other for other in range(7) if other != feature]
            value = 0.0
            for size in range(7):
                weight = factorial(size) * factorial(6 - size) / factorial(7)
                for known in combinations(others, size):
                    gain = expected(tree, row, {*known, feature}) - expected(tree, row, set(known))
                    value += weight * gain
            assert contributions[feature] == pytest.approx(value, abs=1e-12)


def expected(node: dict[str, Any], row: Floats, known: set[int]) -> float:
    """Return the mean of a tree over the training rows where only some features are known (Lundberg's definition)."""
    if "split_feature" not in node:
        return float(node["leaf_value"])
    left, right, feature = node["left_child"], node["right_child"], node["split_feature"]
    if feature in known:
        value = row[feature]
        if np.isnan(value) and node["missing_type"] == "NaN":
            return expected(left if node["default_left"] else right, row, known)
        value = 0.0 if np.isnan(value) else value
        return expected(left if value <= node["threshold"] else right, row, known)
    counts = [side["internal_count" if "split_feature" in side else "leaf_count"] for side in (left, right)]
    both = counts[0] * expected(left, row, known) + counts[1] * expected(right, row, known)
    return float(both / sum(counts))


def test_long_paths_are_worked_out_without_a_table() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 30))
    y = (rng.random(4000) < 1 / (1 + np.exp(-x.sum(axis=1) / 3))).astype(float)
    parameters: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": 60,
        "min_data_in_leaf": 2,
        "verbosity": -1,
        "seed": 1,
    }
    booster = lgb.train({**parameters, "num_threads": 1, "learning_rate": 0.5}, lgb.Dataset(x, y), 5)
    paths = forest_paths([booster])
    assert paths is not None
    assert np.diff(paths.step_from).max() > 9
    found = CompiledBoosters((booster,)).contributions(x[:200])
    np.testing.assert_allclose(found, booster.predict(x[:200], pred_contrib=True), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "change",
    [
        {"categorical": [1]},
        {"linear_tree": True},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
        {"num_leaves": 2 * MOST_NODES, "min_data_in_leaf": 1},
    ],
)
def test_trees_that_paths_cannot_tell_are_left_to_lightgbm(change: dict[str, Any]) -> None:
    booster = train(5, **change)
    found = CompiledBoosters((booster,))
    assert not found.is_compiled
    x = unseen(5)
    if "linear_tree" not in change:  # LightGBM explains no linear tree
        assert np.array_equal(found.contributions(x), Boosters((booster,)).contributions(x))


def test_trees_of_a_single_leaf_are_all_base() -> None:
    booster = train(6, min_data_in_leaf=10_000)
    found = CompiledBoosters((booster,)).contributions(unseen(6))
    np.testing.assert_allclose(found, booster.predict(unseen(6), pred_contrib=True), rtol=0, atol=1e-12)


def test_threads_and_blocks_change_no_bit() -> None:
    boosters = CompiledBoosters((train(7), train(8)))
    x = unseen(7)
    whole = boosters.contributions(x, num_threads=2)
    assert np.array_equal(whole, boosters.contributions(x, num_threads=1))
    pieces = [boosters.contributions(x[i : i + 11]) for i in range(0, len(x), 11)]
    assert np.array_equal(whole, np.vstack(pieces))
