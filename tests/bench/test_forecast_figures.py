"""The forecast benchmark's arithmetic: rows find their places, origins are pooled, goals say what was met."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from bench.forecast_parts.datasets import Problem
from bench.forecast_parts.figures import figures, judge
from bench.forecast_parts.goals import Goal
from bench.forecast_parts.shape import QUANTILES, aligned, histories

DAY = date(2024, 1, 1)


def frame(rows: dict[str, list[float]], *, start: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (name, DAY + timedelta(days=start + step), value)
            for name, values in rows.items()
            for step, value in enumerate(values)
        ],
        schema={"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64},
        orient="row",
    )


def problem(origin: str, train: pl.DataFrame, actuals: pl.DataFrame) -> Problem:
    return Problem("made", origin, train, actuals.drop("y"), actuals, freq="1d", season=1, horizon=2)


def forecast_of(actuals: pl.DataFrame, origin: str, *, too_much: float) -> pl.DataFrame:
    point = actuals.select("unique_id", "ds", forecast=pl.col("y") + too_much, origin=pl.lit(origin))
    return point.with_columns(pl.col("forecast").alias(name) for name in QUANTILES)


def test_rows_find_their_series_and_step_whatever_their_order() -> None:
    actuals = frame({"b": [3, 4], "a": [1, 2]})
    forecasts = actuals.reverse().with_columns(forecast=10 * pl.col("y"), q10=5 * pl.col("y")).head(3)
    ids, actual, forecast, quantiles = aligned(actuals, forecasts)
    assert ids["unique_id"].to_list() == ["a", "b"]
    assert actual.tolist() == [[1, 2], [3, 4]]
    assert np.array_equal(forecast, np.array([[10, 20], [np.nan, 40]]), equal_nan=True)
    assert np.array_equal(quantiles[:, :, 0], np.array([[5, 10], [np.nan, 20]]), equal_nan=True)
    assert np.isnan(quantiles[:, :, 1:]).all()


def test_histories_end_together() -> None:
    ids = pl.DataFrame({"unique_id": ["a", "b"]})
    found = histories(frame({"b": [3], "c": [9, 9, 9], "a": [1, 2]}), ids)
    assert np.array_equal(found, np.array([[1, 2], [np.nan, 3]]), equal_nan=True)


def test_origins_are_pooled_by_size_and_told_apart() -> None:
    first, second = frame({"a": [100, 100]}, start=3), frame({"a": [10, 10], "b": [40, 40]}, start=5)
    train = frame({"a": [1, 2, 3], "b": [1, 5, 2]})
    given = [problem("one", train, first), problem("two", train, second)]
    forecasts = pl.concat([forecast_of(first, "one", too_much=10), forecast_of(second, "two", too_much=-20)])
    found = figures(judge(given, forecasts), given[0])
    assert found["wape@one"] == pytest.approx(0.1)
    assert found["wape@two"] == pytest.approx(80 / 100)
    assert found["wape"] == pytest.approx((20 + 80) / 300)
    assert found["bias"] == pytest.approx((20 - 80) / 300)
    assert found["negatives"] == pytest.approx(2 / 6)
    assert found["unanswered"] == 0


def test_what_is_not_answered_is_counted_and_judged_as_the_last_value_repeated() -> None:
    actuals = frame({"a": [1, 2], "b": [3, 4]}, start=3)
    given = [problem("one", frame({"a": [1, 2, 3], "b": [1, 5, 2]}), actuals)]
    half = forecast_of(actuals, "one", too_much=0).filter(pl.col("unique_id") == "a")
    found = figures(judge(given, half), given[0])
    assert found["unanswered"] == pytest.approx(0.5)
    assert found["wape"] == pytest.approx((1 + 2) / 10)
    assert found["cover80"] == pytest.approx(0.5)


def test_a_goal_compares_with_its_peer_and_says_when_there_is_none() -> None:
    goal = Goal("set", "wape", 0.9, "prophet")
    report = {("set", "zhiheng"): {"wape": 0.088}, ("set", "prophet"): {"wape": 0.1}}
    assert goal.value(report) == pytest.approx(0.88)
    assert goal.line(report).endswith("0.8800 met")
    better = {**report, ("set", "prophet"): {"wape": 0.2}}
    assert goal.line(better).endswith("0.4400 met, stretch too")
    worse = {**report, ("set", "prophet"): {"wape": 0.09}}
    assert goal.line(worse).endswith("MISSED")
    alone = {("set", "zhiheng"): {"wape": 0.088}}
    assert goal.value(alone) is None
    assert goal.line(alone).endswith("not measured")
    assert not goal.met(float("nan"))


def test_a_band_must_be_neither_too_narrow_nor_too_wide() -> None:
    goal = Goal("set", "cover80", 0.87, least=0.75)
    assert [goal.met(value) for value in (0.74, 0.75, 0.87, 0.88)] == [False, True, True, False]


def test_negative_forecasts_and_sums_that_differ_are_found() -> None:
    actuals = frame({"a": [1, 2], "b": [3, 4], "t": [4, 6]}, start=3)
    members = pl.DataFrame({"unique_id": ["t", "t", "a", "b"], "bottom": ["a", "b", "a", "b"]})
    given = Problem(
        "tourism_small", "", frame({"a": [1.0, 2], "b": [1, 5], "t": [2, 7]}), actuals.drop("y"), actuals, freq="1d",
        season=1, horizon=2, members=members,
    )  # fmt: skip
    exact = forecast_of(actuals, "", too_much=0)
    assert figures(judge([given], exact), given)["incoherence"] == 0
    off = forecast_of(actuals, "", too_much=1)
    assert figures(judge([given], off), given)["incoherence"] == pytest.approx(1 / 5)
