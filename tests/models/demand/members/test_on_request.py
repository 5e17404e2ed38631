"""AutoARIMA and AutoCES: statsforecast's forecasts, from stored states, bit for bit again after loading."""

import json

import numpy as np
import pytest
from statsforecast.models import AutoARIMA, AutoCES

from models.demand.members.on_request import AUTO_ARIMA, AUTO_CES, RequestedMember
from models.demand.series import FloatArray
from tests.models.demand.demand_series import make_series, seasonal

both = pytest.mark.parametrize("member", [AUTO_ARIMA, AUTO_CES], ids=lambda member: member.name)


def _rows() -> list[FloatArray]:
    rng = np.random.default_rng(5)
    return [
        seasonal(60, seed=1),
        20 + 0.5 * np.arange(50) + rng.normal(0, 1, 50),
        np.cumsum(rng.normal(0, 1, 45)),
        np.full(40, 3.0),
    ]


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@both
def test_forecast_is_the_librarys(member: RequestedMember) -> None:
    rows = _rows()[:3]
    series = make_series(rows)
    forecast = member.fit(series, 20, seed=1).forecast(series, 20)
    library = AutoARIMA if member is AUTO_ARIMA else AutoCES
    theirs = np.stack([library(season_length=12).fit(y).predict(20)["mean"] for y in rows])
    np.testing.assert_allclose(forecast, theirs, rtol=1e-9)


@both
def test_loaded_is_bit_for_bit_the_same_and_goes_further(member: RequestedMember) -> None:
    series = make_series(_rows())
    fitted = member.fit(series, 5, seed=1)
    loaded = member.load(fitted.files())
    np.testing.assert_array_equal(loaded.forecast(series, 5), fitted.forecast(series, 5))
    np.testing.assert_array_equal(loaded.forecast(series, 50)[:, :5], fitted.forecast(series, 5))
    np.testing.assert_array_equal(fitted.components(series, 5).values.sum(axis=2), fitted.forecast(series, 5))
    assert len(json.loads(fitted.files()["states.json"])) == 4


@both
def test_short_or_empty_series_gets_nan_and_leaves_the_others_alone(member: RequestedMember) -> None:
    series = make_series([np.array([1.0, 2.0]), seasonal(40, seed=1), np.array([])])
    forecast = member.fit(series, 4, seed=1).forecast(series, 4)
    assert np.isnan(forecast[[0, 2]]).all()
    assert np.isfinite(forecast[1]).all()


@both
def test_series_the_library_fails_on_gets_nan(
    member: RequestedMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise ValueError("no")

    name = "AutoARIMA" if member is AUTO_ARIMA else "AutoCES"
    monkeypatch.setattr(f"statsforecast.models.{name}.fit", breaks)
    series = make_series([seasonal(40, seed=1)])
    assert np.isnan(member.fit(series, 4, seed=1).forecast(series, 4)).all()


def test_constant_series_stays_where_it_is() -> None:
    series = make_series([np.full(40, 3.0)])
    np.testing.assert_array_equal(AUTO_ARIMA.fit(series, 4, seed=1).forecast(series, 4), 3.0)


@both
def test_backtest_is_what_would_have_been_forecast_then(member: RequestedMember) -> None:
    series = make_series([seasonal(48, seed=1)])
    cut = series.before(6)
    np.testing.assert_array_equal(
        member.backtest(series, 3, (6,), seed=1)[0], member.fit(cut, 3, seed=1).forecast(cut, 3)
    )
