"""The member `prophet`: it learns moved festivals and drivers, adds up, is read back as it was, and never stops a panel."""

import logging
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.chinese_calendar.festivals_cn import FIRST_DAY, Festival, festival_days
from features.timeline import Frequency, Timeline
from models.demand.members.prophet import PROPHET, FittedProphet, ProphetMember
from models.demand.members.prophet_settings import ProphetSettings, yearly_order
from models.demand.series import FloatArray, Series

EPOCH = date(1970, 1, 1)


def panel(
    y: FloatArray,
    *,
    end: date = date(2019, 1, 20),
    frequency: Frequency = Frequency.DAY,
    known: dict[str, FloatArray] | None = None,
    categorical: frozenset[str] = frozenset(),
) -> Series:
    months = end.year * 12 + end.month - 1
    days = (end - EPOCH).days
    last = {
        Frequency.MONTH: months,
        Frequency.QUARTER: months // 3,
        Frequency.WEEK: days // 7,
        Frequency.HOUR: days * 24,
    }
    drivers = known or {}
    ahead = max((values.shape[1] - y.shape[1] for values in drivers.values()), default=0)
    return Series(
        ids=tuple(f"s{row}" for row in range(len(y))),
        y=y,
        observed=np.isfinite(y),
        last=np.full(len(y), last.get(frequency, days), dtype=np.int64),
        timeline=Timeline(frequency),
        season=frequency.season,
        known=drivers,
        categorical=categorical,
        ahead=ahead,
    )


def new_year_power(end: date, length: int, ahead: int) -> FloatArray:
    """Return 100 a day, 80 on weekends, and 60 on all seven days of the break of Spring Festival."""
    days = (end - EPOCH).days + np.arange(1 - length, ahead + 1)
    values = np.where((days + 3) % 7 >= 5, 80.0, 100.0)
    for new_year in festival_days()[Festival.SPRING_FESTIVAL]:
        values[(days >= new_year - 1) & (days <= new_year + 5)] = 60
    return values


@pytest.fixture(scope="module")
def with_drivers() -> Series:
    """Return a level, a price of elasticity -2 and a promotion that adds half, over 120 weeks and 6 more."""
    rng = np.random.default_rng(3)
    price = rng.uniform(1.0, 2.0, (1, 126))
    deal = rng.integers(0, 2, (1, 126)).astype(np.float64)
    noise = rng.normal(0, 0.02, (1, 126))
    y = 500 * np.exp(-2 * np.log(price) + np.log(1.5) * deal + noise)
    known = {"price": price, "deal": deal, "listed": np.ones((1, 126))}
    return panel(y[:, :120], frequency=Frequency.WEEK, known=known)


@pytest.fixture(scope="module")
def fitted_drivers(with_drivers: Series) -> FittedProphet:
    return PROPHET.fit(with_drivers, 6, seed=7)


def test_spring_festival_is_expected_where_it_moves_to_and_has_no_weekdays() -> None:
    end, ahead = date(2019, 1, 20), 42
    whole = new_year_power(end, 3 * 365, ahead)
    series = panel(whole[None, :-ahead], end=end)
    fitted = PROPHET.fit(series, ahead, seed=7)
    forecast = fitted.forecast(series, ahead)[0]
    assert np.abs(forecast - whole[-ahead:]).max() < 3
    parts = fitted.components(series, ahead)
    festival = parts.values[0, :, parts.names.index("calendar:spring_festival")]
    during = whole[-ahead:] < 80
    assert festival[during].max() < -20
    assert np.abs(festival[~during]).max() < 3


def test_drivers_act_and_the_one_that_never_varied_is_left_out(
    with_drivers: Series, fitted_drivers: FittedProphet
) -> None:
    base = fitted_drivers.forecast(with_drivers, 6)
    cheaper = {**with_drivers.known, "price": with_drivers.known["price"].copy()}
    cheaper["price"][:, 120:] /= 1.2
    ratio = fitted_drivers.forecast(replace(with_drivers, known=cheaper), 6) / base
    assert ratio == pytest.approx(np.full((1, 6), 1.2**2), rel=0.05)
    names = fitted_drivers.components(with_drivers, 6).names
    assert {"driver:price", "driver:deal"} <= set(names)
    assert "driver:listed" not in names


def test_components_add_up_and_the_trend_of_logarithms_is_positive(
    with_drivers: Series, fitted_drivers: FittedProphet
) -> None:
    parts = fitted_drivers.components(with_drivers, 6)
    forecast = fitted_drivers.forecast(with_drivers, 6)
    assert parts.values.sum(axis=2) == pytest.approx(forecast, rel=1e-12)
    assert (parts.values[:, :, parts.names.index("trend")] > 0).all()
    shown = with_drivers.known["deal"][0, 120:] == 1
    deal = parts.values[0, :, parts.names.index("driver:deal")]
    assert (deal[shown] > 0).all()
    assert (deal[~shown] < 0).all()


def test_a_driver_that_is_not_known_moves_nothing(
    with_drivers: Series, fitted_drivers: FittedProphet
) -> None:
    hidden = {**with_drivers.known, "price": with_drivers.known["price"].copy()}
    hidden["price"][:, 120:] = np.nan
    parts = fitted_drivers.components(replace(with_drivers, known=hidden), 6)
    assert (parts.values[0, :, parts.names.index("driver:price")] == 0).all()
    short = {name: values[:, :123] for name, values in with_drivers.known.items()}
    seen = fitted_drivers.components(replace(with_drivers, known=short, ahead=3), 6)
    price = seen.values[0, :, seen.names.index("driver:price")]
    assert (price[:3] != 0).all()
    assert (price[3:] == 0).all()


def test_codes_become_levels_and_a_new_code_is_like_the_usual_one() -> None:
    rng = np.random.default_rng(5)
    kind = rng.integers(0, 3, (1, 130)).astype(np.float64)
    kind[0, 126:] = (0, 1, 2, 9)
    usual = np.bincount(kind[0, :126].astype(np.int64)).argmax()
    y = np.array([100.0, 150.0, 60.0, 0.0])[np.minimum(kind[0, :126], 3).astype(np.int64)]
    series = panel(
        (y + rng.normal(0, 1, 126))[None, :], frequency=Frequency.WEEK, known={"kind": kind},
        categorical=frozenset({"kind"}),
    )  # fmt: skip
    forecast = PROPHET.fit(series, 4, seed=7).forecast(series, 4)[0]
    assert forecast[:3] == pytest.approx([100, 150, 60], rel=0.06)
    assert forecast[3] == pytest.approx(forecast[usual], rel=0.03)


@pytest.mark.parametrize("frequency", [Frequency.DAY, Frequency.WEEK, Frequency.MONTH, Frequency.QUARTER])
def test_the_loaded_member_forecasts_the_same_to_the_last_bit(frequency: Frequency) -> None:
    rng = np.random.default_rng(1)
    y = 50 + np.cumsum(rng.normal(0, 1, (2, 90)), axis=1) / 3
    price = rng.uniform(1, 2, (2, 100))
    series = panel(y, frequency=frequency, known={"price": price})
    fitted = PROPHET.fit(series, 10, seed=7)
    loaded = PROPHET.load(fitted.files())
    forecast = fitted.forecast(series, 10)
    assert np.isfinite(forecast).all()
    assert np.array_equal(loaded.forecast(series, 10), forecast)
    assert loaded.files() == fitted.files()
    # What was learnt does not depend on when: the optimiser starts from fixed values.
    assert np.array_equal(PROPHET.fit(series, 10, seed=8).forecast(series, 10), forecast)


def test_a_series_that_cannot_be_learnt_is_nan_and_the_others_go_on() -> None:
    rng = np.random.default_rng(2)
    y = np.full((6, 60), np.nan)
    y[1, -1:] = 4.0
    y[2] = 7.0
    y[3] = 0.0
    y[4, -3:] = (1.0, 2.0, 3.0)
    y[5] = rng.normal(0, 1, 60)
    price = rng.uniform(1, 2, (6, 68))
    price[:, ::3] = np.nan
    series = panel(y, frequency=Frequency.MONTH, known={"price": price})
    fitted = PROPHET.fit(series, 8, seed=7)
    forecast = fitted.forecast(series, 8)
    assert np.isnan(forecast[:5]).all()
    assert np.isfinite(forecast[5]).all()
    assert PROPHET.load(fitted.files()).records == fitted.records


def test_horizon_may_be_longer_than_history() -> None:
    y = np.array([[3.0, 5.0, 4.0, 6.0, 5.0, 7.0, 6.0]])
    series = panel(y, frequency=Frequency.MONTH)
    assert np.isfinite(PROPHET.fit(series, 24, seed=7).forecast(series, 24)).all()


def test_integers_have_no_calendar_and_are_not_forecast() -> None:
    series = panel(np.random.default_rng(0).normal(10, 1, (2, 50)), frequency=Frequency.INTEGER)
    fitted = PROPHET.fit(series, 5, seed=7)
    assert np.isnan(fitted.forecast(series, 5)).all()
    assert fitted.components(series, 5).values.shape == (2, 5, 1)


def test_of_too_many_series_the_greatest_are_learnt() -> None:
    y = np.random.default_rng(0).normal(10, 1, (3, 30)) * np.array([[1.0], [30.0], [5.0]])
    series = panel(y, frequency=Frequency.MONTH)
    fitted = ProphetMember(most=2).fit(series, 3, seed=7)
    assert [record is None for record in fitted.records] == [True, False, False]


def test_nothing_after_a_cutoff_changes_its_forecast() -> None:
    y = np.random.default_rng(4).normal(100, 5, (1, 80))
    later = y.copy()
    later[:, -6:] = 1e6
    before, after = (
        PROPHET.backtest(panel(values, frequency=Frequency.MONTH), 3, (6, 12), seed=7)
        for values in (y, later)
    )
    assert np.array_equal(before, after)
    assert before.shape == (2, 1, 3)


def test_filled_gaps_are_not_learnt() -> None:
    y = np.random.default_rng(4).normal(100, 1, (1, 60))
    filled = y.copy()
    filled[0, 20:30] = 0.0
    series = panel(filled, frequency=Frequency.MONTH)
    observed = series.observed.copy()
    observed[0, 20:30] = False
    forecast = PROPHET.fit(replace(series, observed=observed), 3, seed=7).forecast(series, 3)
    assert forecast == pytest.approx(np.full((1, 3), 100), abs=6)


def test_twice_the_unit_is_twice_the_forecast() -> None:
    y = np.random.default_rng(6).normal(100, 9, (1, 48))
    series = panel(y, frequency=Frequency.MONTH)
    doubled = replace(series, y=2 * y)
    once, twice = (PROPHET.fit(one, 6, seed=7).forecast(one, 6) for one in (series, doubled))
    assert twice == pytest.approx(2 * once, rel=1e-9)


def test_hours_have_a_season_of_the_day() -> None:
    hour = np.arange(24 * 21)
    y = 10 + 5 * np.sin(2 * np.pi * hour / 24)
    series = panel((y + np.random.default_rng(0).normal(0, 0.1, y.size))[None, :], frequency=Frequency.HOUR)
    fitted = PROPHET.fit(series, 24, seed=7)
    expected = 10 + 5 * np.sin(2 * np.pi * np.arange(y.size, y.size + 24) / 24)
    assert np.abs(fitted.forecast(series, 24)[0] - expected).max() < 0.5
    assert "season:daily" in fitted.components(series, 24).names


def test_a_year_has_waves_only_where_one_was_seen() -> None:
    settings = ProphetSettings()
    assert yearly_order(settings, Frequency.DAY, 365) == 0
    assert yearly_order(settings, Frequency.DAY, 366) == 4
    assert yearly_order(settings, Frequency.MONTH, 23) == 0
    assert yearly_order(settings, Frequency.MONTH, 24) == 4
    assert yearly_order(settings, Frequency.QUARTER, 20) == 2
    assert yearly_order(settings, Frequency.HOUR, 24 * 300) == 0


def test_learning_says_nothing_and_leaves_the_logs_as_they_were(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("cmdstanpy")
    series = panel(np.random.default_rng(0).normal(10, 1, (1, 40)), frequency=Frequency.MONTH)
    with caplog.at_level(logging.DEBUG):
        PROPHET.fit(series, 3, seed=7).forecast(series, 3)
    assert not [record for record in caplog.records if record.name.startswith(("cmdstanpy", "prophet"))]
    assert capfd.readouterr() == ("", "")
    assert not logger.disabled


def test_the_first_call_of_a_process_is_quiet_too(repository: Path) -> None:
    # At its import each library sets up its own logs: only a process that has not seen them shows that.
    code = """
import numpy as np
from features.timeline import Frequency, Timeline
from models.demand.members.prophet import PROPHET
from models.demand.series import Series
y = np.array([[3.0, 5.0, 4.0, 6.0, 5.0, 7.0, 6.0, 8.0]])
last = np.array([24_000])
PROPHET.fit(Series(("a",), y, y > 0, last, Timeline(Frequency.MONTH), 12), 2, seed=7)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, check=True)
    assert (ran.stdout, ran.stderr) == (b"", b"")


@pytest.mark.slow
def test_many_processes_learn_what_one_does() -> None:
    y = np.random.default_rng(0).normal(10, 1, (24, 14))
    series = panel(y, frequency=Frequency.MONTH)
    one, two = (ProphetMember(processes=count).fit(series, 3, seed=7) for count in (1, 2))
    assert one.records == two.records


def test_days_before_the_calendar_are_forecast_without_it() -> None:
    # A frequency of days in years that the calendar does not hold has no festivals.
    y = np.random.default_rng(0).normal(10, 1, (1, 60))
    series = panel(y, end=date(1940, 6, 1))
    assert (series.last + 0 < FIRST_DAY).all()
    assert np.isfinite(PROPHET.fit(series, 5, seed=7).forecast(series, 5)).all()


def test_a_missing_stan_leaves_the_series_to_other_members(monkeypatch: pytest.MonkeyPatch) -> None:
    from prophet import Prophet

    def lacking(model: Prophet, _backend: str | None) -> None:
        assert model.stan_backend  # as Prophet itself does when no backend could be loaded

    monkeypatch.setattr(Prophet, "_load_stan_backend", lacking)
    y = 100.0 + np.arange(60.0)[None, :] + 10 * np.sin(np.arange(60.0))[None, :]
    series = panel(y, frequency=Frequency.MONTH)
    assert np.isnan(PROPHET.fit(series, 3, seed=1).forecast(series, 3)).all()
