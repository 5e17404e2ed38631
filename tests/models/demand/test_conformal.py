"""Bands cover what they say on errors they have not seen, and never cross."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.demand.conformal import Bands, learn_bands
from models.demand.series import FloatArray

LEVELS = (0.1, 0.5, 0.9)


def _growing(rng: np.random.Generator, cutoffs: int, series: int, horizon: int) -> FloatArray:
    steps = np.sqrt(np.arange(1, horizon + 1))
    return rng.standard_t(5, (cutoffs, series, horizon)) * steps


def _share_inside(bands: Bands, errors: FloatArray, scale: FloatArray) -> float:
    zero = np.zeros(errors.shape[1:])
    quantiles = bands.quantiles(zero)
    actual = errors * scale[None, :, None]
    inside = (actual >= quantiles[None, :, :, 0]) & (actual <= quantiles[None, :, :, -1])
    return float(inside.mean())


@pytest.mark.parametrize(("cutoffs", "series"), [(2, 200), (8, 3), (8, 1)])
def test_bands_cover_new_errors(cutoffs: int, series: int) -> None:
    shares = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        scale = rng.uniform(0.5, 20, series)
        bands = learn_bands(_growing(rng, cutoffs, series, 12), scale, ["smooth"] * series, LEVELS)
        shares.append(_share_inside(bands, _growing(rng, 40, series, 12), scale))
    assert 0.78 < np.mean(shares) < 0.88


def test_bands_grow_with_the_step_and_past_the_last_one_tested() -> None:
    errors = _growing(np.random.default_rng(2), 2, 300, 6)
    bands = learn_bands(errors, np.ones(300), ["smooth"] * 300, LEVELS)
    width = np.diff(bands.quantiles(np.zeros((300, 10)))[0][:, [0, 2]], axis=1).ravel()
    assert (np.diff(width) > 0).all()


def test_a_series_that_is_harder_to_forecast_gets_a_wider_band() -> None:
    errors = np.random.default_rng(4).normal(0, 1, (4, 100, 6))
    errors[:, 0] *= 5
    bands = learn_bands(errors, np.ones(100), ["smooth"] * 100, LEVELS)
    assert bands.width[0] > 2 * np.median(bands.width)


def test_skewed_errors_make_a_skewed_band() -> None:
    errors = np.random.default_rng(4).exponential(1, (2, 400, 6)) - 0.7
    bands = learn_bands(errors, np.ones(400), ["smooth"] * 400, LEVELS)
    low, _, high = bands.quantiles(np.zeros((400, 6)))[0, 0]
    assert high > 1.5 * -low


def test_without_any_error_the_band_is_a_random_walks() -> None:
    bands = learn_bands(np.full((0, 2, 4), np.nan), np.array([1.0, 10.0]), ["short"] * 2, LEVELS)
    low, middle, high = np.moveaxis(bands.quantiles(np.zeros((2, 4))), 2, 0)
    assert middle == pytest.approx(np.zeros((2, 4)), abs=1e-9)
    assert high[1] == pytest.approx(10 * high[0])
    assert high[0, 3] == pytest.approx(2 * high[0, 0])
    assert low == pytest.approx(-high)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 6), st.integers(1, 8))
def test_quantiles_never_cross(seed: int, cutoffs: int, series: int, horizon: int) -> None:
    rng = np.random.default_rng(seed)
    errors = np.where(
        rng.random((cutoffs, series, horizon)) < 0.3, np.nan, rng.normal(0, 3, (cutoffs, series, horizon))
    )
    bands = learn_bands(errors, np.ones(series), ["a"] * series, (0.05, 0.25, 0.5, 0.75, 0.95))
    quantiles = bands.quantiles(rng.normal(0, 1, (series, horizon + 2)))
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=2) >= 0).all()
