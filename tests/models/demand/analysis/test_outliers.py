"""Outliers are found with their dates, runs and causes, and what is usual is not called one."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.timeline import Frequency, Timeline
from models.demand.analysis.outliers import OUTLIER_COLUMNS, outlier_runs, outliers
from models.demand.series import FloatArray, Series

_LAST = date(2024, 12, 31)


def _days(y: FloatArray, **drivers: FloatArray) -> Series:
    rows = y[None, :] if y.ndim == 1 else y
    last = (_LAST - date(1970, 1, 1)).days
    return Series(
        tuple(f"S{row}" for row in range(len(rows))), rows, np.isfinite(rows), np.full(len(rows), last),
        Timeline(Frequency.DAY), 7, known={name: np.atleast_2d(values) for name, values in drivers.items()},
    )  # fmt: skip


def _demand(days: int, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    week = np.array([1.0, 1.1, 1.0, 0.9, 1.2, 0.6, 0.5])
    return 1_000 * week[np.arange(days) % 7] * np.exp(0.1 * rng.normal(size=days) + 0.0005 * np.arange(days))


def test_a_run_on_the_shops_is_one_run_with_its_dates() -> None:
    y = _demand(900)
    y[600:614] *= 3
    found = outliers(_days(y))
    runs = outlier_runs(found).sort("deviation", descending=True)
    first = date.fromordinal(_LAST.toordinal() - 899 + 600)
    assert runs["ds_from"][0] == first
    assert (runs["ds_to"][0] - first).days == 13
    assert runs["periods"][0] == 14
    assert runs["percent"][0] == pytest.approx(200, abs=25)
    assert runs["advice"][0] == "leave_out"


def test_noise_is_seldom_called_an_outlier() -> None:
    noise = np.stack([_demand(730, seed) for seed in range(40)])
    assert outliers(_days(noise)).height / noise.size < 0.001


def test_a_promotion_explains_its_days_and_they_are_kept() -> None:
    y, promotion = _demand(730), np.zeros(730)
    for start in range(50, 700, 60):
        promotion[start : start + 7] = 1
    y = np.where(promotion > 0, 2.5 * y, y)
    found = outliers(_days(y, promo=promotion), drivers=("promo",))
    assert found.height >= 70
    assert set(found["explained_by"]) == {"driver:promo"}
    assert set(found["advice"]) == {"keep"}


def test_spring_festival_explains_its_dip_and_a_named_event_its_days() -> None:
    y = _demand(1_461)
    days = np.datetime64(_LAST) - np.arange(1_460, -1, -1)
    for festival in ("2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10"):
        y[(days >= np.datetime64(festival)) & (days < np.datetime64(festival) + 6)] *= 0.4
    y[1_000:1_005] *= 4
    start = days[1_000].astype(date)
    events = pl.DataFrame({"event": ["panic"], "start_on": [start], "end_on": [days[1_004].astype(date)]})
    found = outliers(_days(y), events=events)
    dips = found.filter(pl.col("deviation") < 0)
    assert set(dips["explained_by"]) == {"spring_festival"}
    assert (dips["advice"] == "keep").mean() == 1.0
    panic = found.filter(pl.col("explained_by") == "event:panic")
    assert panic["ds"].min() == start
    assert panic.height == 5
    assert set(panic["advice"]) == {"leave_out"}
    assert "已知事件：panic" in panic["text_zh"][0]
    assert "known event: panic" in panic["text_en"][0]


def test_returns_are_named_and_usual_zeros_are_not_outliers() -> None:
    y = _demand(400)
    y[200] = -300
    y[np.arange(400) % 7 == 6] = 0
    found = outliers(_days(y))
    assert found["y"].to_list() == [-300]
    assert found["explained_by"].to_list() == ["return"]


@pytest.mark.parametrize(
    "y",
    [np.array([5.0]), np.zeros(100), np.full(100, 3.3), np.full(100, np.nan), np.arange(100.0)],
)
def test_series_without_noise_or_values_have_no_outliers(y: FloatArray) -> None:
    found = outliers(_days(y))
    assert found.height == 0
    assert tuple(found.columns) == OUTLIER_COLUMNS


def test_one_step_out_of_a_constant_is_an_outlier() -> None:
    y = np.full(100, 50.0)
    y[60] = 80
    found = outliers(_days(y))
    assert found["y"].to_list() == [80.0]
    assert found["expected"][0] == pytest.approx(50, rel=1e-3)


def test_values_that_the_panel_filled_are_no_outliers() -> None:
    y = _demand(300)
    y[100] *= 20
    series = _days(y)
    series.observed[0, 100] = False
    assert outliers(series).height == 0


def test_plain_integers_and_months_are_taken_too() -> None:
    rng = np.random.default_rng(3)
    y = 100 + rng.normal(size=(2, 80))
    y[:, 40] += 60
    for timeline, season, last in (
        (Timeline(Frequency.INTEGER), 1, 80),
        (Timeline(Frequency.MONTH), 12, 24_299),
    ):
        series = Series(("A", "B"), y, np.isfinite(y), np.full(2, last), timeline, season)
        found = outliers(series)
        assert found.filter(pl.col("score") > 10)["unique_id"].to_list() == ["A", "B"]


@given(st.floats(1e-3, 1e6), st.integers(0, 3))
def test_the_unit_does_not_matter(unit: float, seed: int) -> None:
    y = _demand(200, seed)
    y[120] *= 4
    plain, scaled = outliers(_days(y)), outliers(_days(unit * y))
    assert plain["ds"].to_list() == scaled["ds"].to_list()
    np.testing.assert_allclose(scaled["deviation"], unit * plain["deviation"], rtol=1e-6)
    np.testing.assert_allclose(scaled["score"], plain["score"], rtol=1e-6)


def test_one_bad_series_changes_nothing_for_the_others() -> None:
    good = _demand(400)
    good[250] *= 5
    alone = outliers(_days(good))
    bad = np.full(400, np.nan)
    bad[-1] = np.finfo(np.float64).max / 1e10
    together = outliers(_days(np.stack([good, bad]))).filter(pl.col("unique_id") == "S0")
    assert together["ds"].to_list() == alone["ds"].to_list()
