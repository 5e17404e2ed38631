"""Theta: the same as statsforecast's dynamic optimised Theta, whose search ours replaces by a closed form."""

import numpy as np
import pytest
from statsforecast.theta import auto_theta, forecast_theta

from models.demand.members.statistical import StatisticalFit
from models.demand.members.theta import THETA
from models.demand.series import FloatArray
from tests.models.demand.demand_series import make_series, seasonal


def _rows() -> list[FloatArray]:
    rng = np.random.default_rng(11)
    rows = [seasonal(90 + number, seed=number) + 0.4 * np.arange(90 + number) for number in range(12)]
    rows += [100 + np.cumsum(rng.normal(0.2, 2, 70 + number)) for number in range(12)]
    rows += [row - row.mean() for row in rows[:6]]
    return rows


@pytest.mark.parametrize("row", range(0, 30, 5))
def test_path_from_the_librarys_states_is_the_librarys_forecast(row: int) -> None:
    y = _rows()[row]
    model = auto_theta(y, 12, model="DOTM")
    level, mean, intercept, slope, _ = model["states"][-1]
    seasons = model["seas_forecast"]["mean"] if model.get("decompose") else np.zeros(12)
    parameters = {
        "alpha": model["par"]["alpha"],
        "weight": 1 - 1 / model["par"]["theta"],
        "level": level,
        "mean": mean,
        "intercept": intercept,
        "slope": slope,
        "length": len(y),
        "multiplicative": model.get("decompose", False) and model["decomposition_type"] == "multiplicative",
    }
    states = {name: np.array([float(value)]) for name, value in parameters.items()}
    fit = StatisticalFit("theta", {**states, "season": np.asarray(seasons)[None, :]}, THETA.take_apart)
    forecast = fit.forecast(make_series([y]), 30)[0]
    np.testing.assert_allclose(forecast, forecast_theta(model, 30)["mean"], rtol=1e-9)


def test_search_finds_what_the_librarys_finds() -> None:
    rows = _rows()
    series = make_series(rows, season=1)  # our seasons are drawn in, the library's are not
    ours = THETA.fit(series, 12, seed=1).forecast(series, 12)
    theirs = np.stack([forecast_theta(auto_theta(y, 1, model="DOTM"), 12)["mean"] for y in rows])
    gaps = np.abs(ours - theirs).max(axis=1) / np.array([np.abs(y).max() for y in rows])
    assert np.median(gaps) < 0.001
    assert np.quantile(gaps, 0.9) < 0.02


def test_season_is_taken_out_only_where_it_passes_the_test() -> None:
    series = make_series([seasonal(120, seed=1), 100 + np.random.default_rng(0).normal(0, 5, 120)])
    parts = THETA.fit(series, 12, seed=1).components(series, 12)
    season = parts.values[:, :, parts.names.index("season")]
    assert np.ptp(season[0]) > 40
    np.testing.assert_array_equal(season[1], 0.0)


def test_zeros_and_negatives_get_an_additive_season() -> None:
    wave = 30 * np.sin(2 * np.pi * np.arange(96) / 12) + np.random.default_rng(2).normal(0, 2, 96)
    series = make_series([wave, np.maximum(wave, 0)])
    forecast = THETA.fit(series, 12, seed=1).forecast(series, 12)
    assert np.isfinite(forecast).all()
    assert np.abs(forecast[0] - wave[:12]).max() < 10


def test_line_is_followed_half_way_at_least() -> None:
    series = make_series([np.arange(60.0) + np.random.default_rng(1).normal(0, 0.5, 60)], season=1)
    forecast = THETA.fit(series, 10, seed=1).forecast(series, 10)[0]
    assert 60 + 2 < forecast[-1] < 72


def test_a_smooth_season_is_seen_although_it_correlates_at_all_lags() -> None:
    months = np.arange(40)
    wave = 100 + 30 * np.sin(2 * np.pi * months / 12) + np.random.default_rng(3).normal(0, 3, 40)
    series = make_series([wave], season=12)
    forecast = THETA.fit(series, 12, seed=1).forecast(series, 12)[0]
    truth = 100 + 30 * np.sin(2 * np.pi * np.arange(40, 52) / 12)
    assert np.abs(forecast - truth).max() < 10
