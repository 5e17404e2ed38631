"""Read orders and published forecasts for the nowcast, or say which column is wrong."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from features.timeline import Timeline
from models.errors import NowcastInputError

__all__ = ["Published", "read_orders", "read_published"]

_QUANTILE: Final = re.compile(r"q(\d{1,2}(?:\.\d+)?)")
_MEDIAN: Final = 50.0


@dataclass(frozen=True)
class Published:
    """Published forecasts: unique_id, ds, period, start, forecast, forecast_low, forecast_high; level of the band."""

    frame: pl.DataFrame
    level: float


def read_orders(orders: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return unique_id, ds, y, known_at of the orders known by a date; values that are no numbers are left out."""
    _need("orders", orders, ("unique_id", "ds", "y"))
    told = pl.col("known_at") if "known_at" in orders.columns else pl.col("ds")
    try:
        rows = orders.select(
            pl.col("unique_id").cast(pl.String),
            pl.col("ds").cast(pl.Date),
            pl.col("y").cast(pl.Float64),
            known_at=told.cast(pl.Date),
        )
    except pl.exceptions.PolarsError as error:
        raise NowcastInputError(
            "orders", "ds, y, known_at", "须为日期与数值", "must be dates and numbers"
        ) from error
    return rows.filter((pl.max_horizontal("known_at", "ds") <= as_of) & pl.col("y").is_finite()).with_columns(
        known_at=pl.max_horizontal("known_at", "ds")
    )


def read_published(forecast: pl.DataFrame, timeline: Timeline) -> Published:
    """Return forecasts with the outermost two of their quantiles as band. Raises NowcastInputError."""
    _need("forecast", forecast, ("unique_id", "ds", "forecast"))
    levels = {float(found[1]): name for name in forecast.columns if (found := _QUANTILE.fullmatch(name))}
    low, high = min(levels, default=_MEDIAN), max(levels, default=_MEDIAN)
    if not low < _MEDIAN < high:
        raise NowcastInputError(
            "forecast", "q10, q90", "缺少上下分位数列", "lacks a lower and an upper quantile"
        )
    keys = ["unique_id", "ds"] + (["issued_on"] if "issued_on" in forecast.columns else [])
    repeated = forecast.filter(forecast.select(keys).is_duplicated())
    if repeated.height:
        name = str(repeated["unique_id"][0])
        raise NowcastInputError(
            "forecast",
            "unique_id, ds",
            f"重复，例如 {name} {repeated['ds'][0]}",
            f"repeat, e.g. {name} {repeated['ds'][0]}",
        )
    framed = forecast.with_columns(period=timeline.period()).select(
        *keys,
        "period",
        pl.col("forecast").cast(pl.Float64),
        forecast_low=pl.col(levels[low]).cast(pl.Float64),
        forecast_high=pl.col(levels[high]).cast(pl.Float64),
        start=pl.Series(timeline.starts(forecast.select(timeline.period())["ds"].to_numpy())).cast(pl.Date),
    )
    return Published(framed.filter(pl.col("forecast").is_finite()), (high - low) / 100)


def _need(table: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise NowcastInputError(table, ", ".join(missing), "缺少", "is missing")
