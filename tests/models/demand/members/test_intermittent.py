"""Intermittent members: statsforecast's numbers where they do the same, one constant for all where they pool."""

import numpy as np
import pytest
from statsforecast.models import TSB as LIBRARY_TSB
from statsforecast.models import CrostonClassic, CrostonSBA

from models.demand.members.intermittent import CROSTON_OPTIMISED, CROSTON_SBA, SMOOTHED_MEAN, TSB
from models.demand.members.statistical import StatisticalFit
from models.demand.series import FloatArray
from tests.models.demand.demand_series import make_series


def _rare(rows: int, length: int, *, seed: int, drift: float = 0.0) -> list[FloatArray]:
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.normal(-0.7, 0.6, (rows, 1)) + np.cumsum(rng.normal(0, drift, (rows, length)), axis=1))
    return list(rng.poisson(np.minimum(rate, 20)).astype(float))


def test_sba_is_the_librarys() -> None:
    rows = _rare(8, 60, seed=1)
    series = make_series(rows)
    forecast = CROSTON_SBA.fit(series, 3, seed=1).forecast(series, 3)
    theirs = np.stack([CrostonSBA().forecast(y, 3)["mean"] for y in rows])
    np.testing.assert_allclose(forecast, theirs, rtol=1e-9)


def test_tsb_is_the_librarys_with_the_constants_it_chose() -> None:
    rows = _rare(8, 60, seed=2)
    series = make_series(rows)
    fitted = TSB.fit(series, 3, seed=1)
    assert isinstance(fitted, StatisticalFit)
    by_size, by_chance = (fitted.parameters[name] for name in ("alpha_size", "alpha_chance"))
    assert len(set(by_size)) == len(set(by_chance)) == 1
    library = LIBRARY_TSB(alpha_d=by_size[0], alpha_p=by_chance[0])
    theirs = np.stack([library.forecast(y, 3)["mean"] for y in rows])
    np.testing.assert_allclose(fitted.forecast(series, 3), theirs, rtol=1e-9)


def test_optimised_croston_errs_no_more_than_its_best_constant() -> None:
    series = make_series(_rare(8, 80, seed=3))
    fitted = CROSTON_OPTIMISED.fit(series, 2, seed=1)
    assert isinstance(fitted, StatisticalFit)
    for name in ("alpha_size", "alpha_interval"):
        assert ((fitted.parameters[name] >= 0.1) & (fitted.parameters[name] <= 0.3)).all()
    classic = np.stack([CrostonClassic().forecast(y[np.isfinite(y)], 2)["mean"] for y in series.y])
    fixed = (fitted.parameters["alpha_size"] == 0.1) & (fitted.parameters["alpha_interval"] == 0.1)
    assert fixed.any()
    np.testing.assert_allclose(fitted.forecast(series, 2)[fixed], classic[fixed], rtol=1e-9)


@pytest.mark.parametrize(("drift", "low", "high"), [(0.0, 0.0, 0.05), (0.2, 0.1, 0.3)])
def test_pooled_constant_follows_how_fast_demand_drifts(drift: float, low: float, high: float) -> None:
    series = make_series(_rare(300, 100, seed=4, drift=drift))
    fitted = SMOOTHED_MEAN.fit(series, 1, seed=1)
    assert isinstance(fitted, StatisticalFit)
    alpha = fitted.parameters["alpha"][0]
    assert low <= alpha <= high


def test_one_short_series_keeps_the_usual_constant() -> None:
    series = make_series([np.array([0, 1, 0, 0, 2.0, 0, 0, 0, 0, 1, 0, 0, 0, 1.0])])
    fitted = SMOOTHED_MEAN.fit(series, 1, seed=1)
    assert isinstance(fitted, StatisticalFit)
    np.testing.assert_allclose(fitted.parameters["alpha"], 0.1)


def test_one_huge_series_does_not_choose_for_the_others() -> None:
    steady = _rare(200, 80, seed=5)
    drifting = 1e9 * (1 + np.cumsum(np.random.default_rng(1).normal(0, 0.2, 80)) ** 2)
    alone, beside = make_series(steady), make_series([*steady, drifting])
    one = SMOOTHED_MEAN.fit(alone, 2, seed=1).forecast(alone, 2)
    other = SMOOTHED_MEAN.fit(beside, 2, seed=1).forecast(beside, 2)
    np.testing.assert_array_equal(other[:-1], one)


@pytest.mark.parametrize("member", [TSB, SMOOTHED_MEAN, CROSTON_SBA, CROSTON_OPTIMISED])
def test_returns_never_make_a_negative_forecast(member: object) -> None:
    series = make_series([np.array([0, -5, 0, 2, 0, 0, -3, 1.0, 0, 0, 0, -9] * 4), -np.ones(30)])
    for one in (TSB, SMOOTHED_MEAN, CROSTON_SBA, CROSTON_OPTIMISED):
        if one is member:
            forecast = one.fit(series, 4, seed=1).forecast(series, 4)
            assert (forecast >= 0).all()
            np.testing.assert_array_equal(forecast[1], 0.0)
