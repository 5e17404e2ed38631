"""The nowcast on real shops: over seven months, orders of twenty days beat the forecast and scaling by days."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.timeline import Frequency, Timeline
from models.demand.nowcasting.nowcast import nowcast

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("shared_data")]
_MONTHS = [date(2014, month, 1) for month in (3, 6, 10, 12)] + [date(2015, month, 1) for month in (2, 4, 5)]


def _forecasts(totals: pl.DataFrame) -> pl.DataFrame:
    """Forecast each month by the mean of the three before, with the band of 30 % that such forecasts need here."""
    mean = pl.col("final").rolling_mean(3).shift(1).over("unique_id")
    forecast = totals.sort("unique_id", "ds").with_columns(forecast=mean).drop_nulls("forecast")
    return forecast.with_columns(q10=pl.col("forecast") * 0.85, q90=pl.col("forecast") * 1.15).drop("final")


def _orders(folder: Path) -> pl.DataFrame:
    path = folder / "forecast" / "rossmann_daily_odd_stores.parquet"
    if not path.is_file():
        pytest.skip(f"{path.name} is not on this machine ({path})")
    sales = pl.read_parquet(path).select(
        pl.col("unique_id").cast(pl.String), pl.col("ds").cast(pl.Date), pl.col("y").cast(pl.Float64)
    )
    shops = sales["unique_id"].unique().sort().head(120)
    return sales.filter(pl.col("unique_id").is_in(shops.implode())).with_columns(
        known_at=pl.col("ds") + timedelta(days=1)
    )


def test_orders_of_twenty_days_beat_the_forecast_and_plain_scaling(shared_data: Path) -> None:
    orders = _orders(shared_data)
    totals = orders.group_by("unique_id", ds=pl.col("ds").dt.month_start()).agg(final=pl.col("y").sum())
    every = _forecasts(totals)
    parts = []
    for month in _MONTHS:
        days = ((month.replace(day=28) + timedelta(days=4)).replace(day=1) - month).days
        found = nowcast(
            orders,
            every.filter(pl.col("ds") == month),
            timeline=Timeline(Frequency.MONTH),
            as_of=month + timedelta(days=20),
            history=every.filter(pl.col("ds") < month),
        )
        parts.append(found.with_columns(scaled=pl.col("known") * days / 20))
    judged = pl.concat(parts).join(totals, on=["unique_id", "ds"])
    final = judged["final"].to_numpy()
    missed = {
        name: np.abs(judged[name].to_numpy() - final).sum() for name in ("nowcast", "forecast", "scaled")
    }
    assert missed["nowcast"] < 0.8 * missed["forecast"]
    assert missed["nowcast"] < 0.8 * missed["scaled"]
    inside = judged.select(pl.col("final").is_between("low", "high"))["final"].to_numpy()
    assert 0.65 <= inside.mean() <= 0.95
