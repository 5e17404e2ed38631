"""What holds of every statistical member: any series is survived, states come back bit for bit, nothing looks ahead."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.demand.member import Member
from models.demand.members import statistical
from models.demand.members.ets import ETS
from models.demand.members.intermittent import CROSTON_OPTIMISED, CROSTON_SBA, SMOOTHED_MEAN, TSB
from models.demand.members.naive import NAIVE
from models.demand.members.theta import THETA
from models.demand.series import FloatArray, Series
from tests.models.demand.demand_series import make_series, seasonal

MEMBERS = [NAIVE, THETA, ETS, TSB, CROSTON_SBA, CROSTON_OPTIMISED, SMOOTHED_MEAN]
OWN = [NAIVE, THETA, ETS, CROSTON_SBA, CROSTON_OPTIMISED]  # each series by itself, nothing pooled

every = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)


def _awkward() -> list[FloatArray]:
    rng = np.random.default_rng(3)
    return [
        np.array([5.0]),
        np.array([1.0, 2.0]),
        np.array([1.0, 2.0, 4.0, 3.0]),
        np.zeros(50),
        np.full(60, 7.0),
        rng.normal(0, 1, 50),
        rng.poisson(0.3, 60).astype(float),
        np.r_[np.zeros(40), 5.0],
        -np.arange(50.0),
        seasonal(24, seed=1),
        seasonal(25, seed=2),
        np.full(40, 1e-9),
        1e12 + np.arange(30.0),
        np.where(np.arange(60) % 12 == 3, 0.0, 100.0),
    ]


def _series(season: int = 12) -> Series:
    return make_series(_awkward(), season=season)


@every
@pytest.mark.parametrize("season", [1, 4, 12, 52])
def test_forecasts_whatever_has_one_value_and_further_ahead_than_history(member: Member, season: int) -> None:
    series = _series(season)
    forecast = member.fit(series, 30, seed=1).forecast(series, 30)
    assert forecast.shape == (len(series), 30)
    assert np.isfinite(forecast).all()


@every
def test_series_without_a_value_gets_nan_and_leaves_the_others_alone(member: Member) -> None:
    rows = [
        seasonal(40, seed=1),
        np.array([]),
        np.r_[1e308, 1e-308, -1e308, np.ones(40)],
        seasonal(60, seed=2),
    ]
    with_bad = make_series(rows)
    forecast = member.fit(with_bad, 6, seed=1).forecast(with_bad, 6)
    assert np.isnan(forecast[1]).all()
    assert np.isfinite(forecast[[0, 3]]).all()
    if member in OWN:
        good = make_series([rows[0], rows[3]])
        np.testing.assert_array_equal(member.fit(good, 6, seed=1).forecast(good, 6), forecast[[0, 3]])


@every
def test_no_series_at_all(member: Member) -> None:
    none = _series().take(np.zeros(0, dtype=np.int64))
    fitted = member.fit(none, 4, seed=1)
    assert member.load(fitted.files()).forecast(none, 4).shape == (0, 4)


@every
def test_constant_series_stays_where_it_is(member: Member) -> None:
    series = make_series([np.full(40, 7.0), np.zeros(40)])
    forecast = member.fit(series, 5, seed=1).forecast(series, 5)
    expected = 7 * 0.95 if member is CROSTON_SBA else 7.0  # SBA's correction is part of the method
    np.testing.assert_allclose(forecast[0], expected, rtol=1e-6)
    np.testing.assert_allclose(forecast[1], 0.0, atol=1e-12)


@every
def test_loaded_member_forecasts_bit_for_bit_the_same_and_further(member: Member) -> None:
    series = _series()
    fitted = member.fit(series, 6, seed=1)
    loaded = member.load(fitted.files())
    assert loaded.member == member.name
    np.testing.assert_array_equal(loaded.forecast(series, 6), fitted.forecast(series, 6))
    np.testing.assert_array_equal(loaded.forecast(series, 100)[:, :6], fitted.forecast(series, 6))
    np.testing.assert_array_equal(loaded.components(series, 6).values, fitted.components(series, 6).values)


@every
def test_components_add_up_to_the_forecast(member: Member) -> None:
    series = _series()
    fitted = member.fit(series, 15, seed=1)
    parts = fitted.components(series, 15)
    assert set(parts.names) <= {"level", "trend", "season"}
    np.testing.assert_array_equal(parts.values.sum(axis=2), fitted.forecast(series, 15))


@every
def test_backtest_is_what_would_have_been_forecast_then(member: Member) -> None:
    series = _series()
    tested = member.backtest(series, 4, (4, 8), seed=1)
    for number, back in enumerate((4, 8)):
        cut = series.before(back)
        np.testing.assert_array_equal(tested[number], member.fit(cut, 4, seed=1).forecast(cut, 4))


@every
def test_nothing_after_a_cutoff_changes_its_forecast(member: Member) -> None:
    series = _series()
    changed = make_series([np.r_[row[:-8], 1e6 * np.ones(min(8, len(row)))] for row in _awkward()])
    before = member.backtest(series, 4, (8, 4), seed=1)
    after = member.backtest(changed, 4, (8, 4), seed=1)
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1], equal_nan=True)


@every
def test_no_cutoff_no_forecast(member: Member) -> None:
    assert member.backtest(_series(), 4, (), seed=1).shape == (0, 14, 4)


@pytest.mark.parametrize("member", OWN, ids=lambda member: member.name)
def test_series_learnt_alone_or_among_many_is_the_same(member: Member) -> None:
    series = _series().take(np.array([2, 5, 9, 12]))
    together = member.fit(series, 12, seed=1).forecast(series, 12)
    for row in range(len(series)):
        alone = series.take(np.array([row]))
        forecast = member.fit(alone, 12, seed=1).forecast(alone, 12)
        np.testing.assert_allclose(forecast[0], together[row], rtol=1e-9, atol=1e-12)


@given(scale=st.floats(1e-3, 1e6), season=st.sampled_from([1, 4, 12]))
@settings(max_examples=5)
def test_forecast_moves_with_the_unit(scale: float, season: int) -> None:
    rows = [seasonal(50, seed=5), seasonal(30, seed=6), 50 + np.arange(40.0)]
    plain, scaled = (
        make_series(rows, season=season),
        make_series([scale * row for row in rows], season=season),
    )
    for member in (NAIVE, THETA, ETS, CROSTON_SBA):
        one = member.fit(plain, 6, seed=1).forecast(plain, 6)
        other = member.fit(scaled, 6, seed=1).forecast(scaled, 6)
        np.testing.assert_allclose(other, scale * one, rtol=2e-3)


@pytest.mark.parametrize("member", [THETA, ETS], ids=lambda member: member.name)
def test_older_than_the_newest_five_years_of_weeks_does_not_count(member: Member) -> None:
    weekly = seasonal(400, seed=3, season=52)
    other = weekly.copy()
    other[:140] = 9.0
    series, changed = make_series([weekly], season=52), make_series([other], season=52)
    np.testing.assert_array_equal(
        member.fit(series, 8, seed=1).forecast(series, 8), member.fit(changed, 8, seed=1).forecast(changed, 8)
    )


def test_many_series_go_through_worker_processes_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    series = make_series([seasonal(40, seed=number) for number in range(20)])
    in_one = THETA.fit(series, 3, seed=1).forecast(series, 3)
    monkeypatch.setattr(statistical, "_CELLS", 40)  # a chunk for every series, so that workers start
    np.testing.assert_array_equal(THETA.fit(series, 3, seed=1).forecast(series, 3), in_one)
