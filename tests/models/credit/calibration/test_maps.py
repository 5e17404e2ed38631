"""Calibration maps: never falling, never infinite, the same after JSON, and fitted as their sources say."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from models.credit.calibration.fit import FITS, fit_affine, fit_beta, fit_isotonic, fit_venn_abers
from models.credit.calibration.maps import (
    AffineCalibration,
    BetaCalibration,
    Calibration,
    Chained,
    Kind,
    Shifted,
)
from models.credit.calibration.read import read_calibration
from models.errors import CalibrationError, NotTrainableError

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def sample(rows: int, seed: int, digits: int = 1) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    raw = np.round(r.normal(-1, 1.5, rows), digits)  # rounded: many ties
    y = (r.random(rows) < expit(raw)).astype(float)
    y[np.argmin(raw)], y[np.argmax(raw)] = 0.0, 1.0
    return raw, y


def every_map(seed: int = 1) -> list[Calibration]:
    raw, y = sample(400, seed)
    fitted = [fit(raw, y, None) for fit in FITS.values()]
    return [*fitted, Shifted(fitted[1], 0.4), Chained(fitted[3], fitted[0])]


MAPS = every_map()


@pytest.mark.parametrize("calibration", MAPS, ids=lambda c: c.kind)
@given(raw=st.lists(FINITE, min_size=1, max_size=40))
def test_map_never_falls_and_is_finite_for_any_finite_score(
    calibration: Calibration, raw: list[float]
) -> None:
    z = calibration.log_odds(np.sort(np.array(raw)))
    assert np.isfinite(z).all()
    assert (np.diff(z) >= 0).all()
    pd = calibration.pd(np.array(raw))
    assert (pd > 0).all()
    assert (pd < 1).all()


@pytest.mark.parametrize("calibration", MAPS, ids=lambda c: c.kind)
def test_neighbouring_floats_never_fall(calibration: Calibration) -> None:
    raw, _ = sample(400, 1)
    around = np.unique(raw)
    close = np.sort(np.concatenate([around, np.nextafter(around, -np.inf), np.nextafter(around, np.inf)]))
    assert (np.diff(calibration.log_odds(close)) >= 0).all()


@pytest.mark.parametrize("calibration", MAPS, ids=lambda c: c.kind)
def test_json_round_trip_keeps_every_bit(calibration: Calibration) -> None:
    again = read_calibration(json.loads(json.dumps(calibration.plain(), allow_nan=False)))
    raw = np.random.default_rng(3).normal(0, 4, 2000)
    assert again == calibration
    assert again.log_odds(raw).tobytes() == calibration.log_odds(raw).tobytes()


def test_map_without_a_kind_is_platts() -> None:
    assert read_calibration({"slope": 1.1, "intercept": -0.2}) == AffineCalibration(1.1, -0.2)


@pytest.mark.parametrize(
    ("plain", "name"),
    [
        ({"kind": "spline"}, "kind"),
        ({"kind": "platt", "slope": "1", "intercept": 0}, "slope"),
        ({"kind": "beta", "a": 1.0, "b": 1.0}, "c"),
        ({"kind": "isotonic", "raw": [], "value": [1.0]}, "raw"),
        ({"kind": "shifted", "delta": 1.0}, "kind"),
        ("platt", "kind"),
    ],
)
def test_unreadable_map_names_the_value(plain: object, name: str) -> None:
    with pytest.raises(CalibrationError, match=f"'{name}'") as caught:
        read_calibration(plain)
    assert name in caught.value.zh


@settings(max_examples=60)
@given(st.integers(4, 40), st.integers(0, 10_000))
def test_venn_abers_equals_isotonic_regression_with_the_party_added(rows: int, seed: int) -> None:
    raw, y = sample(rows, seed)
    try:
        fitted = fit_venn_abers(raw, y)
    except NotTrainableError:
        return
    levels = np.unique(raw)
    scores = np.concatenate([levels, (levels[1:] + levels[:-1]) / 2])

    def with_party(score: float, label: float) -> float:
        _, place = np.unique(np.append(raw, score), return_inverse=True)
        n = np.bincount(place).astype(float)
        rate = np.bincount(place, np.append(y, label)) / n
        return float(isotonic_regression(rate, weights=n).x[place[-1]])

    p0, p1 = fitted.bounds(scores)
    np.testing.assert_allclose(p0, [with_party(score, 0.0) for score in scores], atol=1e-12)
    np.testing.assert_allclose(p1, [with_party(score, 1.0) for score in scores], atol=1e-12)
    pd = fitted.pd(scores)
    np.testing.assert_allclose(pd, p1 / (1 - p0 + p1), atol=1e-12)
    assert ((p0 <= pd) & (pd <= p1)).all()


def test_many_scores_are_put_in_cells_and_still_follow_the_rate() -> None:
    r = np.random.default_rng(5)
    raw = r.normal(-2, 1, 30_000)
    y = (r.random(30_000) < expit(raw)).astype(float)
    for fit in (fit_isotonic, fit_venn_abers):
        pd = fit(raw, y).pd(raw)
        assert np.abs(pd - expit(raw)).mean() < 0.015


def test_isotonic_keeps_the_observed_rate_and_the_block_rates() -> None:
    raw, y = sample(3000, 2)
    fitted = fit_isotonic(raw, y)
    assert fitted.pd(raw).mean() == pytest.approx(y.mean(), abs=1e-9)
    _, place = np.unique(raw, return_inverse=True)
    n = np.bincount(place).astype(float)
    blocks = isotonic_regression(np.bincount(place, y) / n, weights=n).x[place]
    assert np.abs(fitted.pd(raw) - blocks).mean() < 0.03


def test_isotonic_stays_finite_where_all_or_none_defaulted() -> None:
    raw = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    fitted = fit_isotonic(raw, np.array([0.0, 0, 0, 1, 1, 1]))
    pd = fitted.pd(raw)
    np.testing.assert_allclose(pd[[0, -1]], [0.5 / 4, 3.5 / 4], atol=1e-9)  # half a row of the other class
    assert (np.diff(pd) >= 0).all()


def test_beta_recovers_two_slopes_and_platt_is_its_special_case() -> None:
    r = np.random.default_rng(0)
    raw = r.normal(0, 2, 60_000)
    truth = BetaCalibration(1.6, 0.6, -0.3)
    fitted = fit_beta(raw, (r.random(60_000) < truth.pd(raw)).astype(float))
    assert (fitted.a, fitted.b, fitted.c) == pytest.approx((1.6, 0.6, -0.3), abs=0.1)
    equal = BetaCalibration(1.3, 1.3, 0.2).log_odds(raw)
    np.testing.assert_allclose(equal, AffineCalibration(1.3, 0.2).log_odds(raw), atol=1e-12)


def test_beta_with_a_slope_at_zero_is_the_bounded_optimum() -> None:
    r = np.random.default_rng(4)
    raw = r.normal(0, 2, 4000)
    y = (r.random(4000) < expit(-1.2 * np.logaddexp(0, -raw) - 0.3 * np.logaddexp(0, raw))).astype(float)
    fitted = fit_beta(raw, y)
    assert fitted.b == 0.0
    low, high = -np.logaddexp(0, -raw), np.logaddexp(0, raw)
    bad, good = y.sum(), (1 - y).sum()
    target = np.where(y > 0, (bad + 1) / (bad + 2), 1 / (good + 2))

    def loss(theta: np.ndarray) -> float:
        z = theta[0] * low + theta[1] * high + theta[2]
        return float(np.sum(np.logaddexp(0, z) - target * z) + 0.5 * np.sum((theta[:2] - 1) ** 2))

    oracle = minimize(loss, [1.0, 0.5, 0.0], bounds=[(0, None), (0, None), (None, None)], method="L-BFGS-B")
    assert loss(np.array([fitted.a, fitted.b, fitted.c])) <= oracle.fun + 1e-6


def test_weights_count_as_repeated_rows() -> None:
    raw, y = sample(200, 7)
    times = np.random.default_rng(1).integers(1, 4, 200)
    probe = np.linspace(-6, 5, 50)
    for fit in FITS.values():
        repeated = fit(np.repeat(raw, times), np.repeat(y, times), None)
        weighted = fit(raw, y, times.astype(float))
        np.testing.assert_allclose(weighted.log_odds(probe), repeated.log_odds(probe), atol=1e-7)


@pytest.mark.parametrize("kind", list(Kind))
def test_reversed_score_and_single_class_are_refused(kind: Kind) -> None:
    r = np.random.default_rng(0)
    raw = np.sort(r.normal(size=4000))
    y = (np.arange(4000) < 1500).astype(float)  # all defaults at the low scores
    with pytest.raises(NotTrainableError, match="default less"):
        FITS[kind](raw, y, None)
    with pytest.raises(NotTrainableError, match="both labels") as caught:
        FITS[kind](raw, np.zeros(4000), None)
    assert "两类标签" in caught.value.zh


def test_scores_all_alike_give_the_rate_or_are_refused() -> None:
    y = np.array([1.0, 0, 0, 0] * 50)
    assert fit_affine(np.zeros(200), y).pd(np.zeros(1))[0] == pytest.approx(0.25, abs=0.01)
    with pytest.raises(NotTrainableError):
        fit_isotonic(np.zeros(200), y)


def test_affine_fit_is_at_the_optimum() -> None:
    raw, y = sample(500, 11)
    fitted = fit_affine(raw, y)
    bad, good = y.sum(), (1 - y).sum()
    target = np.where(y > 0, (bad + 1) / (bad + 2), 1 / (good + 2))
    residual = expit(fitted.log_odds(raw)) - target
    assert residual.sum() == pytest.approx(0, abs=1e-5)
    assert residual @ raw + fitted.slope - 1 == pytest.approx(0, abs=1e-5)
    assert logit(fitted.pd(raw)) == pytest.approx(fitted.log_odds(raw))
