"""Alerts of a run's stocks: a product's own bounds or its industry's days, and the reserve within a stock beside them."""

from dataclasses import replace

import polars as pl
import pytest

from models.capacity.profiles.profile_files import load_profiles
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.stock_of_run import alerts_of, stock_outlook_of_run
from models.capacity.shortfall.dependence import independent
from tests.models.capacity.published.capacity_runs import WEEKS, a_run

_DAILY = 880 / 7  # median demand


def _alerts(run: CapacityRun) -> pl.DataFrame:
    ids = run.products["product_id"].to_list()
    return alerts_of(stock_outlook_of_run(run, independent(ids), load_profiles(), count=300))


def _run(stock: float, reserve: float | None) -> CapacityRun:
    """Return a run whose P1 alone has stock, no bounds of its own, and is made by a line of sea salt."""
    run, first = a_run(), pl.col("product_id") == "P1"
    products = run.products.with_columns(
        pl.when(first).then(stock).otherwise(0.0).alias("opening_stock"),
        pl.lit(None, pl.Float64).alias("stock_floor"),
        pl.lit(None, pl.Float64).alias("stock_ceiling"),
        pl.when(first).then(pl.lit(reserve, pl.Float64)).alias("stock_reserve"),
    )
    return replace(run, products=products)


@pytest.mark.parametrize(
    ("days", "sides"),
    [(10, {"lower"}), (60, set()), (110, {"upper"})],
    ids=["too small", "right", "too large"],
)
def test_a_reserve_has_a_lower_and_an_upper_alert_in_days_of_forecast_demand(
    days: int, sides: set[str]
) -> None:
    alerts = _alerts(_run(stock=150 * _DAILY, reserve=days * _DAILY))
    reserve = alerts.filter(pl.col("product_id") == "P1", pl.col("band") == "reserve")
    assert set(reserve["side"]) == sides
    assert reserve["text_zh"].str.contains("政府储备").all()
    assert alerts.filter(pl.col("product_id") == "P1", pl.col("band") == "finished").is_empty()


def test_both_bands_are_told_where_a_stock_runs_out_and_its_reserve_is_eaten_into() -> None:
    alerts = _alerts(_run(stock=20 * _DAILY, reserve=18 * _DAILY)).filter(pl.col("product_id") == "P1")
    assert set(alerts.select("band", "side").iter_rows()) == {("finished", "lower"), ("reserve", "lower")}
    assert alerts["week"].to_list() == [WEEKS[0]] * 2


@pytest.mark.parametrize("given", [True, False])
def test_without_a_reserve_there_is_no_alert_of_one(given: bool) -> None:
    run = _run(stock=150 * _DAILY, reserve=None)
    run = run if given else replace(run, products=run.products.drop("stock_reserve"))
    assert set(_alerts(run)["band"]) <= {"finished"}
