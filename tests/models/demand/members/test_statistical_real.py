"""The statistical members on the competitions' series, beside statsforecast and the anchors published with the data."""

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pytest

from models.demand.counts import are_counts, count_quantiles, learn_dispersion
from models.demand.measures import owa, scaled_quantile_loss
from models.demand.member import Member
from models.demand.members.ets import ETS
from models.demand.members.intermittent import SMOOTHED_MEAN, TSB
from models.demand.members.theta import THETA
from models.demand.series import FloatArray
from tests.models.demand.demand_series import make_series

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("shared_data")]

LEVELS: Final = np.array([0.05, 0.1, 0.5, 0.9, 0.95])  # those under which the data's anchors were measured


def _rows(frame: pl.DataFrame) -> list[FloatArray]:
    listed = frame.sort("unique_id", "ds").group_by("unique_id", maintain_order=True).agg("y")["y"]
    return [np.array(values, dtype=np.float64) for values in listed.to_list()]


def _halves(shared_data: Path, name: str) -> tuple[list[FloatArray], FloatArray]:
    frame = pl.read_parquet(shared_data / "forecast" / f"{name}.parquet")
    train, test = (_rows(frame.filter(pl.col("split") == split)) for split in ("train", "test"))
    return train, np.stack(test)


@pytest.mark.parametrize(("member", "best"), [(THETA, 0.82), (ETS, 0.835)], ids=["theta", "ets"])
def test_m3_monthly_is_forecast_as_well_as_by_the_library(
    shared_data: Path, member: Member, best: float
) -> None:
    train, actual = _halves(shared_data, "m3_monthly")
    series = make_series(train)
    forecast = member.fit(series, 18, seed=1).forecast(series, 18)
    assert (
        owa(actual, forecast, series.y, 12) < best
    )  # statsforecast 2.1.1: DOTheta 0.819, AutoETS damped 0.8345


@pytest.mark.parametrize("member", [THETA, ETS], ids=["theta", "ets"])
def test_m4_weekly_is_forecast_better_than_by_the_whole_history(shared_data: Path, member: Member) -> None:
    train, actual = _halves(shared_data, "m4_weekly")
    series = make_series(train, season=52)
    forecast = member.fit(series, 13, seed=1).forecast(series, 13)
    assert owa(actual, forecast, series.y, 1) < 0.81


@pytest.mark.parametrize("member", [TSB, SMOOTHED_MEAN], ids=["tsb", "smoothed_mean"])
@pytest.mark.parametrize(("back", "best"), [(0, 0.603), (6, 0.75), (12, 1.0)])
def test_car_parts_quantiles_beat_the_anchor_from_three_origins(
    shared_data: Path, member: Member, back: int, best: float
) -> None:
    rows = _rows(pl.read_parquet(shared_data / "forecast" / "carparts.parquet"))
    whole = make_series([row for row in rows if len(row) == 51])
    series = whole.before(12 + back)
    assert are_counts(series.y).all()
    mean = member.fit(series, 12, seed=1).forecast(series, 12)
    tested = member.backtest(series, 12, (12,), seed=1)[0]
    dispersion = learn_dispersion(series.actuals(12, 12), tested, ["intermittent"] * len(series))
    quantiles = count_quantiles(mean, dispersion, tuple(LEVELS))
    actual = whole.actuals(12 + back, 12)
    assert scaled_quantile_loss(actual, quantiles, LEVELS, series.y, 1) < best
