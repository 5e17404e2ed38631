"""The peers: seasonal naive, AutoETS, Theta, AutoARIMA, mlforecast with its own intervals, and Prophet."""

import warnings
from collections.abc import Callable
from typing import Final

import polars as pl

from bench.forecast_parts.datasets import Problem
from bench.forecast_parts.prophet_peers import (
    prophet_default,
    prophet_logs_with_drivers,
    prophet_with_drivers,
    prophet_with_holidays,
)

__all__ = ["PEERS"]

_WIDTHS: Final = (20, 40, 60, 80)  # of the central bands that give the quantiles 10 % to 90 %


def seasonal_naive(problem: Problem) -> pl.DataFrame:
    """Repeat the last season."""
    from statsforecast.models import SeasonalNaive

    return _statsforecast(problem, SeasonalNaive(season_length=problem.season))


def auto_ets(problem: Problem) -> pl.DataFrame:
    """Forecast by AutoETS, its defaults, with the season it can take (24 at most)."""
    from statsforecast.models import AutoETS

    return _statsforecast(problem, AutoETS(season_length=problem.season if problem.season <= 24 else 1))


def theta(problem: Problem) -> pl.DataFrame:
    """Forecast by the standard Theta method."""
    from statsforecast.models import Theta

    return _statsforecast(problem, Theta(season_length=problem.season))


def auto_arima(problem: Problem) -> pl.DataFrame:
    """Forecast by AutoARIMA, its defaults."""
    from statsforecast.models import AutoARIMA

    return _statsforecast(problem, AutoARIMA(season_length=problem.season))


def ml_forecast(problem: Problem) -> pl.DataFrame:
    """Forecast by mlforecast: LightGBM on first differences with a season of lags, its own conformal intervals.

    Raises ValueError where one series is too short for its intervals.
    """
    import lightgbm as lgb
    from mlforecast import MLForecast
    from mlforecast.target_transforms import Differences
    from mlforecast.utils import PredictionIntervals

    longest = max(problem.season, 6)
    learner = lgb.LGBMRegressor(n_estimators=200, num_threads=1, verbosity=-1, random_state=7)
    model = MLForecast(
        {"m": learner},
        freq=_pace(problem),
        lags=[*range(1, longest + 1)],
        target_transforms=[Differences([1])],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            dense(problem),
            static_features=[],
            prediction_intervals=PredictionIntervals(n_windows=2, h=problem.horizon),
        )
        found = model.predict(problem.horizon, level=list(_WIDTHS))
    return _named(found, "m")


PEERS: Final[dict[str, Callable[[Problem], pl.DataFrame]]] = {
    "snaive": seasonal_naive,
    "ets": auto_ets,
    "theta": theta,
    "arima": auto_arima,
    "mlforecast": ml_forecast,
    "prophet": prophet_default,
    "prophet_holidays": prophet_with_holidays,
    "prophet_drivers": prophet_with_drivers,
    "prophet_logs": prophet_logs_with_drivers,
}


def dense(problem: Problem) -> pl.DataFrame:
    """Return [unique_id, ds, y] without gaps up to the origin: a missing value is the one before it.

    Peers that count rows, not dates, would else be shifted against the calendar.
    """
    frame = problem.train.select("unique_id", "ds", "y")
    if frame["ds"].dtype.is_integer() or not problem.origin:
        return frame
    spans = frame.group_by("unique_id").agg(pl.col("ds").min())
    spans = spans.with_columns(
        ds=pl.date_ranges("ds", pl.lit(problem.origin).str.to_date(), interval=problem.freq)
    ).explode("ds")
    return (
        spans.join(frame, on=["unique_id", "ds"], how="left")
        .sort("unique_id", "ds")
        .with_columns(pl.col("y").forward_fill().over("unique_id"))
    )


def _statsforecast(problem: Problem, model: object) -> pl.DataFrame:
    from statsforecast import StatsForecast
    from statsforecast.models import Naive

    runner = StatsForecast([model], freq=_pace(problem), n_jobs=1, fallback_model=Naive())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = runner.forecast(df=dense(problem), h=problem.horizon, level=list(_WIDTHS))
    alias = next(c for c in found.columns if c not in ("unique_id", "ds") and "-" not in c)
    return _named(found, alias)


def _pace(problem: Problem) -> str | int:
    return 1 if problem.freq == "1" else problem.freq


def _named(found: pl.DataFrame, alias: str) -> pl.DataFrame:
    """Rename `alias-lo-80` and its like to quantiles; the median is the point."""
    columns = {"forecast": pl.col(alias), "q50": pl.col(alias)}
    for width in _WIDTHS:
        columns[f"q{50 - width // 2}"] = pl.col(f"{alias}-lo-{width}")
        columns[f"q{50 + width // 2}"] = pl.col(f"{alias}-hi-{width}")
    ds = found["ds"].dtype
    return found.select(
        "unique_id", pl.col("ds") if ds.is_integer() else pl.col("ds").cast(pl.Date), **columns
    )
