"""Compiled contributions: LightGBM's own figures, for every kind of tree they can tell; LightGBM itself for the others."""

import json
import sys
import warnings
from itertools import combinations
from math import factorial
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.credit import forest_paths as paths_module
from models.credit.booster import Boosters
from models.credit.calibration.maps import AffineCalibration
from models.credit.compiled import CompiledBoosters, compiled
from models.credit.forest_paths import forest_paths
from models.credit.grade import group_master_scale
from models.credit.model import CreditModel

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


@settings(max_examples=60)
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
        assert np.array_equal(ours.raw(x), theirs.raw(x))
    assert ours.base() == theirs.base()


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


def test_long_paths_have_quadratures_of_their_own() -> None:
    """Trees beyond 16 features on a path need more points than one vector holds, beyond 32 more than two."""
    rng = np.random.default_rng(2)
    group = np.arange(4000) % 50
    x = np.where(
        np.arange(49) == group[:, None], 1.0, 0.0
    )  # each of the first groups has a feature that it alone has
    x[rng.random(x.shape) < 0.01] = np.nan
    y = 0.6**group + rng.normal(size=4000) * 1e-9  # worth splitting off one after the other
    parameters: dict[str, Any] = {
        "objective": "regression",
        "num_leaves": 60,
        "min_data_in_leaf": 1,
        "verbosity": -1,
    }
    booster = lgb.train(
        {**parameters, "num_threads": 1, "seed": 1, "feature_fraction": 0.8}, lgb.Dataset(x, y), 12
    )
    paths = forest_paths([booster])
    assert paths is not None
    assert paths.most_steps.max() > 32
    found = CompiledBoosters((booster,))
    parts = found.contributions(x[:200])
    # LightGBM undoes the steps of a path one by one, which loses digits on paths this long; ours still add up to the last.
    np.testing.assert_allclose(parts, booster.predict(x[:200], pred_contrib=True), rtol=0, atol=1e-6)
    np.testing.assert_allclose(parts.sum(axis=1), found.raw(x[:200]), rtol=0, atol=1e-13)
    assert np.array_equal(found.raw(x[:200]), booster.predict(x[:200], raw_score=True))


@pytest.mark.parametrize(
    "change",
    [
        {"categorical": [1]},
        {"linear_tree": True},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
    ],
)
def test_trees_that_paths_cannot_tell_are_left_to_lightgbm(change: dict[str, Any]) -> None:
    booster = train(5, **change)
    found = CompiledBoosters((booster,))
    assert not found.is_compiled
    x = unseen(5)
    if "linear_tree" not in change:  # LightGBM explains no linear tree
        assert np.array_equal(found.contributions(x), Boosters((booster,)).contributions(x))


def test_trees_with_more_edges_than_can_be_numbered_are_left_to_lightgbm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paths_module, "MOST_EDGES", 4)
    found = CompiledBoosters((train(5),))
    assert not found.is_compiled
    assert found.explainer == "pred_contrib"
    assert np.array_equal(found.contributions(unseen(5)), Boosters(found.members).contributions(unseen(5)))


def test_trees_of_a_single_leaf_are_all_base() -> None:
    booster = train(6, min_data_in_leaf=10_000)
    found = CompiledBoosters((booster,))
    assert found.is_compiled
    theirs = booster.predict(unseen(6), pred_contrib=True)
    np.testing.assert_allclose(found.contributions(unseen(6)), theirs, rtol=0, atol=1e-12)
    assert np.array_equal(found.raw(unseen(6)), booster.predict(unseen(6), raw_score=True))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"num_leaves": 100, "min_data_in_leaf": 1},
        {"min_data_in_leaf": 10_000},
        {"bagging_freq": 1, "bagging_fraction": 0.6},
        {"categorical": [1]},
    ],
    ids=str,
)
def test_the_figures_are_those_of_shap(change: dict[str, Any]) -> None:
    """shap hands LightGBM's models back to LightGBM; its own code, an oracle that owes it nothing, is asked too."""
    shap = pytest.importorskip("shap")
    booster = train(9, rounds=20, **change)
    x = unseen(9)
    if "use_missing" in change:
        x = x[~np.isnan(x).any(axis=1)]  # there LightGBM reads NaN as 0, shap does not
    if "zero_as_missing" in change:
        x = x[(np.isnan(x) | (np.abs(x) > 1e-6)).all(axis=1)]  # there 0 is missing, for shap it is a number
    found = CompiledBoosters((booster,)).contributions(x)[:, :-1]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LightGBM binary classifier", UserWarning)
        explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
        np.testing.assert_allclose(found, explainer.shap_values(x), rtol=0, atol=1e-6)
    if "categorical" not in change:
        explainer.model.model_type = "internal"
        # Column 5 is never missing in training: LightGBM reads NaN as 0 there; its infinite thresholds are 1e300 to shap.
        known = ~np.isnan(x[:, 5]) & ~np.isinf(x).any(axis=1)
        theirs = explainer.shap_values(x[known], check_additivity=False)
        np.testing.assert_allclose(found[known], theirs, rtol=0, atol=1e-6)


def test_without_numba_lightgbm_answers_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "models.credit.path_kernel", None)
    found = CompiledBoosters((train(5),))
    assert found.explainer == "pred_contrib"
    assert np.array_equal(found.contributions(unseen(5)), Boosters(found.members).contributions(unseen(5)))


def test_threads_and_pieces_change_no_bit() -> None:
    boosters = CompiledBoosters((train(7), train(8)))
    x = np.vstack([unseen(7)] * 5)
    for figures in (boosters.contributions, boosters.raw):
        whole = figures(x, num_threads=2)
        assert np.array_equal(whole, figures(x, num_threads=1))
        pieces = [figures(x[i : i + 11]) for i in range(0, len(x), 11)]
        assert np.array_equal(whole, np.concatenate(pieces))


def test_a_model_says_the_same_whoever_explains(model: CreditModel) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, len(model.features)))
    x[rng.random(x.shape) < 0.2] = np.nan
    fast = compiled(model)
    ours, theirs = fast.score_matrix(x), model.score_matrix(x)
    assert (fast.explainer, model.explainer) == ("compiled", "pred_contrib")
    for name in ("log_odds", "pd", "own_log_odds", "own_pd", "grades"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    np.testing.assert_allclose(ours.contributions, theirs.contributions, rtol=0, atol=1e-9)
    assert ours.base_log_odds == theirs.base_log_odds
    one_by_one = np.vstack([fast.score_matrix(row.reshape(1, -1)).contributions for row in x])
    assert np.array_equal(one_by_one, ours.contributions)


@pytest.fixture
def model() -> CreditModel:
    x, y = data(12)
    names = tuple(f"f{column}" for column in range(7))
    own, around = names[:5], names[3:]
    own_boosters = Boosters((train_named(x[:, :5], y, own, 1), train_named(x[:, :5], y, own, 2)))
    network = Boosters((train_named(x[:, 3:], y, around, 3),))
    return CreditModel(
        own, own_boosters, AffineCalibration(0.9, -0.1), group_master_scale(),
        network_features=around, network=network,
    )  # fmt: skip


def train_named(x: Floats, y: Floats, names: tuple[str, ...], seed: int) -> lgb.Booster:
    parameters: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": 9,
        "seed": seed,
        "num_threads": 1,
        "verbosity": -1,
    }
    return lgb.train(parameters, lgb.Dataset(x, y, feature_name=list(names)), 15)
