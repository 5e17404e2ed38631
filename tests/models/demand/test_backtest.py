"""Backtests as arrays: what was forecast from when, what came, and forecasts gone astray left out."""

import numpy as np
import pytest

from models.demand.backtest import run_backtest, sane
from tests.models.demand.demand_series import make_series, seasonal


def test_actuals_and_forecasts_stand_where_their_cutoff_says() -> None:
    series = make_series([np.arange(1.0, 41.0), np.arange(1.0, 31.0)])
    tried = {"naive": np.array([True, True]), "theta": np.array([True, False])}
    found = run_backtest(series, tried, 3, (3, 6, 2), seed=7)
    assert found.forecasts.shape == (2, 3, 2, 3)
    assert found.actuals.shape == (3, 2, 3)
    np.testing.assert_array_equal(found.actuals[0], [[38, 39, 40], [28, 29, 30]])
    np.testing.assert_array_equal(found.actuals[1], [[35, 36, 37], [25, 26, 27]])
    np.testing.assert_array_equal(found.actuals[2], [[39, 40, np.nan], [29, 30, np.nan]])
    np.testing.assert_array_equal(
        found.forecasts[0, 1, 0], [23, 24, 25]
    )  # a season of twelve before 35, 36, 37
    assert np.isnan(found.forecasts[1, :, 1]).all()
    assert np.isfinite(found.forecasts[1, :, 0]).all()
    np.testing.assert_array_equal(found.tried, [[True, True], [True, False]])


def test_filled_values_are_no_actuals() -> None:
    series = make_series([seasonal(40, seed=1)])
    series.observed[0, -2] = False
    found = run_backtest(series, {"naive": np.array([True])}, 3, (3,), seed=7)
    np.testing.assert_array_equal(np.isfinite(found.actuals[0, 0]), [True, False, True])


def test_without_cutoffs_there_is_nothing_of_the_right_shape() -> None:
    found = run_backtest(make_series([seasonal(40, seed=1)]), {"naive": np.array([True])}, 3, (), seed=7)
    assert found.forecasts.shape == (1, 0, 1, 3)
    assert found.actuals.shape == (0, 1, 3)


@pytest.mark.parametrize(
    ("forecast", "kept"), [(400.0, True), (-400.0, True), (401.0, False), (np.inf, False)]
)
def test_forecasts_beyond_ten_times_all_that_was_are_left_out(forecast: float, kept: bool) -> None:
    series = make_series([np.arange(1.0, 41.0)])
    found = sane(np.full((1, 2), forecast), series)
    assert np.isfinite(found).all() == kept
