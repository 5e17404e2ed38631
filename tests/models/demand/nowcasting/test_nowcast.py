"""Running periods are completed from what was known, never from what came later, and judged against the band."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.timeline import Frequency, Timeline
from models.demand.nowcasting.nowcast import NOWCAST_COLUMNS, nowcast
from models.errors import NowcastInputError

_MONTHS = Timeline(Frequency.MONTH)
_FIRST = date(2022, 1, 1)


def _orders(series: int = 6, *, last: date = date(2024, 6, 30), seed: int = 0, lag: int = 1) -> pl.DataFrame:
    """Daily orders with a weekly pattern and a level of its own each month, told `lag` days later."""
    rng = np.random.default_rng(seed)
    days = [_FIRST + timedelta(days=number) for number in range((last - _FIRST).days + 1)]
    week = np.array([1.2, 1.2, 1.1, 1.1, 1.0, 0.3, 0.1])[[day.weekday() for day in days]]
    month = np.array([day.year * 12 + day.month for day in days])
    frames = []
    for number in range(series):
        levels = {one: np.exp(0.15 * rng.normal()) for one in np.unique(month)}
        level = 100 * (number + 1) * np.array([levels[one] for one in month])
        y = level * week * np.exp(0.15 * rng.normal(size=len(days)))
        frames.append(pl.DataFrame({"unique_id": f"S{number}", "ds": days, "y": y}))
    return pl.concat(frames).with_columns(known_at=pl.col("ds") + timedelta(days=lag))


def _totals(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.group_by("unique_id", ds=pl.col("ds").dt.month_start()).agg(final=pl.col("y").sum())


def _forecast(orders: pl.DataFrame) -> pl.DataFrame:
    """The mean of all months as a forecast, with a band of 80 % of them."""
    final = pl.col("final")
    mean = final.mean().over("unique_id")
    return _totals(orders).with_columns(forecast=mean, q10=mean * 0.82, q90=mean * 1.2).drop("final")


def _split(orders: pl.DataFrame, month: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    every = _forecast(orders)
    return every.filter(pl.col("ds") == month), every.filter(pl.col("ds") < month)


def _error(found: pl.DataFrame, orders: pl.DataFrame, column: str = "nowcast") -> float:
    joined = found.join(_totals(orders), on=["unique_id", "ds"])
    missed = np.abs(joined[column].to_numpy() - joined["final"].to_numpy())
    return float(missed.sum() / joined["final"].to_numpy().sum())


@pytest.mark.parametrize("with_history", [True, False])
def test_the_nowcast_gets_better_as_the_month_goes_on(with_history: bool) -> None:
    orders = _orders(12)
    month = date(2024, 6, 1)
    forecast, history = _split(orders, month)
    errors, weights = [], []
    for day in (4, 12, 20, 28):
        found = nowcast(
            orders,
            forecast,
            timeline=_MONTHS,
            as_of=month + timedelta(days=day),
            history=history if with_history else None,
        )
        errors.append(_error(found, orders))
        weights.append(float(found["weight"].to_numpy().mean()))
    assert errors[3] < 0.03
    assert errors[3] < errors[1] < _error(forecast, orders, "forecast")
    assert weights == sorted(weights)


def test_the_band_holds_as_often_as_it_says() -> None:
    orders = _orders(12, seed=3)
    inside = []
    for month in [date(2023, 10, 1), date(2023, 12, 1), date(2024, 3, 1), date(2024, 5, 1), date(2024, 6, 1)]:
        forecast, history = _split(orders, month)
        for day in (7, 15, 23):
            found = nowcast(
                orders, forecast, timeline=_MONTHS, as_of=month + timedelta(days=day), history=history
            )
            joined = found.join(_totals(orders), on=["unique_id", "ds"])
            inside += joined.select(pl.col("final").is_between("low", "high"))["final"].to_list()
    assert 0.68 <= np.mean(inside) <= 0.92


@settings(max_examples=8)
@given(st.integers(0, 100), st.integers(1, 27))
def test_nothing_known_later_changes_the_nowcast(seed: int, day: int) -> None:
    orders = _orders(3, seed=1)
    month = date(2024, 5, 1)
    as_of = month + timedelta(days=day)
    forecast, history = _split(orders, month)
    later = pl.col("known_at") > as_of
    wild = orders.with_columns(
        y=pl.when(later)
        .then(pl.lit(np.random.default_rng(seed).lognormal(5, 3, orders.height)))
        .otherwise("y")
    )
    plain = nowcast(orders, forecast, timeline=_MONTHS, as_of=as_of, history=history)
    assert plain.equals(nowcast(wild, forecast, timeline=_MONTHS, as_of=as_of, history=history))
    assert plain.equals(
        nowcast(orders.filter(~later), forecast, timeline=_MONTHS, as_of=as_of, history=history)
    )


def test_a_surge_is_called_above_the_band_with_its_size() -> None:
    orders = _orders(4)
    month = date(2024, 6, 1)
    surge = orders.with_columns(
        y=pl.when((pl.col("ds") >= month) & (pl.col("unique_id") == "S2"))
        .then(pl.col("y") * 2.5)
        .otherwise("y")
    )
    forecast, history = _split(orders, month)
    found = nowcast(surge, forecast, timeline=_MONTHS, as_of=date(2024, 6, 21), history=history)
    row = found.row(found["unique_id"].to_list().index("S2"), named=True)
    assert (row["verdict"], row["certain"]) == ("above", True)
    assert row["difference"] == pytest.approx(row["nowcast"] - row["forecast"])
    assert row["difference_percent"] > 80
    assert "高于预测区间" in row["text_zh"]
    assert "above the forecast's band" in row["text_en"]
    assert tuple(found.columns) == NOWCAST_COLUMNS


def test_a_monthly_sheet_not_yet_in_is_no_drop_of_orders() -> None:
    told = pl.col("ds").dt.month_end() + timedelta(days=10)
    orders = _orders(4).with_columns(known_at=told)
    month = date(2024, 5, 1)
    forecast, history = _split(orders, month)
    early = nowcast(orders, forecast, timeline=_MONTHS, as_of=date(2024, 5, 25), history=history)
    assert early["nowcast"].to_list() == early["forecast"].to_list()
    assert early["completed"].null_count() == 4
    assert set(early["verdict"]) == {"inside"}
    assert "沿用预测" in early["text_zh"][0]
    late = nowcast(orders, forecast, timeline=_MONTHS, as_of=date(2024, 6, 12), history=history)
    assert _error(late, orders) < 1e-6


def test_weeks_and_series_without_orders_and_future_periods() -> None:
    orders = _orders(2)
    weeks = Timeline(Frequency.WEEK)
    forecast = pl.DataFrame(
        {
            "unique_id": ["S0", "S1", "new", "S0"],
            "ds": [date(2024, 6, 3)] * 3 + [date(2024, 6, 17)],
            "forecast": [600.0, 1200.0, 50.0, 1.0],
        }
    ).with_columns(q10=pl.col("forecast") * 0.8, q90=pl.col("forecast") * 1.2)
    found = nowcast(orders, forecast, timeline=weeks, as_of=date(2024, 6, 7))
    assert found["unique_id"].to_list() == ["S0", "S1", "new"]
    assert found["weight"][2] == 0
    assert found["weight"][0] > 0.3
    assert nowcast(orders, forecast, timeline=weeks, as_of=date(2024, 1, 1)).height == 0


def test_returns_zeros_and_groups_are_taken() -> None:
    orders = _orders(4).with_columns(y=pl.when(pl.col("unique_id") == "S1").then(0.0).otherwise("y"))
    orders = orders.with_columns(y=pl.when(pl.col("ds").dt.day() == 3).then(-pl.col("y")).otherwise("y"))
    groups = pl.DataFrame({"unique_id": ["S0", "S1", "S2", "S3"], "group": ["a", "a", "b", None]})
    forecast, history = _split(orders, date(2024, 6, 1))
    found = nowcast(
        orders, forecast, timeline=_MONTHS, as_of=date(2024, 6, 15), history=history, groups=groups
    )
    assert found["nowcast"].is_finite().all()
    assert found["nowcast"][1] == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda orders, forecast: (orders.drop("y"), forecast), "y"),
        (lambda orders, forecast: (orders, forecast.drop("q90")), "q10, q90"),
        (lambda orders, forecast: (orders, pl.concat([forecast, forecast])), "unique_id, ds"),
        (lambda orders, forecast: (orders.with_columns(y=pl.lit("x")), forecast), "ds, y, known_at"),
    ],
)
def test_bad_input_is_refused_by_name(change, what: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    orders = _orders(1)
    orders, forecast = change(orders, _forecast(orders))
    with pytest.raises(NowcastInputError) as raised:
        nowcast(orders, forecast, timeline=_MONTHS, as_of=date(2024, 6, 15))
    assert raised.value.column == what


def test_days_are_no_periods_to_nowcast() -> None:
    orders = _orders(1)
    with pytest.raises(NowcastInputError):
        nowcast(orders, _forecast(orders), timeline=Timeline(Frequency.DAY), as_of=date(2024, 6, 15))
