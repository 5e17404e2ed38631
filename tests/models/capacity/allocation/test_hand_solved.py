"""Plans small enough to solve by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.capacity.allocation.problem import CapKind, PlanCap, PlanOptions, PlanOrder
from models.capacity.allocation.solve import solve_plan
from tests.models.capacity.allocation.small_plans import (
    WEEKS,
    line,
    plan_problem,
    product,
    random_problem,
    route,
)


def _value(frame: pl.DataFrame, column: str, **where: object) -> float:
    return float(frame.filter(**where)[column][0])


def test_the_product_that_earns_most_an_hour_is_made_first() -> None:
    plan = solve_plan(
        plan_problem(
            lines=(line("L1", hours=10.0),),
            products=(product("A", backlog_cost=None), product("B", backlog_cost=None)),
            routes=(route("L1", "A", rate=2.0, margin=10.0), route("L1", "B", rate=4.0, margin=6.0)),
            demand=[[20.0, 20.0], [20.0, 20.0]],
        )
    )
    made = plan.production.group_by("product_id").agg(pl.col("hours").sum()).sort("product_id")
    assert made["hours"].to_list() == pytest.approx([10.0, 10.0])  # B: 24 CNY an hour, 5 h a week; A: 20
    assert plan.summary["value"][0] == pytest.approx(2 * (20 * 6 + 10 * 10))
    hours = plan.binding.filter(kind="line_hours")
    assert hours["shadow_price"].to_list() == pytest.approx(
        [20.0, 20.0], rel=1e-4
    )  # one more hour makes 2 of A
    assert "is worth 20.00 CNY" in hours["text_en"][0]
    assert "多一小时，价值 20.00 元" in hours["text_zh"][0]


def test_product_not_worth_its_hour_says_what_it_would_have_to_earn() -> None:
    plan = solve_plan(
        plan_problem(
            lines=(line("L1", hours=10.0),),
            products=(product("A", backlog_cost=None), product("B", backlog_cost=None)),
            routes=(route("L1", "A", rate=2.0, margin=10.0), route("L1", "B", rate=1.0, margin=6.0)),
            demand=[[30.0, 30.0], [5.0, 5.0]],
        )
    )
    advice = plan.mix.filter(product_id="B").row(0, named=True)
    assert advice["advice"] == "drop"
    assert advice["extra_needed"] == pytest.approx(14.0, rel=1e-4)  # an hour earns 20 with A, 6 with B
    assert "14.00 CNY more" in advice["text_en"]
    routes = plan.routes.filter(product_id="A").row(0, named=True)
    assert (routes["margin_per_hour"], routes["extra_needed"]) == (pytest.approx(20.0), 0.0)


def test_changeover_and_yield_take_their_share_of_the_hour() -> None:
    plan = solve_plan(
        plan_problem(
            routes=(route("L1", "A", rate=2.0, changeover=1.0, lot=2.0, good_share=0.8),),
            demand=[[100.0, 100.0]],
        )
    )  # 1/2 h to run and 1/2 h of change-over a unit: one unit an hour, 0.8 good
    assert plan.production["quantity"].to_list() == pytest.approx([8.0, 8.0])


@pytest.mark.parametrize(("backlog_cost", "delivered"), [(1.0, [10.0, 14.0]), (None, [10.0, 6.0])])
def test_what_is_not_delivered_is_owed_or_lost(backlog_cost: float | None, delivered: list[float]) -> None:
    plan = solve_plan(
        plan_problem(
            lines=(replace(line("L1", hours=10.0), hours=np.array([5.0, 10.0])),),
            products=(product("A", backlog_cost=backlog_cost),),
            demand=[[18.0, 6.0]],
        )
    )
    assert plan.products["delivered"].to_list() == pytest.approx(delivered)
    lost, backlog = plan.products["lost"].to_list(), plan.products["backlog"].to_list()
    assert (lost, backlog) == (
        (pytest.approx([8.0, 0.0]), [0.0, 0.0]) if backlog_cost is None else ([0.0, 0.0], [8.0, 0.0])
    )


def test_opening_backlog_is_delivered_and_opening_stock_counts() -> None:
    plan = solve_plan(
        plan_problem(products=(product("A", opening_stock=3.0, opening_backlog=5.0),), demand=[[10.0, 0.0]])
    )
    assert plan.products["delivered"].to_list() == pytest.approx([15.0, 0.0])
    assert plan.products["production"].sum() == pytest.approx(12.0)


def test_stock_bridges_a_week_without_the_line_only_where_it_must() -> None:
    down = replace(line("L1", hours=10.0), hours=np.array([10.0, 0.0]))
    plan = solve_plan(plan_problem(lines=(down,), demand=[[5.0, 6.0]]))
    assert plan.products["stock"].to_list() == pytest.approx([6.0, 0.0])
    assert plan.summary["holding_cost"][0] == pytest.approx(0.6)


@pytest.mark.parametrize(("cost", "overtime"), [(19.0, 2.0), (21.0, 0.0)])
def test_overtime_is_worked_only_where_it_earns_more_than_it_costs(cost: float, overtime: float) -> None:
    plan = solve_plan(
        plan_problem(
            lines=(line("L1", hours=5.0, overtime=2.0, overtime_cost=cost),),
            products=(product("A", backlog_cost=None),),
            demand=[[20.0, 20.0]],
        )
    )
    assert plan.lines["overtime"].to_list() == pytest.approx([overtime, overtime])
    assert plan.production["overtime"].sum() == pytest.approx(2 * overtime)


def test_overtime_can_be_switched_off() -> None:
    problem = plan_problem(lines=(line("L1", hours=5.0, overtime=2.0),), demand=[[20.0, 20.0]])
    assert solve_plan(problem).summary["overtime"][0] == pytest.approx(4.0)
    assert solve_plan(replace(problem, options=PlanOptions(overtime=False))).summary["overtime"][0] == 0.0


def test_priority_order_is_delivered_in_its_week_though_another_product_earns_more() -> None:
    problem = plan_problem(
        products=(product("A"), product("B")),
        routes=(route("L1", "A", rate=1.0, margin=50.0), route("L1", "B", rate=1.0, margin=1.0)),
        demand=[[10.0, 10.0], [4.0, 0.0]],
    )
    before = solve_plan(problem)
    after = solve_plan(replace(problem, orders=(PlanOrder("O1", "B", WEEKS[0], 4.0),)))
    assert _value(before.products, "delivered", product_id="B", week=WEEKS[0]) == 0.0
    assert _value(after.products, "delivered", product_id="B", week=WEEKS[0]) == pytest.approx(4.0)
    assert _value(after.binding, "shadow_price", kind="order") < 0


def test_an_order_above_the_forecast_raises_the_demand_of_its_week() -> None:
    plan = solve_plan(plan_problem(demand=[[3.0, 3.0]], orders=(PlanOrder("O1", "A", WEEKS[1], 8.0),)))
    assert plan.products["demand"].to_list() == [3.0, 8.0]
    assert plan.products["delivered"].to_list() == pytest.approx([3.0, 8.0])


def test_a_continuous_line_runs_its_minimum_hours_and_says_what_they_cost() -> None:
    plan = solve_plan(plan_problem(lines=(line("L1", hours=10.0, minimum=8.0),), demand=[[4.0, 4.0]]))
    assert plan.lines["used"].to_list() == pytest.approx([8.0, 8.0])
    prices = plan.binding.filter(kind="minimum_hours")["shadow_price"]
    assert prices.len() == 2
    assert prices.max() < 0  # type: ignore[operator]


@pytest.mark.parametrize("org_id", [None, "works"])
def test_energy_cap_limits_what_is_made_and_has_a_price(org_id: str | None) -> None:
    problem = plan_problem(
        routes=(route("L1", "A", rate=2.0, energy=3.0),),
        products=(product("A", backlog_cost=None),),
        caps=(PlanCap("grid", CapKind.ENERGY, 30.0, org_id),),
    )
    plan = solve_plan(problem)
    assert plan.production["quantity"].to_list() == pytest.approx([10.0, 10.0])
    prices = plan.binding.filter(kind="cap")["shadow_price"].to_list()
    assert prices == pytest.approx([10.0 / 3.0] * 2, rel=1e-4)
    free = solve_plan(replace(problem, options=PlanOptions(caps=False)))
    assert free.production["quantity"].to_list() == pytest.approx([12.0, 12.0])


def test_company_cap_leaves_other_companies_alone() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0), replace(line("L2", hours=10.0), org_id="other")),
        products=(product("A", backlog_cost=None), product("B", backlog_cost=None)),
        routes=(route("L1", "A", rate=2.0, energy=3.0), route("L2", "B", rate=2.0, energy=3.0)),
        demand=[[12.0, 12.0], [12.0, 12.0]],
        caps=(PlanCap("grid", CapKind.ENERGY, 30.0, "works"),),
    )
    made = (
        solve_plan(problem).products.group_by("product_id").agg(pl.col("production").sum()).sort("product_id")
    )
    assert made["production"].to_list() == pytest.approx([20.0, 24.0])


def test_minimum_lots_make_nothing_or_the_lot() -> None:
    problem = plan_problem(
        products=(product("A", holding_cost=0.01),),
        routes=(route("L1", "A", rate=2.0, minimum_lot=15.0),),
        demand=[[7.0, 9.0]],
    )
    loose = solve_plan(problem)
    plan = solve_plan(replace(problem, options=PlanOptions(minimum_lots=True)))
    assert loose.production["quantity"].to_list() == pytest.approx([7.0, 9.0])
    assert all(quantity >= 15.0 - 1e-6 for quantity in plan.production["quantity"])
    assert plan.products["delivered"].sum() == pytest.approx(16.0)
    assert plan.summary["prices"][0] == "lots_fixed"
    assert "lots fixed" in plan.summary["text_en"][0]
    assert 0.0 <= plan.summary["gap"][0] < 1.0


def test_stability_keeps_hours_where_they_were_if_moving_them_earns_little() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0), line("L2", hours=10.0)),
        routes=(route("L1", "A", rate=2.0, margin=10.0), route("L2", "A", rate=2.0, margin=10.2)),
        demand=[[10.0, 10.0]],
    )
    free = solve_plan(problem)
    assert free.production["line_id"].unique().to_list() == ["L2"]
    previous = free.production.with_columns(pl.lit("L1").alias("line_id"))
    held = solve_plan(replace(problem, options=PlanOptions(stability_cost=1.0)), previous=previous)
    assert held.production["line_id"].unique().to_list() == ["L1"]
    assert held.summary["value"][0] == pytest.approx(200.0)  # the price on change is not part of the value
    moved = solve_plan(replace(problem, options=PlanOptions(stability_cost=0.1)), previous=previous)
    assert moved.production["line_id"].unique().to_list() == ["L2"]


def test_a_product_whose_lines_stand_is_not_said_to_earn_too_little() -> None:
    closed = plan_problem(
        lines=(line("L1", hours=10.0), line("L2", hours=0.0)),
        products=(product("A"), product("B", opening_backlog=3.0)),
        routes=(route("L1", "A", rate=2.0), route("L2", "B", rate=2.0)),
        demand=[[12.0, 12.0], [4.0, 4.0]],
    )
    told = solve_plan(closed).mix.filter(product_id="B").row(0, named=True)
    assert told["advice"] == "no_hours"
    assert "no hours in the plan's weeks; 11.00 t" in told["text_en"]
    assert "没有可用工时" in told["text_zh"]
    assert (told["demand"], told["opening_backlog"], told["unmet"]) == pytest.approx((8.0, 3.0, 11.0))


def test_demand_and_opening_backlog_less_what_is_delivered_is_what_is_left() -> None:
    mix = solve_plan(random_problem(5)).mix
    left = (mix["demand"] + mix["opening_backlog"] - mix["delivered"]).clip(lower_bound=0.0)
    assert mix["unmet"].to_list() == pytest.approx(left.to_list())
