"""The calendar's columns on demand over Lunar New Years: they say what was not known from the weekday or month."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from features.calendar import calendar_columns
from features.timeline import Frequency, Timeline

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("shared_data")]
FloatArray = NDArray[np.float64]
HORIZON = 42


def _series(
    folder: Path, name: str, timeline: Timeline, unique_id: str
) -> tuple[NDArray[np.int64], FloatArray]:
    path = folder / "forecast" / name
    if not path.is_file():
        pytest.skip(f"{name} is not on this machine ({path})")
    rows = pl.read_parquet(path).filter(pl.col("unique_id") == unique_id).sort("ds")
    periods: NDArray[np.int64] = rows.select(timeline.period())["ds"].to_numpy()
    return periods, np.log(rows["y"].to_numpy())


def _flags(values: FloatArray) -> FloatArray:
    flags: FloatArray = (values[:, None] == np.unique(values)[None, :]).astype(np.float64)
    return flags


def _wape(x: FloatArray, log_y: FloatArray, origin: int) -> float:
    """Forecast six weeks by ridge on `x` with a level for every thirteen weeks, from the level of the last four."""
    past, y = x[:origin], log_y[:origin]
    blocks = _flags(np.floor_divide(np.arange(origin, dtype=np.float64), 91.0))
    full = np.concatenate([past, blocks], axis=1)
    weights = np.linalg.solve(full.T @ full + 0.001 * np.eye(full.shape[1]), full.T @ y)[: x.shape[1]]
    level = np.median((y - past @ weights)[-28:])
    actual = np.exp(log_y[origin : origin + HORIZON])
    forecast = np.exp(x[origin : origin + HORIZON] @ weights + level)
    return float(np.abs(forecast - actual).sum() / actual.sum())


@pytest.mark.parametrize("origin", [date(2017, 1, 8), date(2018, 1, 20), date(2018, 1, 27), date(2018, 2, 3)])
def test_day_offset_halves_the_error_over_new_year(shared_data: Path, origin: date) -> None:
    name = "tw_industrial_power_daily_to_2018H1.parquet"
    periods, log_y = _series(shared_data, name, Timeline(Frequency.DAY), "TW_industrial_power")
    columns = calendar_columns(Timeline(Frequency.DAY), periods, as_of=origin)
    weekday, offset = _flags(columns["weekday"]), _flags(columns["spring_festival_offset"])
    start = int(np.searchsorted(periods, (origin - date(1970, 1, 1)).days))
    plain = _wape(weekday, log_y, start)
    assert _wape(np.concatenate([weekday, offset], axis=1), log_y, start) < 0.5 * plain


@pytest.mark.parametrize("unique_id", ["CN_exp", "CN_imp"])
def test_growth_of_january_to_march_follows_the_three_windows(shared_data: Path, unique_id: str) -> None:
    months = Timeline(Frequency.MONTH)
    periods, log_y = _series(shared_data, "china_macro_monthly.parquet", months, unique_id)
    columns = calendar_columns(months, periods)
    windows = [columns[f"spring_festival_{part}"] for part in ("before", "during", "after")]
    # A row per year from 1995 on: growth on the year of January to March, less its mean, which is the trend's.
    january = np.flatnonzero((periods % 12 == 0) & (periods >= 1995 * 12))
    first = january[:, None] + np.arange(3)
    y, *x = (_demeaned(values[first] - values[first - 12]) for values in (log_y, *windows))
    design = np.stack(x, axis=2)
    left = np.empty_like(y)
    for year in range(len(y)):
        others = np.arange(len(y)) != year
        weights = np.linalg.lstsq(design[others].reshape(-1, 3), y[others].ravel(), rcond=None)[0]
        left[year] = y[year] - design[year] @ weights
    assert np.abs(left).mean() < 0.85 * np.abs(y).mean()


def _demeaned(values: FloatArray) -> FloatArray:
    centred: FloatArray = values - values.mean(axis=1, keepdims=True)
    return centred
