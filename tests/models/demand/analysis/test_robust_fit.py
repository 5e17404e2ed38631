"""Robust fits add up, are not bent by outliers, and take every series for itself."""

from dataclasses import replace

import numpy as np
import pytest

from features.timeline import Frequency, Timeline
from models.demand.analysis.robust_fit import robust_fit, seasons_of
from models.demand.analysis.spread import evened
from models.demand.series import FloatArray, Series


def _months(y: FloatArray, **drivers: FloatArray) -> Series:
    rows = np.atleast_2d(y)
    return Series(
        tuple(f"S{row}" for row in range(len(rows))), rows, np.isfinite(rows), np.full(len(rows), 24_299),
        Timeline(Frequency.MONTH), 12, known={name: np.atleast_2d(values) for name, values in drivers.items()},
    )  # fmt: skip


def _wave(width: int = 72) -> FloatArray:
    time = np.arange(width)
    noise = np.random.default_rng(0).normal(size=width)
    wave: FloatArray = 200 + time + 30 * np.sin(2 * np.pi * time / 12) + noise
    return wave


def test_parts_and_rest_add_up_and_wild_values_bend_nothing() -> None:
    y = _wave()
    wild = y.copy()
    wild[[20, 45, 46]] += 5_000
    plain, bent = robust_fit(_months(y)), robust_fit(_months(wild))
    np.testing.assert_allclose(bent.without(), wild[None], atol=1e-9)
    assert np.abs(bent.parts["trend"] - plain.parts["trend"]).max() < 2
    assert np.abs(bent.parts["season_12"] - plain.parts["season_12"]).max() < 2
    assert bent.rest[0, 20] == pytest.approx(5_000, abs=10)


def test_a_driver_has_its_own_effect() -> None:
    promotion = (np.random.default_rng(1).random(72) < 0.2).astype(float)
    fit = robust_fit(_months(_wave() + 40 * promotion, promo=promotion), drivers=("promo",))
    effect = fit.parts["driver:promo"][0]
    assert effect[promotion > 0] == pytest.approx(40, abs=2)
    assert effect[promotion == 0] == pytest.approx(0)


def test_a_series_gets_the_same_fit_alone_and_among_others() -> None:
    y = np.stack([_wave(), 3 * _wave(), _wave()])
    y[1, :50] = np.nan
    y[2, :-3] = np.nan
    together = robust_fit(_months(y))
    assert together.fitted.tolist() == [True, True, False]
    assert np.isnan(together.rest[2]).all()
    for row in (0, 1):
        alone = robust_fit(_months(y[row]))
        np.testing.assert_allclose(together.rest[row], alone.rest[0], rtol=1e-8, atol=1e-8)


def test_seasons_need_two_of_them() -> None:
    assert seasons_of(Timeline(Frequency.DAY), 7, 800) == [7.0, 365.25]
    assert seasons_of(Timeline(Frequency.DAY), 7, 700) == [7.0]
    assert seasons_of(Timeline(Frequency.INTEGER), 6, 11) == []
    assert seasons_of(Timeline(Frequency.INTEGER), 6, 12) == [6.0]


def test_the_even_scale_takes_logarithms_only_where_the_spread_follows_the_level() -> None:
    rng = np.random.default_rng(5)
    level = np.exp(np.linspace(3, 7, 200))
    y = np.stack([level * np.exp(0.1 * rng.normal(size=200)), level + 10 * rng.normal(size=200)])
    y = np.concatenate([y, np.where(rng.random((1, 200)) < 0.5, 0.0, y[:1])])
    series = replace(_months(y))
    even, scale = evened(series)
    assert scale.logs.tolist() == [True, False, False]
    np.testing.assert_allclose(scale.back(even.y), y, rtol=1e-9, atol=1e-9)
