"""Smoothing and profiles: known answers, missing values, and never a look at what comes later."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.demand.trees.smoothing import Profile, delayed, smooth, smooth_trend, straight_slope


def test_smooth_is_the_plain_mean_first_and_exponential_later() -> None:
    values = np.array([[4.0], [8.0], [3.0], [9.0]])
    levels = smooth(values, (0.01, 0.5, 1.0))[:, :, 0]
    np.testing.assert_allclose(levels[:, 0], [4.0, 6.0, 5.0, 6.0])
    np.testing.assert_allclose(levels[:, 1], [4.0, 6.0, 4.5, 6.75])
    np.testing.assert_allclose(levels[:, 2], [4.0, 8.0, 3.0, 9.0])


def test_missing_values_leave_the_level_as_it_is() -> None:
    values = np.array([[np.nan], [4.0], [np.nan], [6.0]])
    np.testing.assert_allclose(smooth(values, (0.1,))[:, 0, 0], [np.nan, 4.0, 4.0, 5.0])


def test_trend_of_a_straight_line_is_found() -> None:
    line = 3.0 + 2.0 * np.arange(300.0)[:, None]
    level, trend = smooth_trend(line, (0.5, 0.3), 1.0)
    np.testing.assert_allclose(level[-1], line[-1], atol=1e-6)
    np.testing.assert_allclose(trend[-1], 2.0, atol=1e-6)
    np.testing.assert_allclose(straight_slope(line)[3:], 2.0, rtol=1e-9)


def test_slope_is_least_squares_through_what_was_observed() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 3)) + 100
    values[rng.random(values.shape) < 0.3] = np.nan
    slope = straight_slope(values)
    for series in range(3):
        seen = np.flatnonzero(np.isfinite(values[:, series]))
        fitted = np.polyfit(seen, values[seen, series], 1)[0]
        np.testing.assert_allclose(slope[-1, series], fitted, rtol=1e-6)


def test_profile_finds_a_season_and_does_not_believe_noise() -> None:
    rng = np.random.default_rng(1)
    season = np.tile([0.5, -0.2, 0.1, -0.4], 20)[:, None]
    strong = Profile.of(season + rng.normal(0, 0.01, season.shape), 4)
    noise = Profile.of(rng.normal(0, 1.0, (80, 200)), 4)
    for step in range(1, 9):
        np.testing.assert_allclose(strong.ahead(step)[-1], season[(79 + step) % 4], atol=0.03)
    believed = np.abs(noise.ahead(1)[-1]).mean()
    assert believed < 0.6 * np.abs(noise.mean[-4]).mean()


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), season=st.integers(2, 13), cut=st.integers(5, 59))
def test_nothing_later_changes_what_was_known(seed: int, season: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(60, 2))
    z[rng.random(z.shape) < 0.2] = np.nan
    later = z.copy()
    later[cut:] = rng.normal(50, 20, later[cut:].shape)
    for step in (1, season, 2 * season + 1):
        one, other = (Profile.of(values, season).ahead(step)[:cut] for values in (z, later))
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(straight_slope(z)[:cut], straight_slope(later)[:cut])
    np.testing.assert_array_equal(
        smooth_trend(z, (0.3, 0.1), 0.9)[1][:cut], smooth_trend(later, (0.3, 0.1), 0.9)[1][:cut]
    )


def test_delayed_by_more_than_there_is_is_unknown() -> None:
    values = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(delayed(values, 1), [[np.nan, np.nan], [0, 1], [2, 3]])
    assert np.isnan(delayed(values, 5)).all()
    assert delayed(values, 0) is values
