"""Seasonal naive: the last season again, the last value where there is none."""

import numpy as np

from models.demand.members.naive import NAIVE
from tests.models.demand.demand_series import make_series


def test_last_season_comes_again() -> None:
    series = make_series([np.arange(30.0)], season=4)
    forecast = NAIVE.fit(series, 6, seed=1).forecast(series, 6)
    np.testing.assert_allclose(forecast[0], [26, 27, 28, 29, 26, 27])


def test_less_than_a_season_repeats_the_last_value() -> None:
    series = make_series([np.array([3.0, 8.0, 5.0])], season=4)
    np.testing.assert_allclose(NAIVE.fit(series, 5, seed=1).forecast(series, 5)[0], 5.0)


def test_level_is_the_mean_of_the_last_season() -> None:
    series = make_series([np.arange(30.0)], season=4)
    parts = NAIVE.fit(series, 4, seed=1).components(series, 4)
    assert parts.names == ("level", "season")
    np.testing.assert_allclose(parts.values[0, :, 0], 27.5)
    np.testing.assert_allclose(parts.values[0, :, 1], [-1.5, -0.5, 0.5, 1.5])


def test_gap_takes_the_value_before_it() -> None:
    series = make_series([np.array([1.0, 2.0, np.nan])], season=1)
    assert NAIVE.fit(series, 1, seed=1).forecast(series, 1)[0, 0] == 2.0
