"""Prophet as others would use it: default, with a country's holidays, with the same drivers as ours."""

import logging
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from bench.forecast_parts.datasets import Problem
from bench.forecast_parts.shape import LEVELS, QUANTILES

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]  # no stubs in the environment
    from prophet import Prophet

__all__ = ["prophet_default", "prophet_logs_with_drivers", "prophet_with_drivers", "prophet_with_holidays"]

_FEW: Final = 2  # Prophet refuses to learn from one row
_START: Final = "2000-01-03"  # integer weeks get dates from this Monday on, so that Prophet reads them at all
Build = Callable[[], "Prophet"]


def prophet_default(problem: Problem) -> pl.DataFrame:
    """Forecast each series by Prophet with every setting as it comes."""
    return _each_series(problem, _plain, ())


def prophet_with_holidays(problem: Problem) -> pl.DataFrame:
    """Forecast by Prophet with `add_country_holidays` of the problem's country."""

    def build() -> "Prophet":
        model = _plain()
        model.add_country_holidays(country_name=problem.country)
        return model

    return _each_series(problem, build, ())


def prophet_with_drivers(problem: Problem) -> pl.DataFrame:
    """Forecast by Prophet with every known driver as a regressor; texts become one column a value."""
    coded, columns = _coded(problem)
    return _each_series(coded, _plain, columns)


def prophet_logs_with_drivers(problem: Problem) -> pl.DataFrame:
    """Forecast logarithms by Prophet with every known driver as a regressor: for sales that promotions multiply."""
    coded, columns = _coded(problem)
    logs = replace(coded, train=coded.train.with_columns(pl.col("y").log()))
    found = _each_series(logs, _plain, columns)
    return found.with_columns(pl.col("forecast", *QUANTILES).exp())


def _plain() -> "Prophet":
    from prophet import Prophet

    return Prophet()


def _coded(problem: Problem) -> tuple[Problem, tuple[str, ...]]:
    columns: list[str] = []
    train, future = problem.train, problem.future
    for name in problem.known:
        if train[name].dtype != pl.String:
            columns.append(name)
            continue
        for value in sorted(train[name].drop_nulls().unique())[1:]:
            one = (pl.col(name) == value).cast(pl.Float64).alias(f"{name}_{value}")
            train, future = train.with_columns(one), future.with_columns(one)
            columns.append(f"{name}_{value}")
    return replace(problem, train=train, future=future), tuple(columns)


def _each_series(problem: Problem, build: Build, columns: tuple[str, ...]) -> pl.DataFrame:
    logging.getLogger("cmdstanpy").setLevel(logging.CRITICAL)
    logging.getLogger("prophet").setLevel(logging.CRITICAL)
    futures = problem.future.partition_by("unique_id", as_dict=True)
    found = [
        _one(history, futures[key], build, columns)
        for key, history in problem.train.partition_by("unique_id", as_dict=True).items()
    ]
    return pl.concat(found)


def _one(history: pl.DataFrame, future: pl.DataFrame, build: Build, columns: tuple[str, ...]) -> pl.DataFrame:
    names = future.select("unique_id", "ds")
    if history.height < _FEW:
        last = history["y"][-1]
        return names.with_columns(forecast=pl.lit(last), **{q: pl.lit(last) for q in QUANTILES})
    np.random.seed(7)  # Prophet draws from NumPy's global generator
    model = build()
    for column in columns:
        model.add_regressor(column)
    with warnings.catch_warnings():
        # Prophet's own use of pandas is not our subject.
        warnings.simplefilter("ignore")
        model.fit(_pandas(history, ("y", *columns)))
        table = _pandas(future, columns)
        model.uncertainty_samples, samples = 0, model.uncertainty_samples
        point = model.predict(table)["yhat"].to_numpy()
        model.uncertainty_samples = samples
        drawn = model.predictive_samples(table)["yhat"]
    bands = np.quantile(drawn, LEVELS, axis=1)
    return names.with_columns(
        forecast=pl.Series(point), **{q: pl.Series(band) for q, band in zip(QUANTILES, bands, strict=True)}
    )


def _pandas(frame: pl.DataFrame, columns: tuple[str, ...]) -> "pd.DataFrame":
    ds = pl.col("ds")
    if frame["ds"].dtype.is_integer():
        ds = pl.lit(_START).str.to_date().dt.offset_by(pl.format("{}w", ds)).alias("ds")
    return frame.select(ds.cast(pl.Datetime("ns")), *columns).to_pandas()
