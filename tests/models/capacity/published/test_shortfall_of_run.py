"""Shortfalls of a run: good hours against demand over the weeks to plan, with stock where the run has it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.shortfall_of_run import good_hours, shortfall_of_run
from models.capacity.shortfall.dependence import Dependence, independent
from tests.models.capacity.published.capacity_runs import WEEKS, a_run


def _without_stock() -> CapacityRun:
    run = a_run()
    nothing = pl.lit(None, pl.Float64)
    return replace(run, products=run.products.with_columns(opening_stock=nothing, stock_ceiling=nothing))


def _dependence(run: CapacityRun) -> Dependence:
    return independent(run.products["product_id"].to_list())


def test_good_hours_are_the_quantiles_of_good_output_over_the_rate() -> None:
    hours = good_hours(a_run())
    np.testing.assert_allclose(hours["q50"], 140 * 0.9 * 0.95)
    np.testing.assert_allclose(hours["q10"], 140 * 0.9 * 0.95 * 0.8)


def test_good_hours_follow_the_rate_of_the_week_whatever_hours_a_plan_that_is_not_there_would_have() -> None:
    run = a_run()
    other_hours = run.weeks.with_columns(
        pl.col("planned_output") * 0.4
    )  # counted over other hours than the schedule's
    assert good_hours(replace(run, weeks=other_hours)).equals(good_hours(run))
    faster = run.weeks.with_columns(pl.col("output", "forecast", "q10", "q25", "q50", "q90") * 1.5)
    np.testing.assert_allclose(good_hours(replace(run, weeks=faster))["q50"], 140 * 0.9 * 0.95)


def test_a_week_without_hours_has_the_lines_own_rate() -> None:
    run = a_run()
    closed = run.weeks.with_columns(effective_hours=pl.lit(0.0), output=pl.lit(0.0), q90=pl.lit(20.0))
    np.testing.assert_allclose(good_hours(replace(run, weeks=closed))["q90"], 2.0)


def test_more_demand_is_short_more_often_and_the_line_is_named() -> None:
    run = _without_stock()
    more = replace(run, demand=run.demand.with_columns(pl.col("q10", "q50", "q90", "forecast") * 3.0))
    one, other = (shortfall_of_run(each, _dependence(run), count=200, seed=3) for each in (run, more))
    assert one is not None
    assert other is not None
    assert one.products["week"].unique().sort().to_list() == WEEKS
    assert (other.products["probability"] >= one.products["probability"]).all()
    assert (other.products["probability"] > 0.98).all()  # three times what the lines can make
    assert set(other.products["bottleneck"]) <= {"L1", "L2"}


def test_stock_at_hand_is_used_before_anything_is_short() -> None:
    run = _without_stock()
    full = replace(run, products=run.products.with_columns(opening_stock=pl.lit(1e6)))
    heavy = run.demand.with_columns(pl.col("q10", "q50", "q90", "forecast") * 3.0)
    found = shortfall_of_run(replace(full, demand=heavy), _dependence(run), count=100)
    assert found is not None
    assert found.products["probability"].max() == 0.0


def test_a_plan_decides_who_gets_the_hours() -> None:
    run = _without_stock()
    heavy = replace(run, demand=run.demand.with_columns(pl.col("q10", "q50", "q90", "forecast") * 1.3))
    plan = pl.DataFrame(
        [{"line_id": "L1", "product_id": "P1", "week": week, "hours": 120.0} for week in WEEKS]
    )
    free = shortfall_of_run(heavy, _dependence(run), count=200)
    planned = shortfall_of_run(heavy, _dependence(run), count=200, plan=plan)
    assert free is not None
    assert planned is not None
    first = pl.col("product_id") == "P1"
    assert planned.products.filter(first)["expected"].sum() < free.products.filter(first)["expected"].sum()


@pytest.mark.parametrize("lacking", ["demand", "routes"])
def test_without_demand_or_routes_there_is_nothing_to_simulate(lacking: str) -> None:
    run = a_run()
    empty = replace(run, **{lacking: getattr(run, lacking).clear()})
    assert shortfall_of_run(empty, _dependence(run), count=10) is None
