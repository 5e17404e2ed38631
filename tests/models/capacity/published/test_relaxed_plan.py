"""Where no plan meets all constraints, orders and floors give way as little as can be, and no more than that."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.capacity.allocation.problem import PlanOptions, PlanOrder, PlanProblem
from models.capacity.allocation.solve import solve_plan
from models.capacity.published.relaxed_plan import solve_relaxed
from models.errors import PlanInfeasibleError
from tests.models.capacity.allocation.small_plans import (
    WEEKS,
    line,
    plan_problem,
    product,
    random_problem,
    route,
)


def _two_orders() -> PlanProblem:
    """Return a line of 10 units a week of which two orders want 12 of each in the first."""
    return plan_problem(
        lines=(line("L1", hours=10.0),),
        products=(product("A"), product("B")),
        routes=(route("L1", "A", rate=1.0), route("L1", "B", rate=1.0)),
        demand=[[12.0, 0.0], [12.0, 0.0]],
        orders=(PlanOrder("O1", "A", WEEKS[0], 12.0), PlanOrder("O2", "B", WEEKS[0], 12.0)),
    )


def test_only_what_is_missing_of_the_orders_of_a_line_gives_way() -> None:
    with pytest.raises(PlanInfeasibleError) as caught:
        solve_plan(_two_orders())
    assert {row["kind"] for row in caught.value.relaxations} == {"line_hours"}
    eased, plan, notes = solve_relaxed(_two_orders(), seconds=30)
    assert sum(one.quantity for one in eased.orders) == pytest.approx(10.0, rel=1e-4)
    assert np.array_equal(eased.demand, _two_orders().demand)
    assert [one.code for one in notes] == ["orders_relaxed"]
    assert plan.products["delivered"].sum() == pytest.approx(20.0)


def test_an_order_above_the_forecast_stays_asked_for_when_less_of_it_is_promised() -> None:
    problem = replace(_two_orders(), demand=np.array([[2.0, 0.0], [2.0, 0.0]]))
    eased, plan, _ = solve_relaxed(problem, seconds=30)
    assert eased.demand.tolist() == [[12.0, 0.0], [12.0, 0.0]]
    assert plan.products["demand"].sum() == pytest.approx(24.0)


def test_floors_give_way_and_a_plan_that_exists_is_left_alone() -> None:
    problem = plan_problem(products=(product("A", stock_floor=50.0),), demand=[[1.0, 0.0]])
    eased, plan, notes = solve_relaxed(problem, seconds=30)
    assert eased.products[0].stock_floor == pytest.approx(20.0, rel=1e-3)
    assert "50" in notes[0].en
    assert plan.products["stock"].to_numpy().min() >= eased.products[0].stock_floor - 1e-6
    same, _, none = solve_relaxed(plan_problem(), seconds=30)
    assert same.orders == plan_problem().orders
    assert not none


def test_what_orders_and_floors_cannot_mend_is_refused_with_what_would() -> None:
    full = plan_problem(
        lines=(line("L1", hours=10.0, minimum=8.0),),
        products=(product("A", stock_ceiling=5.0),),
        routes=(route("L1", "A", rate=1.0),),
        demand=[[1.0, 0.0]],
    )
    with pytest.raises(PlanInfeasibleError) as caught:
        solve_relaxed(full, seconds=30)
    assert caught.value.relaxations[0]["kind"] in {"stock_ceiling", "minimum_hours"}


@settings(max_examples=15)
@given(st.integers(0, 10_000))
@example(8417)  # HiGHS' presolve breaks off
def test_minimum_lots_never_earn_more_since_the_same_gives_way(seed: int) -> None:
    base = random_problem(seed)
    routes = tuple(replace(one, minimum_lot=4.0) for one in base.routes)
    orders = (PlanOrder("O1", "P1", base.weeks[0], 40.0), PlanOrder("O2", "P2", base.weeks[1], 40.0))
    problem = replace(base, routes=routes, orders=orders)
    whole, free, _ = solve_relaxed(problem, seconds=30)
    lots = replace(problem, options=PlanOptions(minimum_lots=True))
    kept, held, _ = solve_relaxed(lots, seconds=30)
    if [one.quantity for one in kept.orders] == [one.quantity for one in whole.orders] and (
        kept.products == whole.products
    ):
        assert held.summary["value"][0] <= free.summary["value"][0] + 1e-6 * abs(free.summary["value"][0])
    else:  # the lots themselves ask for more to give way
        assert sum(one.quantity for one in kept.orders) <= sum(one.quantity for one in whole.orders) + 1e-6
