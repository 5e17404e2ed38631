"""The member `trees`: it forecasts, explains and is written as the protocol says, whatever the series look like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.timeline import Frequency, Timeline
from models.demand.members.trees import TREES, Trees
from models.demand.series import FloatArray, Series
from models.demand.trees.settings import TreeSettings

HORIZON = 6
QUICK = Trees(TreeSettings(rounds=20, most_rows=5_000))


def panel(y: FloatArray, *, horizon: int = HORIZON, seed: int = 1) -> Series:
    """Return monthly series with a price known in advance, a stock known afterwards and a kind."""
    rng = np.random.default_rng(seed)
    count, width = y.shape
    return Series(
        ids=tuple(f"s{number}" for number in range(count)),
        y=y,
        observed=np.isfinite(y),
        last=np.full(count, 2020 * 12, dtype=np.int64),
        timeline=Timeline(Frequency.MONTH),
        season=12,
        known={
            "price": rng.uniform(1, 3, (count, width + horizon)),
            "deal": rng.integers(0, 2, (count, width + horizon)).astype(np.float64),
        },
        past={"stock": rng.normal(size=(count, width))},
        static={"kind": np.asarray(rng.integers(0, 3, count), dtype=np.float64)},
        categorical=frozenset({"kind"}),
        ahead=horizon,
    )


def seasonal(count: int = 30, width: int = 60, seed: int = 0) -> FloatArray:
    """Return series with trend, season and noise."""
    rng = np.random.default_rng(seed)
    months = np.arange(width)
    season = rng.uniform(0.1, 0.5, (count, 1)) * np.sin(2 * np.pi * months / 12)
    return np.asarray(np.exp(5 + 0.01 * months + season + rng.normal(0, 0.05, (count, width))))


def test_trees_forecast_season_and_trend_better_than_last_season() -> None:
    whole = seasonal(60, 72)
    history = panel(whole[:, :-HORIZON])
    forecast = TREES.fit(history, HORIZON, seed=0).forecast(history, HORIZON)
    actual = whole[:, -HORIZON:]
    last_season = whole[:, -HORIZON - 12 : -12]
    assert np.abs(forecast - actual).mean() < 0.7 * np.abs(last_season - actual).mean()


def test_trees_learn_what_a_known_driver_does() -> None:
    rng = np.random.default_rng(3)
    deal = rng.integers(0, 2, (80, 60 + HORIZON)).astype(float)
    y = np.exp(4 + 0.8 * deal + rng.normal(0, 0.05, deal.shape))
    history = panel(y[:, :60])
    history.known["deal"][:] = deal
    fitted = TREES.fit(history, HORIZON, seed=0)
    forecast = fitted.forecast(history, HORIZON)
    assert np.abs(np.log(forecast) - 4 - 0.8 * deal[:, 60:]).mean() < 0.15
    parts = fitted.components(history, HORIZON)
    share = parts.values[:, :, parts.names.index("driver:deal")]
    assert share[deal[:, 60:] == 1].mean() > share[deal[:, 60:] == 0].mean() + 10


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 6),
    width=st.integers(1, 40),
    holes=st.floats(0, 0.9),
    kind=st.sampled_from(["positive", "counts", "signed", "zeros", "constant", "huge"]),
)
def test_components_add_up_to_the_forecast(
    seed: int, count: int, width: int, holes: float, kind: str
) -> None:
    rng = np.random.default_rng(seed)
    values = {
        "positive": np.exp(rng.normal(3, 1, (count, width))),
        "counts": rng.poisson(0.4, (count, width)) * 1.0,
        "signed": rng.normal(0, 100, (count, width)),
        "zeros": np.zeros((count, width)),
        "constant": np.full((count, width), 7.0),
        "huge": np.exp(rng.normal(0, 8, (count, width))) * 1e9,
    }[kind]
    y = np.where(rng.random(values.shape) < holes, np.nan, values)
    series = panel(y)
    fitted = QUICK.fit(series, HORIZON, seed=seed)
    forecast, parts = fitted.forecast(series, HORIZON), fitted.components(series, HORIZON)
    assert parts.values.shape == (count, HORIZON, len(parts.names))
    np.testing.assert_allclose(
        parts.values.sum(axis=2), forecast, rtol=1e-9, atol=1e-9 * np.nanmax(np.abs(y), initial=1e-9)
    )
    known = np.isfinite(y).any(axis=1)
    assert np.isfinite(forecast[known]).all()
    assert np.isnan(forecast[~known]).all()
    if kind != "signed":
        assert (forecast[known] >= 0).all()
    if kind == "zeros":
        assert (forecast[known] == 0).all()
    if kind == "constant":
        np.testing.assert_allclose(forecast[known], 7.0, rtol=0.02)


def test_loaded_trees_forecast_the_same_bit_for_bit() -> None:
    series = panel(seasonal())
    fitted = QUICK.fit(series, HORIZON, seed=5)
    files = fitted.files()
    loaded = QUICK.load(files)
    assert len(files) == 1 + QUICK.settings.bags
    assert (loaded.forecast(series, HORIZON) == fitted.forecast(series, HORIZON)).all()
    assert (loaded.components(series, HORIZON).values == fitted.components(series, HORIZON).values).all()


def test_fit_is_the_same_for_a_seed_and_not_for_another() -> None:
    series = panel(seasonal())
    one, same, other = (QUICK.fit(series, HORIZON, seed=seed).forecast(series, HORIZON) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_backtest_never_looks_past_its_cutoff() -> None:
    y = seasonal(12, 60)
    changed = y.copy()
    changed[:, -4:] = np.random.default_rng(9).uniform(1, 1e6, (12, 4))
    changed_stock = panel(changed)
    changed_stock.past["stock"][:, -4:] = 1e6
    backs = (10, 7, 4)
    before, after = (QUICK.backtest(series, HORIZON, backs, seed=0) for series in (panel(y), changed_stock))
    assert np.isfinite(before).all()
    assert (before == after).all()


def test_backtest_forecasts_newer_cutoffs_from_their_newer_history() -> None:
    y = seasonal(12, 60)
    changed = y.copy()
    changed[:, -6:-3] *= 3
    before, after = (QUICK.backtest(panel(one), HORIZON, (6, 3), seed=0) for one in (y, changed))
    assert (before[0] == after[0]).all()
    assert (before[1] != after[1]).all()


@pytest.mark.parametrize("frequency", list(Frequency))
def test_every_frequency_is_forecast(frequency: Frequency) -> None:
    y = seasonal(4, 400 if frequency in {Frequency.DAY, Frequency.HOUR} else 60)
    series = panel(y)
    last = {"1h": 420_000, "1d": 18_000, "1w": 2_600, "1mo": 24_000, "1q": 8_000, "1": 50}[frequency]
    series = Series(
        ids=series.ids,
        y=y,
        observed=series.observed,
        last=np.full(4, last, dtype=np.int64),
        timeline=Timeline(frequency),
        season=frequency.season,
    )
    fitted = QUICK.fit(series, HORIZON, seed=0)
    forecast = fitted.forecast(series, HORIZON)
    parts = fitted.components(series, HORIZON)
    assert np.isfinite(forecast).all()
    np.testing.assert_allclose(parts.values.sum(axis=2), forecast, rtol=1e-9)


def test_drivers_not_known_ahead_leave_a_forecast() -> None:
    series = panel(seasonal())
    series.known["price"][:, -3:] = np.nan
    series.known["deal"][::2] = np.nan
    assert np.isfinite(QUICK.fit(series, HORIZON, seed=0).forecast(series, HORIZON)).all()


def test_a_horizon_beyond_the_one_learnt_and_beyond_history_is_forecast() -> None:
    series = panel(seasonal(5, 20), horizon=50)
    fitted = QUICK.fit(series, HORIZON, seed=0)
    assert np.isfinite(fitted.forecast(series, 50)).all()


def test_series_are_forecast_alike_in_parts_and_together() -> None:
    series = panel(seasonal(20))
    fitted = QUICK.fit(series, HORIZON, seed=0)
    whole = fitted.forecast(series, HORIZON)
    some = np.array([3, 11, 17])
    np.testing.assert_allclose(fitted.forecast(series.take(some), HORIZON), whole[some], rtol=1e-12)
