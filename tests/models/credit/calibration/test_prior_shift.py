"""Moving a model to a stated default rate: the closed form, the exact shift, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from models.credit.calibration.fit import FITS
from models.credit.calibration.maps import AffineCalibration, Kind, Shifted
from models.credit.calibration.prior_shift import prior_shift, rate_shift, shifted_by_prior, shifted_to_rate
from models.errors import CalibrationError

RATE = st.floats(1e-4, 1 - 1e-4)


@given(RATE, RATE)
def test_closed_form_multiplies_the_odds(old: float, new: float) -> None:
    factor = new * (1 - old) / (old * (1 - new))
    assert np.exp(prior_shift(old, new)) == pytest.approx(factor, rel=1e-9)


def test_closed_form_is_bayes_rule_on_a_resampled_book() -> None:
    """Drop good rows at random: the closed form turns the old PDs into those a model of the new book would have."""
    r = np.random.default_rng(1)
    raw = r.normal(-2, 1, 400_000)
    y = r.random(400_000) < expit(raw)
    kept = y | (r.random(400_000) < 0.25)
    moved = shifted_by_prior(AffineCalibration(1.0, 0.0), trained_rate=y.mean(), stated_rate=y[kept].mean())
    assert moved.pd(raw[kept]).mean() == pytest.approx(y[kept].mean(), abs=0.002)


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=50), RATE)
def test_exact_shift_gives_the_stated_mean(raw: list[float], rate: float) -> None:
    assert expit(np.array(raw) + rate_shift(np.array(raw), rate)).mean() == pytest.approx(rate, abs=1e-9)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_map_can_be_moved_and_keeps_its_ranking(kind: Kind) -> None:
    r = np.random.default_rng(2)
    raw = np.sort(r.normal(-2, 1, 2000))
    base = FITS[kind](raw, (r.random(2000) < expit(raw)).astype(float), None)
    moved = shifted_to_rate(base, raw, 0.03)
    assert moved.pd(raw).mean() == pytest.approx(0.03, abs=1e-9)
    assert (np.diff(moved.log_odds(raw)) >= 0).all()
    np.testing.assert_allclose(moved.log_odds(raw) - base.log_odds(raw), moved.delta, atol=1e-12)


def test_moving_twice_stays_one_shift() -> None:
    raw = np.linspace(-4, 1, 200)
    twice = shifted_to_rate(shifted_to_rate(AffineCalibration(1.0, 0.0), raw, 0.2), raw, 0.05)
    assert isinstance(twice.base, AffineCalibration)
    assert twice.delta == pytest.approx(shifted_to_rate(AffineCalibration(1.0, 0.0), raw, 0.05).delta)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 2.5, float("nan")])
def test_rate_outside_the_open_interval_is_named(rate: float) -> None:
    with pytest.raises(CalibrationError, match="rate is") as caught:
        shifted_to_rate(AffineCalibration(1.0, 0.0), np.zeros(3), rate)
    assert "违约率" in caught.value.zh
    with pytest.raises(CalibrationError, match="stated_rate"):
        prior_shift(0.1, rate)


def test_empty_or_broken_portfolio_is_named() -> None:
    with pytest.raises(CalibrationError, match="is empty"):
        shifted_to_rate(AffineCalibration(1.0, 0.0), np.zeros(0), 0.1)
    with pytest.raises(CalibrationError, match="row 2"):
        shifted_to_rate(AffineCalibration(1.0, 0.0), np.array([0.0, np.nan]), 0.1)


def test_guide_figures_are_those_of_the_code() -> None:
    """docs/calibration.md works through these very numbers."""
    assert prior_shift(0.037, 0.02) == pytest.approx(-0.6327, abs=5e-5)
    assert np.exp(prior_shift(0.037, 0.02)) == pytest.approx(0.5312, abs=5e-5)
    by_prior = Shifted(AffineCalibration(1.0, 0.0), prior_shift(0.037, 0.02))
    portfolio = np.log(np.array([0.005, 0.01, 0.02, 0.08]) / (1 - np.array([0.005, 0.01, 0.02, 0.08])))
    np.testing.assert_allclose(by_prior.pd(portfolio), [0.00266, 0.00534, 0.01072, 0.04415], atol=6e-6)
    assert by_prior.pd(portfolio).mean() == pytest.approx(0.01572, abs=5e-6)
    exact = shifted_to_rate(AffineCalibration(1.0, 0.0), portfolio, 0.02)
    assert exact.delta == pytest.approx(-0.3823, abs=5e-5)
    np.testing.assert_allclose(exact.pd(portfolio), [0.00342, 0.00684, 0.01373, 0.05601], atol=6e-6)
