"""A plan that cannot be is explained by the fewest constraints to relax, and by how much each."""

from dataclasses import replace

import numpy as np
import pytest

from models.capacity.allocation.problem import CapKind, PlanCap, PlanOptions, PlanOrder, PlanProblem
from models.capacity.allocation.solve import solve_plan
from models.errors import PlanInfeasibleError, SolverTimeoutError
from tests.models.capacity.allocation.small_plans import WEEKS, line, plan_problem, product, route


def _refused(problem: PlanProblem) -> PlanInfeasibleError:
    with pytest.raises(PlanInfeasibleError) as caught:
        solve_plan(problem)
    return caught.value


def test_order_beyond_what_the_line_can_make_is_named_with_the_missing_hours_or_quantity() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0),),
        products=(product("A"),),
        routes=(route("L1", "A", rate=1.0),),
        demand=[[30.0, 0.0]],
        orders=(PlanOrder("O1", "A", WEEKS[0], 30.0),),
    )
    error = _refused(problem)
    assert len(error.relaxations) == 1
    [row] = error.relaxations
    assert (row["kind"], row["weeks"]) == ("order", (WEEKS[0],))
    assert row["amounts"] == pytest.approx((20.0,))
    assert "O1" in error.en
    assert "O1" in error.zh
    assert "推迟" in error.zh


def test_one_line_short_of_two_orders_is_one_relaxation_not_two() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0),),
        products=(product("A"), product("B")),
        routes=(route("L1", "A", rate=1.0), route("L1", "B", rate=1.0)),
        demand=[[12.0, 0.0], [12.0, 0.0]],
        orders=(PlanOrder("O1", "A", WEEKS[0], 12.0), PlanOrder("O2", "B", WEEKS[0], 12.0)),
    )
    error = _refused(
        problem
    )  # slipping one order frees 12 h at most and 14 are short: only hours alone suffice
    assert [(row["kind"], row["id"]) for row in error.relaxations] == [("line_hours", "L1")]
    assert error.relaxations[0]["amounts"] == pytest.approx((14.0,))


def test_a_line_is_not_told_to_run_more_hours_than_its_shifts_leave() -> None:
    full = replace(line("L1", hours=80.0), planned_hours=np.array([168.0, 160.0]))
    problem = plan_problem(
        lines=(full,),
        products=(product("A"), product("B")),
        routes=(route("L1", "A", rate=1.0), route("L1", "B", rate=1.0)),
        demand=[[50.0, 0.0], [50.0, 0.0]],
        orders=(PlanOrder("O1", "A", WEEKS[0], 50.0), PlanOrder("O2", "B", WEEKS[0], 50.0)),
    )
    assert full.room.tolist() == pytest.approx([0.0, 4.0])
    assert {row["kind"] for row in _refused(problem).relaxations} == {"order"}
    free = replace(problem, lines=(line("L1", hours=80.0),))
    [row] = [row for row in _refused(free).relaxations if row["kind"] in {"line_hours", "order"}]
    assert row["amounts"] == pytest.approx((20.0,))


def test_an_order_is_not_met_with_what_was_delivered_before() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0),),
        products=(product("A", backlog_cost=None),),
        routes=(route("L1", "A", rate=1.0),),
        demand=[[5.0, 30.0]],
        orders=(PlanOrder("O1", "A", WEEKS[1], 30.0),),
    )
    [row] = _refused(problem).relaxations
    assert (row["kind"], row["amounts"]) == ("order", pytest.approx((10.0,)))


def test_two_separate_faults_need_two_relaxations() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0), line("L2", hours=10.0)),
        products=(product("A", stock_floor=50.0), product("B", stock_floor=40.0)),
        routes=(route("L1", "A", rate=1.0), route("L2", "B", rate=1.0)),
        demand=[[1.0, 0.0], [1.0, 0.0]],
    )
    error = _refused(problem)
    assert len(error.relaxations) == 2
    assert "2" in error.en


def test_minimum_hours_that_overfill_the_stock_are_explained() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0, minimum=8.0),),
        products=(product("A", stock_ceiling=5.0),),
        routes=(route("L1", "A", rate=1.0),),
        demand=[[1.0, 0.0]],
    )
    error = _refused(problem)
    assert len(error.relaxations) == 1
    assert error.relaxations[0]["kind"] in {"stock_ceiling", "minimum_hours"}


def test_cap_below_what_the_minimum_hours_use_is_explained_in_its_own_unit() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0, minimum=8.0),),
        products=(product("A"),),
        routes=(route("L1", "A", rate=1.0, energy=2.0),),
        demand=[[8.0, 8.0]],
        caps=(PlanCap("grid", CapKind.ENERGY, 10.0),),
    )
    error = _refused(problem)
    assert len(error.relaxations) == 1
    row = error.relaxations[0]
    expected = {"cap": (6.0, 6.0), "minimum_hours": (3.0, 3.0)}[str(row["kind"])]
    assert row["amounts"] == pytest.approx(expected)


def test_minimum_lot_that_no_order_can_wait_for_is_named() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0),),
        products=(product("A", stock_ceiling=0.0),),
        routes=(route("L1", "A", rate=1.0, minimum_lot=6.0),),
        demand=[[4.0, 0.0]],
        orders=(PlanOrder("O1", "A", WEEKS[0], 4.0),),
        options=PlanOptions(minimum_lots=True),
    )
    error = _refused(problem)
    assert len(error.relaxations) == 1
    assert error.relaxations[0]["kind"] in {"minimum_lot", "order", "stock_ceiling"}
    solve_plan(replace(problem, options=PlanOptions(minimum_lots=False)))


def test_relaxing_as_told_makes_the_plan_possible() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0),),
        products=(product("A"),),
        routes=(route("L1", "A", rate=1.0),),
        demand=[[30.0, 0.0]],
        orders=(PlanOrder("O1", "A", WEEKS[0], 30.0),),
    )
    late = float(_refused(problem).relaxations[0]["amounts"][0])  # type: ignore[index]
    solve_plan(replace(problem, orders=(PlanOrder("O1", "A", WEEKS[0], 30.0 - late - 1e-6),)))
    with pytest.raises(PlanInfeasibleError):
        solve_plan(replace(problem, orders=(PlanOrder("O1", "A", WEEKS[0], 30.0 - late + 0.1),)))


def test_no_time_is_refused_with_what_to_do() -> None:
    with pytest.raises(SolverTimeoutError) as caught:
        solve_plan(plan_problem(), time_limit_seconds=0)
    assert "fewer weeks" in caught.value.en
    assert "时限" in caught.value.zh
