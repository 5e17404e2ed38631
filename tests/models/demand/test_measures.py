"""Measures of forecasts against figures worked out by hand, and what must hold of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.demand import measures

ACTUAL = np.array([[10.0, 20.0], [0.0, 5.0]])
FORECAST = np.array([[12.0, 16.0], [0.0, 10.0]])
HISTORY = np.array([[np.nan, 8.0, 10.0, 12.0], [1.0, 2.0, 1.0, 2.0]])


def test_pooled_measures_weigh_by_size() -> None:
    assert measures.wape(ACTUAL, FORECAST) == pytest.approx(11 / 35)
    assert measures.bias(ACTUAL, FORECAST) == pytest.approx(3 / 35)


def test_scaled_errors_use_the_history_of_each_series() -> None:
    assert measures.mase(ACTUAL, FORECAST, HISTORY, 1).tolist() == pytest.approx([3 / 2, 2.5 / 1])
    assert measures.rmsse(ACTUAL, FORECAST, HISTORY, 1).tolist() == pytest.approx(
        [np.sqrt(10) / 2, np.sqrt(12.5)]
    )


def test_smape_of_nothing_forecast_as_nothing_is_zero() -> None:
    assert measures.smape(ACTUAL, FORECAST)[1] == pytest.approx((0 + 200 * 5 / 15) / 2)


def test_an_unknown_actual_does_not_count() -> None:
    actual = np.array([[10.0, np.nan]])
    assert measures.wape(actual, np.array([[11.0, 99.0]])) == pytest.approx(0.1)
    assert measures.coverage(actual, np.array([[9.0, 0.0]]), np.array([[11.0, 1.0]])) == 1.0


def test_naive2_repeats_the_season_only_where_there_is_one() -> None:
    months = np.arange(60)
    seasonal = 100 + 40 * np.sin(2 * np.pi * months / 12)
    flat = np.random.default_rng(3).normal(100, 5, 60)
    forecast = measures.naive2(np.stack([seasonal, flat]), 12, 12)
    assert np.abs(forecast[0] - seasonal[:12]).max() < 3
    assert np.ptp(forecast[1]) == 0
    assert forecast[1, 0] == flat[-1]


def test_owa_of_naive2_is_one() -> None:
    history = np.random.default_rng(5).normal(100, 10, (20, 60))
    actual = np.random.default_rng(6).normal(100, 10, (20, 6))
    assert measures.owa(actual, measures.naive2(history, 12, 6), history, 12) == pytest.approx(1.0)


def test_a_series_that_never_moved_has_no_scale() -> None:
    history = np.array([[5.0] * 24, list(range(24))])
    scale = measures.naive_scale(history, 12)
    assert np.isnan(scale[0])
    assert scale[1] == 12


@given(st.floats(0.05, 0.95), st.floats(-50, 50))
def test_the_pinball_loss_is_least_at_the_quantile(level: float, shift: float) -> None:
    actual = np.random.default_rng(11).normal(0, 1, (1, 4001))
    best = np.quantile(actual, level)
    levels = np.array([level])

    def loss(value: float) -> float:
        return float(measures.pinball(actual, np.full((1, 4001, 1), value), levels).mean())

    assert loss(best) <= loss(best + shift) + 1e-9


def test_quantile_losses_of_the_median_are_absolute_errors() -> None:
    quantiles, levels = FORECAST[:, :, None], np.array([0.5])
    assert measures.weighted_quantile_loss(ACTUAL, quantiles, levels) == pytest.approx(
        measures.wape(ACTUAL, FORECAST)
    )
    expected = np.mean(measures.mase(ACTUAL, FORECAST, HISTORY, 1))
    assert measures.scaled_quantile_loss(ACTUAL, quantiles, levels, HISTORY, 1) == pytest.approx(expected)
