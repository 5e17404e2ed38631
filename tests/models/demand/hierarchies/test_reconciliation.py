"""Reconciled forecasts add up, are those of the oracle, stay where they were coherent, and bear what is missing."""

from importlib import import_module

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.demand.hierarchies.hierarchy import Hierarchy, hierarchy_of_levels
from models.demand.hierarchies.reconciliation import (
    incoherence,
    reconcile,
    residual_variance,
    structural_variance,
)
from models.demand.series import FloatArray
from models.errors import ReconciliationError

QUICK = settings(max_examples=40)


def _grouped(count: int, seed: int) -> Hierarchy:
    rng = np.random.default_rng(seed)
    static = pl.DataFrame(
        {
            "unique_id": [f"s{number}" for number in range(count)],
            "p": [f"p{one}" for one in rng.integers(0, 4, count)],
            "r": [f"r{one}" for one in rng.integers(0, 3, count)],
        }
    )
    return hierarchy_of_levels(static, [["p"], ["r"], ["p", "r"]])


def _case(count: int, seed: int) -> tuple[Hierarchy, FloatArray, FloatArray, FloatArray]:
    """Return a hierarchy, coherent values, values that are not, and variances over six powers of ten."""
    rng = np.random.default_rng(seed)
    hierarchy = _grouped(count, seed)
    coherent = hierarchy.add_up(rng.normal(10, 20, (count, 3)))
    noisy = coherent + rng.normal(0, 5, coherent.shape)
    return hierarchy, coherent, noisy, 10 ** rng.uniform(-3, 3, len(hierarchy))


cases = st.builds(_case, st.integers(1, 25), st.integers(0, 10_000))


@QUICK
@given(cases)
def test_reconciled_forecasts_add_up(case: tuple[Hierarchy, FloatArray, FloatArray, FloatArray]) -> None:
    hierarchy, _, noisy, variance = case
    assert incoherence(reconcile(noisy, hierarchy, variance), hierarchy) <= 1e-12
    clipped = reconcile(noisy, hierarchy, variance, non_negative=True)
    assert incoherence(clipped, hierarchy) <= 1e-12
    assert (clipped >= 0).all()


@QUICK
@given(cases)
def test_coherent_forecasts_stay(case: tuple[Hierarchy, FloatArray, FloatArray, FloatArray]) -> None:
    hierarchy, coherent, _, variance = case
    np.testing.assert_allclose(reconcile(coherent, hierarchy, variance), coherent, rtol=1e-9, atol=1e-7)


@QUICK
@given(cases)
def test_result_is_the_weighted_least_squares_one(
    case: tuple[Hierarchy, FloatArray, FloatArray, FloatArray],
) -> None:
    hierarchy, _, noisy, variance = case
    roots = 1 / np.sqrt(variance)[:, None]
    bottom = np.linalg.lstsq(roots * hierarchy.sums.toarray(), roots * noisy, rcond=None)[0]
    np.testing.assert_allclose(
        reconcile(noisy, hierarchy, variance), hierarchy.add_up(bottom), rtol=1e-6, atol=1e-6
    )


@QUICK
@given(cases, st.integers(0, 1_000))
def test_node_of_zero_variance_is_honoured(
    case: tuple[Hierarchy, FloatArray, FloatArray, FloatArray], pick: int
) -> None:
    hierarchy, _, noisy, variance = case
    row = pick % len(hierarchy)
    variance[row] = 0.0
    np.testing.assert_allclose(reconcile(noisy, hierarchy, variance)[row], noisy[row], rtol=1e-6, atol=1e-6)


@QUICK
@given(cases, st.integers(0, 1_000))
def test_missing_node_takes_no_part(
    case: tuple[Hierarchy, FloatArray, FloatArray, FloatArray], pick: int
) -> None:
    hierarchy, _, noisy, variance = case
    row = pick % len(hierarchy)
    lacking = noisy.copy()
    lacking[row] = np.nan
    others = np.arange(len(hierarchy)) != row
    roots = 1 / np.sqrt(variance[others])[:, None]
    bottom = np.linalg.lstsq(roots * hierarchy.sums.toarray()[others], roots * noisy[others], rcond=None)[0]
    np.testing.assert_allclose(
        reconcile(lacking, hierarchy, variance), hierarchy.add_up(bottom), rtol=1e-3, atol=1e-3
    )


def test_steps_with_their_own_variances_are_solved_one_by_one() -> None:
    hierarchy, _, noisy, variance = _case(12, 3)
    steps = variance[:, None] * np.array([1.0, 2.0, 0.5]) ** np.linspace(0, 1, len(variance))[:, None]
    together = reconcile(noisy, hierarchy, steps)
    for step in range(3):
        alone = reconcile(noisy[:, [step]], hierarchy, steps[:, step])
        np.testing.assert_array_equal(together[:, [step]], alone)


def test_siblings_without_forecast_share_what_is_left_for_them() -> None:
    hierarchy = hierarchy_of_levels(
        pl.DataFrame({"unique_id": ["a", "b", "c"], "g": ["x", "x", "y"]}), [["g"]]
    )
    forecasts = np.array([[10.0], [7.0], [3.0], [np.nan], [np.nan], [3.0]])
    reconciled = reconcile(forecasts, hierarchy, np.ones(6))
    np.testing.assert_allclose(reconciled[:, 0], [10, 7, 3, 3.5, 3.5, 3], rtol=1e-5)


def test_series_that_nothing_speaks_for_stays_missing_and_is_not_made_up() -> None:
    hierarchy = hierarchy_of_levels(pl.DataFrame({"unique_id": ["a", "b"], "g": ["x", "y"]}), [["g"]])
    forecasts = np.array([[np.nan], [np.nan], [4.0], [np.nan], [2.0]])
    reconciled = reconcile(forecasts, hierarchy, np.ones(5))
    assert np.isnan(reconciled[[0, 1, 3], 0]).all()
    np.testing.assert_allclose(reconciled[[2, 4], 0], 3.0)


def test_all_variances_zero_is_no_breakdown() -> None:
    hierarchy, coherent, noisy, variance = _case(8, 5)
    assert np.isfinite(reconcile(noisy, hierarchy, 0 * variance)).all()
    np.testing.assert_allclose(reconcile(coherent, hierarchy, 0 * variance), coherent, atol=1e-8)


def test_only_series_that_cannot_be_negative_are_clipped() -> None:
    hierarchy = hierarchy_of_levels(pl.DataFrame({"unique_id": ["a", "b"], "g": ["x", "y"]}), [])
    forecasts = np.array([[-5.0], [-2.0], [-3.0]])
    reconciled = reconcile(forecasts, hierarchy, np.ones(3), non_negative=np.array([True, False]))
    assert reconciled[:, 0].tolist() == [-3.0, 0.0, -3.0]


@pytest.mark.parametrize("method", ["ols", "wls_struct", "wls_var"])
@pytest.mark.parametrize("count", [5, 60])
def test_equal_to_hierarchicalforecast(method: str, count: int) -> None:
    hierarchy, _, noisy, _ = _case(count, count)
    errors = np.random.default_rng(count).normal(size=(len(hierarchy), 30)) * np.sqrt(
        structural_variance(hierarchy)[:, None]
    )
    assert oracle_gap(hierarchy, noisy, errors, method) <= 1e-8


def oracle_gap(hierarchy: Hierarchy, forecasts: FloatArray, errors: FloatArray, method: str) -> float:
    """Return the largest difference from hierarchicalforecast's MinTrace, relative to the largest forecast."""
    seen = {"y_insample": errors, "y_hat_insample": np.zeros_like(errors)} if method == "wls_var" else {}
    oracle = import_module("hierarchicalforecast.methods")  # no types are published for it
    expected = oracle.MinTrace(method).fit_predict(S=hierarchy.sums.toarray(), y_hat=forecasts, **seen)[
        "mean"
    ]
    variance = {
        "ols": np.ones(len(hierarchy)),
        "wls_struct": structural_variance(hierarchy),
        "wls_var": (errors**2).mean(axis=1) + 2e-8,  # its own floor
    }[method]
    got = reconcile(forecasts, hierarchy, variance)
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def test_residual_variance_is_the_mean_square_of_many_errors() -> None:
    hierarchy = _grouped(20, 1)
    truth = structural_variance(hierarchy) * 4
    errors = np.random.default_rng(0).normal(size=(400, len(hierarchy), 6)) * np.sqrt(truth)[None, :, None]
    np.testing.assert_allclose(residual_variance(errors, hierarchy), truth, rtol=0.1)


def test_residual_variance_falls_back_on_the_structure() -> None:
    hierarchy = _grouped(20, 1)
    nothing = np.full((3, len(hierarchy), 2), np.nan)
    np.testing.assert_array_equal(residual_variance(nothing, hierarchy), structural_variance(hierarchy))
    some = np.random.default_rng(0).normal(size=(5, len(hierarchy), 2))
    some[:, [1, -1]] = np.nan
    estimated = residual_variance(some, hierarchy)
    assert np.isfinite(estimated).all()
    assert (estimated > 0).all()
    bottom = estimated[hierarchy.upper : -1]
    assert bottom.min() <= estimated[-1] <= bottom.max()


def test_perfect_backtests_leave_variances_that_can_be_used() -> None:
    hierarchy, _, noisy, _ = _case(8, 5)
    variance = residual_variance(np.zeros((4, len(hierarchy), 3)), hierarchy)
    assert np.isfinite(reconcile(noisy, hierarchy, variance)).all()


@pytest.mark.parametrize(
    ("forecasts", "variance", "message"),
    [
        (np.zeros((4, 2)), np.ones(3), "have shape"),
        (np.zeros((3, 2)), np.ones(2), "Variances have shape"),
        (np.array([[1.0], [np.inf], [2.0]]), np.ones(3), "Nodes a: infinite forecasts"),
        (np.zeros((3, 2)), np.array([1, np.nan, -1.0]), "Nodes a, b: negative or missing variances"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    forecasts: FloatArray, variance: FloatArray, message: str
) -> None:
    hierarchy = hierarchy_of_levels(pl.DataFrame({"unique_id": ["a", "b"]}), [])
    with pytest.raises(ReconciliationError, match=message):
        reconcile(forecasts, hierarchy, variance)


def test_hundred_thousand_series_are_reconciled() -> None:
    count = 100_000
    number = np.arange(count)
    static = pl.DataFrame(
        {
            "unique_id": [f"s{one}" for one in number],
            "product": [f"p{one}" for one in number // 31],
            "region": [f"r{one}" for one in number % 31],
        }
    )
    hierarchy = hierarchy_of_levels(static, [["product"], ["region"]])
    rng = np.random.default_rng(0)
    bottom = rng.gamma(2, 10, (count, 2))
    forecasts = hierarchy.add_up(bottom) * rng.lognormal(0, 0.1, (len(hierarchy), 2))
    reconciled = reconcile(forecasts, hierarchy, structural_variance(hierarchy), non_negative=True)
    assert incoherence(reconciled, hierarchy) <= 1e-6
    assert (reconciled >= 0).all()
