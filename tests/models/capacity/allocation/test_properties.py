"""What holds in every plan: balances close, hours are within limits, order of the input does not matter."""

import random
from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.capacity.allocation.plan import Plan
from models.capacity.allocation.problem import Objective, PlanOptions, PlanProblem
from models.capacity.allocation.solve import solve_plan
from tests.models.capacity.allocation.small_plans import random_problem

_Value = TypeVar("_Value")
_SEEDS = st.integers(0, 10_000)
_FEW = settings(max_examples=20)


@_FEW
@given(_SEEDS)
def test_balances_close_and_bounds_hold(seed: int) -> None:
    problem = random_problem(seed)
    plan = solve_plan(problem)
    for product, group in plan.products.group_by("product_id", maintain_order=True):
        of = next(each for each in problem.products if each.product_id == product[0])
        stock = np.concatenate([[of.opening_stock], group["stock"].to_numpy()])
        backlog = np.concatenate([[of.opening_backlog], group["backlog"].to_numpy()])
        made, delivered = group["production"].to_numpy(), group["delivered"].to_numpy()
        assert stock[1:] == pytest.approx(stock[:-1] + made - delivered, abs=1e-6)
        assert stock[1:].min() >= of.stock_floor - 1e-6
        assert stock[1:].max() <= (of.stock_ceiling or np.inf) + 1e-6
        asked = group["demand"].to_numpy() + (np.eye(len(made))[0] * of.opening_backlog)
        if of.backlog_cost is None:
            assert delivered + group["lost"].to_numpy() == pytest.approx(asked, abs=1e-6)
        else:
            assert backlog[1:] == pytest.approx(
                backlog[:-1] + group["demand"].to_numpy() - delivered, abs=1e-6
            )
        assert (np.cumsum(delivered) >= np.cumsum(group["ordered"].to_numpy()) - 1e-6).all()
        assert delivered.min() >= 0


@_FEW
@given(_SEEDS)
def test_lines_stay_within_their_hours_and_only_make_what_they_can(seed: int) -> None:
    problem = random_problem(seed)
    plan = solve_plan(problem)
    assert (plan.lines["used"] <= plan.lines["hours"] + plan.lines["overtime"] + 1e-6).all()
    assert (plan.lines["overtime"] <= plan.lines["overtime_hours"] + 1e-9).all()
    assert (plan.lines["used"] >= plan.lines["minimum_hours"] - 1e-6).all()
    routes = {(route.line_id, route.product_id) for route in problem.routes}
    assert set(plan.production.select("line_id", "product_id").iter_rows()) <= routes
    energy = {(route.line_id, route.product_id): route.energy_per_unit for route in problem.routes}
    used = plan.production.with_columns(
        pl.Series("energy", [energy[row[:2]] * row[4] for row in plan.production.iter_rows()])
    )
    assert used.group_by("week").agg(pl.col("energy").sum())["energy"].max() <= 45.0 + 1e-6  # type: ignore[operator]


@_FEW
@given(_SEEDS, st.randoms(use_true_random=False))
def test_order_of_the_input_does_not_matter(seed: int, shuffle: random.Random) -> None:
    problem = random_problem(seed)
    places = list(range(len(problem.products)))
    shuffle.shuffle(places)

    def mixed(values: tuple[_Value, ...]) -> tuple[_Value, ...]:
        return tuple(shuffle.sample(values, len(values)))

    other = replace(
        problem,
        lines=mixed(problem.lines),
        products=tuple(problem.products[at] for at in places),
        demand=problem.demand[places],
        routes=mixed(problem.routes),
        orders=mixed(problem.orders),
    )
    _assert_same(solve_plan(problem), solve_plan(other))


def _assert_same(one: Plan, other: Plan) -> None:
    for name in ("production", "products", "lines", "binding", "routes", "mix", "weekly", "summary"):
        assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def _under(problem: PlanProblem, objective: Objective) -> dict[str, float]:
    return solve_plan(replace(problem, objective=objective)).summary.row(0, named=True)


@_FEW
@given(_SEEDS)
def test_each_scope_does_best_by_its_own_plan(seed: int) -> None:
    problem = random_problem(seed)
    plans = {objective: _under(problem, objective) for objective in Objective}
    for objective, own in plans.items():
        column = f"value_{objective.value}"
        assert own["value"] == own[column]
        for other in plans.values():
            assert own[column] >= other[column] - 1e-5 * abs(own[column])


def test_group_plan_earns_the_group_more_where_transfer_prices_mislead_a_line() -> None:
    problem = random_problem(3)
    group, local = _under(problem, Objective.GROUP), _under(problem, Objective.LINE)
    assert group["value_group"] > local["value_group"] * 1.01
    assert local["value_line"] > group["value_line"]


@_FEW
@given(_SEEDS)
def test_summary_adds_up(seed: int) -> None:
    plan = solve_plan(random_problem(seed))
    row = plan.summary.row(0, named=True)
    assert row["value"] == pytest.approx(
        row["margin"] - row["holding_cost"] - row["backlog_cost"] - row["overtime_cost"], rel=1e-9
    )
    assert plan.weekly["contribution"].sum() == pytest.approx(row["value"], rel=1e-9)
    assert plan.weekly["cumulative"][-1] == pytest.approx(row["value"], rel=1e-9)


@settings(max_examples=5)
@given(_SEEDS)
def test_minimum_lots_hold_and_never_earn_more_than_the_plan_without(seed: int) -> None:
    problem = random_problem(seed)
    lots = replace(
        problem,
        routes=tuple(replace(route, minimum_lot=3.0) for route in problem.routes),
        options=PlanOptions(minimum_lots=True, mip_gap=1e-6),
    )
    free, plan = solve_plan(problem), solve_plan(lots)
    assert (plan.production["quantity"] >= 3.0 - 1e-6).all()
    row = plan.summary.row(0, named=True)
    assert row["value"] <= free.summary["value"][0] + 1e-5 * abs(row["value"])
    assert row["gap"] <= 1e-4
