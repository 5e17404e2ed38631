"""ETS: the filter and the forecast are statsforecast's; the search for parameters is ours."""

import numpy as np
import pytest
from statsforecast.ets import ets_f, forecast_ets, pegelsresid_C

from models.demand.members.ets import ETS, FORMS
from models.demand.members.ets_estimate import estimate
from models.demand.members.ets_filter import Form, Season, Smoothing, States, criterion, smooth
from models.demand.members.statistical import StatisticalFit
from models.demand.series import FloatArray
from tests.models.demand.demand_series import make_series, seasonal

MONTHS = 12


def _history(length: int = 100, *, seed: int = 1) -> FloatArray:
    return seasonal(length, seed=seed) * (1 + 0.004 * np.arange(length))


def _filtered(
    form: Form, y: FloatArray
) -> tuple[FloatArray, FloatArray, States, tuple[FloatArray, FloatArray, FloatArray, float]]:
    """Run our filter and the library's with the same parameters and states."""
    level, trend = 100.0, 0.5 if form.trend else 0.0
    seasonal_form = form.season != Season.NONE
    indices = (
        np.linspace(0.9, 1.1, MONTHS) if form.season == Season.MULTIPLICATIVE else np.linspace(-5, 5, MONTHS)
    )
    by = Smoothing(*(np.array([value]) for value in (0.3, 0.1, 0.2, 0.9 if form.trend else 1.0)))
    start = States(np.array([level]), np.array([trend]), indices[:, None].copy())
    errors, forecasts, last = smooth(y[:, None], np.ones(len(y), dtype=np.int64), form, by, start)
    first = [level, *([trend] if form.trend else []), *(indices[::-1] if seasonal_form else [])]
    theirs = pegelsresid_C(
        y,
        MONTHS if seasonal_form else 1,
        np.array(first),
        form.name[0],
        "A" if form.trend else "N",
        str(form.season),
        form.trend,
        0.3,
        0.1,
        0.2,
        0.9,
        3,
    )
    return errors[:, 0], forecasts[:, 0], last, theirs


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_filter_and_likelihood_are_the_librarys(form: Form) -> None:
    y = _history()
    errors, forecasts, last, (_, their_errors, states, likelihood) = _filtered(form, y)
    relative = form.season == Season.MULTIPLICATIVE
    np.testing.assert_allclose(errors / forecasts if relative else errors, their_errors, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(last.level[0], states[-1, 0], rtol=1e-10)
    got = criterion(errors[:, None], forecasts[:, None], np.array([len(y)]), form)
    np.testing.assert_allclose(got[0], likelihood, rtol=1e-10)


@pytest.mark.parametrize("model", ["ANN", "AAN", "ANA", "AAA", "MNM", "MAM"])
def test_forecast_from_the_librarys_states_is_the_librarys_forecast(model: str) -> None:
    y = _history()
    theirs = ets_f(y, MONTHS, model, damped=model[1] == "A")
    state, trended = theirs["states"][-1], model[1] == "A"
    season = state[1 + trended :][::-1] if model[2] != "N" else np.zeros(1)
    parameters = {
        "level": state[0],
        "trend": state[1] if trended else 0.0,
        "phi": theirs["par"][3] if trended else 1.0,
        "multiplicative": float(model[2] == "M"),
    }
    states = {name: np.array([float(value)]) for name, value in parameters.items()}
    fit = StatisticalFit("ets", {**states, "season": season[None, :]}, ETS.take_apart)
    forecast = fit.forecast(make_series([y]), 30)[0]
    # The library adds phi twice from the second step on, as R's forecast does (its sum starts phi, phi, phi**2);
    # Hyndman et al. 2008, section 3.5, and we add phi, phi**2, phi**3.
    steps = 1 if trended else 30
    np.testing.assert_allclose(forecast[:steps], forecast_ets(theirs, 30)["mean"][:steps], rtol=1e-9)


@pytest.mark.parametrize("row", range(4))
def test_forecast_is_the_filters_path_without_errors(row: int) -> None:
    flat = 100 + np.random.default_rng(9).normal(0, 5, 100)
    y = [_history(), flat, _history() - 150, 10 + np.arange(100.0) + flat][row]
    series = make_series([y])
    fitted = ETS.fit(series, 24, seed=1)
    assert isinstance(fitted, StatisticalFit)
    forecast = fitted.forecast(series, 24)[0]
    known = {name: values[:1] for name, values in fitted.parameters.items()}
    multiplicative, seasonal_form = known["multiplicative"][0] > 0, known["gamma"][0] > 0
    kind = (Season.MULTIPLICATIVE if multiplicative else Season.ADDITIVE) if seasonal_form else Season.NONE
    by = Smoothing(known["alpha"], known["beta"], known["gamma"], known["phi"])
    start = States(known["level"], known["trend"], known["season"].T.copy())
    form = Form(bool(known["beta"][0] > 0), kind)
    errors, _, _ = smooth(forecast[:, None], np.ones(24, dtype=np.int64), form, by, start)
    np.testing.assert_allclose(errors, 0.0, atol=1e-9 * np.abs(forecast).max())


def test_search_without_a_season_finds_the_librarys_likelihood() -> None:
    rng = np.random.default_rng(6)
    simple, trended = FORMS[:2]
    for _ in range(6):
        y = 100 + np.cumsum(rng.normal(0, 1, 120)) + rng.normal(0, 1, 120)
        for form, name in ((simple, "ANN"), (trended, "AAN")):
            ours = estimate(y[None, :], np.array([120]), MONTHS, form)
            theirs = ets_f(y, MONTHS, name, damped=form.trend)
            # Five parameters under priors: each costs about one, the square of one spread, and often less.
            assert float(ours.aicc[0]) - float(theirs["aicc"]) < 5


def test_forecasts_are_as_good_as_the_librarys_on_made_up_series() -> None:
    histories = [_history(120, seed=seed) for seed in range(12)]
    series = make_series([y[:-12] for y in histories])
    ours = ETS.fit(series, 12, seed=1).forecast(series, 12)
    theirs = np.stack([forecast_ets(ets_f(y[:-12], 12, damped=True), 12)["mean"] for y in histories])
    actual = np.stack([y[-12:] for y in histories])
    assert np.abs(ours - actual).mean() < 1.1 * np.abs(theirs - actual).mean()


def test_form_follows_the_series() -> None:
    rng = np.random.default_rng(4)
    growing = np.arange(1, 121)
    swing = 1 + 0.4 * np.sin(2 * np.pi * growing / 12)
    rows = [
        100 + rng.normal(0, 5, 120),
        (50 + growing) * swing * rng.normal(1, 0.02, 120),
        40 * np.sin(2 * np.pi * growing / 12) + rng.normal(0, 2, 120),
    ]
    series = make_series(rows)
    fitted = ETS.fit(series, 12, seed=1)
    assert isinstance(fitted, StatisticalFit)
    gamma = fitted.parameters["gamma"]
    np.testing.assert_array_equal(fitted.parameters["multiplicative"], [0, 1, 0])
    assert gamma[0] == 0
    assert gamma[1] > 0
    assert gamma[2] > 0


def test_trend_is_damped() -> None:
    series = make_series([np.arange(60.0) + np.random.default_rng(1).normal(0, 0.5, 60)], season=1)
    forecast = ETS.fit(series, 40, seed=1).forecast(series, 40)[0]
    steps = np.diff(forecast)
    assert forecast[0] > 59
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()


def test_season_beyond_24_is_taken_out_and_put_back() -> None:
    series = make_series([seasonal(208, seed=1, season=52)], season=52)
    fitted = ETS.fit(series, 52, seed=1)
    parts = fitted.components(series, 52)
    season = parts.values[0, :, parts.names.index("season")]
    truth = 30 * np.sin(2 * np.pi * (208 + np.arange(52)) / 52)
    assert np.corrcoef(season, truth)[0, 1] > 0.95
    np.testing.assert_allclose(fitted.forecast(series, 52)[0], 100 + truth, atol=20)
