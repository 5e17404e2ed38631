"""The member `airline`: it carries trend and season on, knows where New Year lies, adds up, and is read back as it was."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.calendar import calendar_columns
from features.timeline import Frequency, Timeline
from models.demand.members.airline import AIRLINE
from models.demand.members.airline_fit import learn_airline, path_of
from models.demand.series import FloatArray, Series

LAST = 2015 * 12 + 11


def panel(
    y: FloatArray, *, frequency: Frequency = Frequency.MONTH, known: dict[str, FloatArray] | None = None
) -> Series:
    drivers = known or {}
    ahead = max((values.shape[1] - y.shape[1] for values in drivers.values()), default=0)
    last = LAST // 3 if frequency == Frequency.QUARTER else LAST
    return Series(
        ids=tuple(f"s{row}" for row in range(len(y))),
        y=y,
        observed=np.isfinite(y),
        last=np.full(len(y), last, dtype=np.int64),
        timeline=Timeline(frequency),
        season={Frequency.QUARTER: 4, Frequency.INTEGER: 1}.get(frequency, 12),
        known=drivers,
        ahead=ahead,
    )


def trade(count: int, width: int, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    month = np.arange(width)
    season = 1 + 0.2 * np.sin(2 * np.pi * month / 12)
    values: FloatArray = (
        100 * season * np.exp(0.005 * month + np.cumsum(rng.normal(0, 0.02, (count, width)), axis=1))
    )
    return values


def test_trend_and_season_without_noise_go_on_exactly() -> None:
    month = np.arange(72)
    logs = 3 + 0.01 * month + 0.3 * np.cos(2 * np.pi * month / 12)
    y = np.stack([np.exp(logs), logs - 10])
    series = panel(y[:, :60])
    forecast = AIRLINE.fit(series, 12, seed=7).forecast(series, 12)
    assert forecast == pytest.approx(y[:, 60:], rel=1e-6)


def test_new_year_is_expected_in_the_month_it_moves_to() -> None:
    ahead, width = 14, 120
    periods = LAST + np.arange(1 - width, ahead + 1)
    during = calendar_columns(Timeline(Frequency.MONTH), periods)["spring_festival_during"]
    noise = np.random.default_rng(0).normal(0, 0.002, periods.size)
    whole = 100 * np.exp(-0.4 * during + noise)[None, :]
    series = panel(whole[:, :width])
    fitted = AIRLINE.fit(series, ahead, seed=7)
    assert np.abs(fitted.forecast(series, ahead) / whole[:, width:] - 1).max() < 0.03
    parts = fitted.components(series, ahead)
    effect = parts.values[0, :, parts.names.index("calendar:spring_festival")]
    assert np.corrcoef(effect, -during[width:])[0, 1] > 0.99


def test_a_series_that_new_year_does_not_move_is_told_nothing() -> None:
    series = panel(trade(40, 96))
    fitted = AIRLINE.fit(series, 6, seed=7)
    assert (fitted.model.effects == 0).all(axis=1).mean() > 0.9


@pytest.mark.parametrize("frequency", [Frequency.MONTH, Frequency.QUARTER, Frequency.INTEGER])
def test_the_loaded_member_forecasts_the_same_to_the_last_bit(frequency: Frequency) -> None:
    y = trade(5, 80)
    y[3] -= 150
    y[4, :70] = np.nan
    price = np.random.default_rng(1).uniform(1, 2, (5, 90))
    series = panel(y * np.where(np.isfinite(price[:, :80]), price[:, :80], 1) ** -1.5, frequency=frequency,
                   known={"price": price})  # fmt: skip
    fitted = AIRLINE.fit(series, 10, seed=7)
    loaded = AIRLINE.load(fitted.files())
    assert np.array_equal(loaded.forecast(series, 10), fitted.forecast(series, 10), equal_nan=True)
    assert loaded.files() == fitted.files()


def test_drivers_act_and_parts_add_up() -> None:
    rng = np.random.default_rng(2)
    price = rng.uniform(1, 2, (2, 106))
    y = trade(2, 100) * np.exp(-0.8 * price[:, :100])
    series = panel(y, known={"price": price})
    fitted = AIRLINE.fit(series, 6, seed=7)
    forecast, parts = fitted.forecast(series, 6), fitted.components(series, 6)
    assert parts.values.sum(axis=2) == pytest.approx(forecast, rel=1e-12)
    assert parts.names[0] == "level"
    dearer = {"price": price + np.where(np.arange(106) >= 100, 0.5, 0.0)}
    ratio = fitted.forecast(replace(series, known=dearer), 6) / forecast
    assert ratio == pytest.approx(np.full((2, 6), np.exp(-0.4)), rel=0.05)
    # What is not known of the future moves nothing.
    hidden = {"price": np.where(np.arange(106) >= 100, np.nan, price)}
    unknown = fitted.components(replace(series, known=hidden), 6)
    assert (unknown.values[:, :, unknown.names.index("driver:price")] == 0).all()


def test_what_cannot_be_learnt_is_nan_and_the_others_go_on() -> None:
    y = np.full((6, 60), np.nan)
    y[1, -1:] = 4.0
    y[2] = 7.0
    y[3] = 0.0
    y[4, -20:] = 5.0
    y[5] = trade(1, 60)[0]
    alone = panel(y[5:])
    series = panel(y, known={"price": np.full((6, 70), np.nan)})
    forecast = AIRLINE.fit(series, 90, seed=7).forecast(series, 90)
    assert np.isnan(forecast[[0, 1, 4]]).all()
    assert forecast[2] == pytest.approx(np.full(90, 7.0))
    assert forecast[3] == pytest.approx(np.zeros(90))
    assert np.array_equal(forecast[5], AIRLINE.fit(alone, 90, seed=7).forecast(alone, 90)[0])


@pytest.mark.parametrize("frequency", [Frequency.DAY, Frequency.WEEK])
def test_days_and_weeks_are_left_to_others(frequency: Frequency) -> None:
    series = panel(trade(2, 200), frequency=frequency)
    assert np.isnan(AIRLINE.fit(series, 5, seed=7).forecast(series, 5)).all()


def test_nothing_after_a_cutoff_changes_its_forecast() -> None:
    y = trade(3, 90)
    later = y.copy()
    later[:, -6:] *= 50
    before, after = (AIRLINE.backtest(panel(values), 3, (6, 12), seed=7) for values in (y, later))
    assert np.array_equal(before, after)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([1, 4, 12]))
def test_the_path_obeys_the_model_s_own_equation(seed: int, season: int) -> None:
    y = trade(3, 70, seed)
    model = learn_airline(y, np.empty((3, 70, 0)), season)
    ahead = 2 * season + 3
    path = np.concatenate([model.values, path_of(model, ahead)], axis=1)
    e = np.concatenate([model.errors, np.zeros((3, ahead))], axis=1)
    for place in range(model.values.shape[1], path.shape[1]):
        left = path[:, place] - path[:, place - 1]
        right = -model.once * e[:, place - 1]
        if season > 1:
            lag = place - season
            left = left - path[:, lag] + path[:, lag - 1]
            right = right - model.seasonal * e[:, lag] + model.once * model.seasonal * e[:, lag - 1]
        assert np.allclose(left, right, atol=1e-9)


def test_coefficients_of_a_simulated_series_are_found_again() -> None:
    rng = np.random.default_rng(4)
    e = rng.normal(0, 0.05, (30, 400))
    w = e.copy()
    w[:, 1:] -= 0.7 * e[:, :-1]
    logs = 5 + np.cumsum(w, axis=1)
    model = learn_airline(np.exp(logs), np.empty((30, 400, 0)), 1)
    assert abs(float(model.once.mean()) - 0.7) < 0.06


def test_blocks_of_series_learn_what_one_would(monkeypatch: pytest.MonkeyPatch) -> None:
    series = panel(trade(7, 60))
    whole = AIRLINE.fit(series, 5, seed=7).forecast(series, 5)
    monkeypatch.setattr("models.demand.members.airline._BLOCK", 3)
    assert np.array_equal(AIRLINE.fit(series, 5, seed=7).forecast(series, 5), whole)
