"""Utilisation follows its last value unless backtests earn more; bands cover; odd histories are answered or refused."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.capacity.utilisation import forecast_utilisation
from models.capacity.utilisation.departures import movement, without_shocks
from models.capacity.utilisation.history import histories_of
from models.demand.series import FloatArray
from models.errors import UtilisationError


def _frame(y: FloatArray, first: str = "a") -> pl.DataFrame:
    months = [date(2012 + one // 12, one % 12 + 1, 1) for one in range(y.shape[1])]
    ids = [f"{first}{row:03d}" for row in range(len(y)) for _ in months]
    return pl.DataFrame({"unique_id": ids, "ds": months * len(y), "y": y.ravel()})


def _walks(seed: int, count: int = 20, months: int = 156) -> FloatArray:
    steps = np.random.default_rng(seed).normal(0, 0.008, (count, months))
    return np.asarray(0.75 + steps.cumsum(axis=1), dtype=np.float64)


def _seasonal(seed: int, count: int = 20, months: int = 156) -> FloatArray:
    rng = np.random.default_rng(seed)
    wave = 0.15 * np.sin(2 * np.pi * np.arange(months) / 12)
    return np.clip(
        0.5 + wave + 0.3 * (_walks(seed, count, months) - 0.75) + rng.normal(0, 0.02, (count, months)), 0, 1
    )


def _judged(y: FloatArray, horizon: int = 6) -> tuple[float, float]:
    """Return the mean absolute error over the last value's, and the coverage of the 80 % band."""
    split = y.shape[1] - horizon
    found = forecast_utilisation(_frame(y[:, :split]), horizon, levels=(0.1, 0.9))
    point, low, high = (found[one].to_numpy().reshape(len(y), horizon) for one in ("forecast", "q10", "q90"))
    came, last = y[:, split:], y[:, split - 1 : split]
    inside = (came >= low) & (came <= high)
    return float(np.abs(came - point).mean() / np.abs(came - last).mean()), float(inside.mean())


def test_random_walks_are_forecast_by_their_last_value_and_bands_cover() -> None:
    judged = np.array([_judged(_walks(seed)) for seed in range(8)])
    assert judged[:, 0].max() <= 1.01
    assert 0.75 <= judged[:, 1].mean() <= 0.87


def test_a_season_is_followed_where_it_pays() -> None:
    judged = np.array([_judged(_seasonal(seed)) for seed in range(3)])
    assert judged[:, 0].max() < 0.6
    assert 0.72 <= judged[:, 1].mean() <= 0.9
    assert forecast_utilisation(_frame(_seasonal(1)), 3)["season"].min() > 0.8  # type: ignore[operator]


def test_one_series_of_a_hundred_months_is_enough() -> None:
    found = forecast_utilisation(_frame(_walks(3, 1, 100)), 12)
    assert found["step"].to_list() == list(range(1, 13))
    assert found["ds"][0] == date(2020, 5, 1)
    width = (found["q90"] - found["q10"]).to_numpy()
    assert (np.diff(width) > -1e-9).all()
    assert 0.008 < width[0] < 0.05
    assert found["forecast"].to_list() == pytest.approx(found["q50"].to_list())


@given(st.integers(0, 500), st.integers(1, 40), st.integers(1, 3), st.integers(1, 14))
@settings(max_examples=40)
def test_any_history_is_answered_in_order_and_within_bounds(
    seed: int, months: int, count: int, horizon: int
) -> None:
    rng = np.random.default_rng(seed)
    y = np.clip(rng.normal(0.9, 0.4, (count, months)), 0, 1.3)
    y[rng.random(y.shape) < 0.3] = np.nan
    y[:, 0] = 0.5
    found = forecast_utilisation(_frame(y), horizon)
    assert found.height == count * horizon
    table = found.select("q5", "q10", "q25", "q50", "q75", "q90", "q95").to_numpy()
    assert np.isfinite(table).all()
    assert (np.diff(table, axis=1) >= 0).all()
    assert table.min() >= 0
    assert table.max() <= 1.3 * 1.05
    assert found["forecast"].is_between(0, 1.3 * 1.05).all()


def test_a_line_that_never_changed_stays() -> None:
    found = forecast_utilisation(_frame(np.full((1, 60), 0.8)), 4)
    assert found["forecast"].to_list() == pytest.approx([0.8] * 4)
    idle = forecast_utilisation(_frame(np.zeros((1, 60))), 4)
    assert idle["forecast"].to_list() == [0] * 4


def test_percent_may_reach_a_hundred_and_parts_one() -> None:
    y = np.clip(_walks(1) + 0.24, 0, 1)
    parts, percent = forecast_utilisation(_frame(y), 6), forecast_utilisation(_frame(100 * y), 6)
    assert percent["q95"].to_numpy() == pytest.approx(100 * parts["q95"].to_numpy(), rel=1e-6)
    assert parts["q95"].max() <= 1.05  # type: ignore[operator]


def test_neither_order_of_rows_nor_seed_changes_anything_and_the_future_is_not_read() -> None:
    frame = _frame(_walks(5, 4, 60))
    base = forecast_utilisation(frame, 6)
    assert forecast_utilisation(frame.sample(fraction=1.0, shuffle=True, seed=2), 6, seed=99).equals(base)
    later = _frame(_walks(5, 4, 72)).filter(pl.col("ds") > frame["ds"].max())
    tampered = pl.concat([frame, later.with_columns(y=pl.lit(None, pl.Float64))])
    assert forecast_utilisation(tampered, 6).equals(base)


def test_a_month_without_value_at_the_end_is_forecast() -> None:
    frame = _frame(_walks(5, 1, 60))
    open_end = frame.with_columns(
        y=pl.when(pl.col("ds") == frame["ds"].max()).then(None).otherwise(pl.col("y"))
    )
    assert forecast_utilisation(open_end, 1)["ds"].to_list() == [frame["ds"].max()]


@pytest.mark.parametrize("kind", [pl.Date(), pl.Datetime("us"), pl.Datetime("ns")])
def test_dates_come_back_in_the_type_of_the_table(kind: pl.DataType) -> None:
    frame = _frame(_walks(5, 1, 30)).with_columns(pl.col("ds").cast(kind))
    assert forecast_utilisation(frame, 2).schema["ds"] == kind


def test_months_stamped_on_their_last_day_stay_so() -> None:
    frame = _frame(_walks(5, 1, 30)).with_columns(pl.col("ds").dt.month_end())
    assert forecast_utilisation(frame, 2)["ds"].to_list() == [date(2014, 7, 31), date(2014, 8, 31)]


def test_series_may_end_in_different_months() -> None:
    early = _frame(_walks(5, 1, 60), "early")
    found = forecast_utilisation(pl.concat([early, _frame(_walks(6, 1, 72), "late")]), 1)
    assert found["ds"].to_list() == [date(2017, 1, 1), date(2018, 1, 1)]


def test_one_shock_does_not_widen_what_is_usual_and_a_summer_stop_is_no_shock() -> None:
    y = _walks(2, 1, 120)
    shocked = y.copy()
    shocked[:, 60:66] -= 0.4
    usual, after = (movement(histories_of(_frame(one)))[0] for one in (y, shocked))
    assert after < 1.15 * usual
    calm = without_shocks(histories_of(_frame(shocked))).y
    assert np.abs(np.diff(calm)).max() < 0.1
    summer = y - 0.4 * (np.arange(120) % 12 == 7)
    kept = without_shocks(histories_of(_frame(summer))).y
    assert np.abs(kept - summer).max() < 0.05


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (pl.lit(-0.1), "below 0"),
        (pl.lit(float("inf")), "infinite"),
        (pl.lit(None, pl.Float64), "no value"),
    ],
)
def test_histories_that_cannot_be_are_refused_by_name(change: pl.Expr, word: str) -> None:
    bad = _frame(_walks(1, 2, 30)).with_columns(
        y=pl.when(pl.col("unique_id") == "a001").then(change).otherwise(pl.col("y"))
    )
    with pytest.raises(UtilisationError, match=word) as caught:
        forecast_utilisation(bad, 3)
    assert "a001" in str(caught.value)
    assert "a001" in caught.value.zh
    assert "a000" not in caught.value.zh


def test_months_given_twice_missing_columns_and_impossible_horizons_are_refused() -> None:
    frame = _frame(_walks(1, 1, 30))
    with pytest.raises(UtilisationError, match="months given twice"):
        forecast_utilisation(pl.concat([frame, frame.head(1)]), 3)
    with pytest.raises(UtilisationError, match="lacks y"):
        forecast_utilisation(frame.drop("y"), 3)
    with pytest.raises(UtilisationError, match="horizon of 0"):
        forecast_utilisation(frame, 0)
    with pytest.raises(UtilisationError, match="levels"):
        forecast_utilisation(frame, 3, levels=(0.9, 0.1))
