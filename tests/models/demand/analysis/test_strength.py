"""Strengths of trend and season: what they are on known series, and what must not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.demand.analysis.decomposition import seasonal_strength, trend_strength
from models.demand.analysis.strength import moving_parts
from models.demand.series import FloatArray


def _noise(rows: int, width: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(rows, width))


def _wave(width: int, season: int) -> FloatArray:
    return np.sin(2 * np.pi * np.arange(width) / season)


@pytest.mark.parametrize(("width", "season"), [(36, 12), (60, 12), (156, 52), (60, 7)])
def test_strength_of_a_known_wave_is_its_share_of_the_variance(width: int, season: int) -> None:
    noise = _noise(2_000, width)
    assert seasonal_strength(noise, season).mean() < 0.08
    assert seasonal_strength(noise + _wave(width, season), season).mean() == pytest.approx(1 / 3, abs=0.05)
    assert seasonal_strength(noise + 2 * _wave(width, season), season).mean() == pytest.approx(
        2 / 3, abs=0.05
    )


def test_pure_season_has_strength_one_and_pure_line_none() -> None:
    wave = 100 + 10 * _wave(60, 12)
    line = np.arange(60.0)
    assert seasonal_strength(wave[None], 12)[0] == pytest.approx(1.0, abs=1e-6)
    assert trend_strength(line[None], 12)[0] == pytest.approx(1.0)
    assert seasonal_strength((line + _noise(1, 60)[0])[None], 12)[0] < 0.3


def test_one_wild_value_does_not_hide_the_season() -> None:
    y = 100 + 10 * _wave(60, 12) + _noise(1, 60)[0]
    wild = y.copy()
    wild[40] = 1_000
    assert seasonal_strength(y[None], 12)[0] > 0.9
    assert seasonal_strength(wild[None], 12)[0] > 0.75


def test_gaps_and_late_starts_leave_the_season_visible() -> None:
    y = 100 + 10 * _wave(120, 12) + _noise(1, 120)[0]
    gaps = y.copy()
    gaps[np.random.default_rng(1).choice(120, 30, replace=False)] = np.nan
    late = y.copy()
    late[:70] = np.nan
    assert (seasonal_strength(np.stack([gaps, late]), 12) > 0.9).all()


def test_right_alignment_gives_the_series_its_own_strength() -> None:
    short = 5 * _wave(40, 12) + _noise(1, 40)[0]
    padded = np.concatenate([np.full(20, np.nan), short])
    assert seasonal_strength(padded[None], 12)[0] == pytest.approx(seasonal_strength(short[None], 12)[0])


@pytest.mark.parametrize("width", [0, 1, 2, 11, 23])
def test_too_short_a_series_has_no_strength(width: int) -> None:
    assert np.isnan(seasonal_strength(_noise(3, width), 12)).all()


def test_constants_zeros_and_the_empty_panel() -> None:
    constant = np.full((1, 48), 0.1)
    assert seasonal_strength(np.concatenate([constant, 0 * constant]), 12).tolist() == [0.0, 0.0]
    assert np.isnan(seasonal_strength(np.full((2, 48), np.nan), 12)).all()
    assert seasonal_strength(np.empty((0, 48)), 12).shape == (0,)
    assert seasonal_strength(_noise(2, 48), 1).tolist() == [0.0, 0.0]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(0, 5))
def test_strengths_do_not_change_with_level_and_unit(shift: float, unit: float, seed: int) -> None:
    y = 3 * _wave(48, 12) + _noise(1, 48, seed)[0]
    moved = shift + unit * y
    tolerance = 1e-6 + 1e-12 * abs(shift) / unit
    assert seasonal_strength(moved[None], 12)[0] == pytest.approx(
        seasonal_strength(y[None], 12)[0], abs=tolerance
    )
    assert trend_strength(moved[None], 12)[0] == pytest.approx(trend_strength(y[None], 12)[0], abs=tolerance)


@given(st.integers(0, 20), st.integers(1, 13), st.integers(1, 50))
def test_moving_parts_add_up_and_the_season_adds_up_to_nothing(seed: int, season: int, width: int) -> None:
    y = _noise(3, width, seed)
    y[0, : width // 2] = np.nan
    trend, seasonal, rest = moving_parts(y, season)
    np.testing.assert_allclose((trend + seasonal + rest)[np.isfinite(y)], y[np.isfinite(y)], atol=1e-12)
    assert (np.isnan(rest) == np.isnan(y)).all()
    if width >= season:
        np.testing.assert_allclose(seasonal[:, -season:].sum(axis=1), 0, atol=1e-9)


def test_many_series_give_what_each_gives_alone() -> None:
    y = _noise(20_003, 30) + _wave(30, 6)
    together = seasonal_strength(y, 6)
    assert together[20_002] == seasonal_strength(y[20_002:], 6)[0]
    assert together[7] == pytest.approx(seasonal_strength(y[7:8], 6)[0])
