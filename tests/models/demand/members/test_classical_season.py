"""Classical seasons: statsmodels' indices, drawn in by as much as chance would spread them."""

import numpy as np
import pytest
from statsforecast.theta import seasonal_decompose  # statsmodels' own, through a module that mypy skips

from models.demand.members.classical_season import deseasonalise, next_first, seasonal_indices
from models.demand.series import FloatArray
from tests.models.demand.demand_series import seasonal


def _pair(one: FloatArray, other: FloatArray) -> tuple[FloatArray, np.ndarray]:
    width = max(len(one), len(other))
    values = np.zeros((2, width))
    values[0, : len(one)], values[1, : len(other)] = one, other
    return values, np.array([len(one), len(other)])


@pytest.mark.parametrize("multiplicative", [True, False])
@pytest.mark.parametrize("season", [4, 7, 12])
def test_clear_season_has_statsmodels_indices(season: int, multiplicative: bool) -> None:
    long, short = (seasonal(length, seed=length, noise=0.5, season=season) for length in (100, 61))
    values, lengths = _pair(long, short)
    got = seasonal_indices(values, lengths, season, multiplicative=multiplicative)
    for row, y in enumerate((long, short)):
        model = "multiplicative" if multiplicative else "additive"
        theirs = seasonal_decompose(y, model=model, period=season).seasonal[:season]
        np.testing.assert_allclose(got[row], theirs, rtol=2e-3, atol=0.01 if multiplicative else 0.2)


def test_chance_season_nearly_vanishes_and_a_clear_one_stays() -> None:
    noise = 100 + np.random.default_rng(1).normal(0, 10, 60)
    values, lengths = _pair(noise, seasonal(60, seed=1, noise=1.0))
    got = seasonal_indices(values, lengths, 12, multiplicative=False)
    plain = seasonal_decompose(noise, model="additive", period=12).seasonal[:12]
    assert np.ptp(got[0]) < 0.6 * np.ptp(plain)
    assert np.ptp(got[1]) > 55
    np.testing.assert_allclose(got.mean(axis=1), 0.0, atol=1e-9)


def test_taking_out_and_putting_back_gives_the_history() -> None:
    values, lengths = _pair(seasonal(96, seed=1), seasonal(60, seed=2) - 100)
    out = deseasonalise(values, lengths, 12)
    np.testing.assert_array_equal(out.multiplicative, [True, False])
    along = out.indices[:, np.arange(96) % 12]
    np.testing.assert_allclose(out.values[0] * along[0], values[0])
    np.testing.assert_allclose((out.values[1] + along[1])[:60], values[1, :60])
    assert np.std(out.values[0]) < 0.5 * np.std(values[0])


def test_less_than_two_seasons_has_none() -> None:
    values, lengths = _pair(seasonal(96, seed=1), seasonal(23, seed=1))
    out = deseasonalise(values, lengths, 12)
    np.testing.assert_array_equal(out.indices[1], 0.0)
    np.testing.assert_array_equal(out.values[1, :23], values[1, :23])


def test_an_index_near_zero_makes_the_season_additive() -> None:
    y = np.where(np.arange(72) % 12 == 5, 0.001, 100.0) * (1 + np.random.default_rng(2).normal(0, 0.01, 72))
    out = deseasonalise(y[None, :], np.array([72]), 12)
    assert not out.multiplicative[0]
    assert out.indices[0, 5] < -50


def test_indices_are_turned_to_the_next_period() -> None:
    indices = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_array_equal(next_first(indices, np.array([8, 9])), [[1, 2, 3, 4], [2, 3, 4, 1]])
