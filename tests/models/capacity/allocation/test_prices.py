"""Shadow prices are what one more unit is worth: right in sign and size against solving again."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.capacity.allocation.problem import CapKind, PlanCap, PlanLine, PlanOptions, PlanProblem
from models.capacity.allocation.solve import solve_plan
from tests.models.capacity.allocation.small_plans import line, plan_problem, product, random_problem, route

_STEP = 1e-3
_SEEDS = range(12)


def _value(problem: PlanProblem) -> float:
    return float(solve_plan(problem).summary["value"][0])


def _bump(values: np.ndarray | None, week: int, step: float) -> np.ndarray:
    assert values is not None
    changed = values.copy()
    changed[week] += step
    return changed


def _line_column(column: str) -> Callable[[PlanProblem, str, int, float], PlanProblem]:
    def change(problem: PlanProblem, name: str, week: int, step: float) -> PlanProblem:
        return replace(
            problem, lines=tuple(_longer(each, column, name, (week, step)) for each in problem.lines)
        )

    return change


def _longer(each: PlanLine, column: str, name: str, change: tuple[int, float]) -> PlanLine:
    if each.line_id != name:
        return each
    if column == "hours":
        return replace(each, hours=_bump(each.hours, *change))
    if column == "overtime_hours":
        return replace(each, overtime_hours=_bump(each.overtime_hours, *change))
    return replace(each, minimum_hours=_bump(each.minimum_hours, *change))


def _demand(problem: PlanProblem, name: str, week: int, step: float) -> PlanProblem:
    place = next(at for at, each in enumerate(problem.products) if each.product_id == name)
    demand = problem.demand.copy()
    demand[place, week] += step
    return replace(problem, demand=demand)


def _order(problem: PlanProblem, name: str, week: int, step: float) -> PlanProblem:
    orders = [
        replace(each, quantity=each.quantity + step)
        if each.product_id == name and each.week == problem.weeks[week]
        else each
        for each in problem.orders
    ]
    return replace(problem, orders=tuple(orders))


_CHANGES: dict[str, Callable[[PlanProblem, str, int, float], PlanProblem]] = {
    "line_hours": _line_column("hours"),
    "overtime_hours": _line_column("overtime_hours"),
    "minimum_hours": _line_column("minimum_hours"),
    "demand": _demand,
    "order": _order,
}


def _tightened(kind: str, seed: int) -> PlanProblem:
    """Return a random problem in which constraints of the kind bind."""
    problem = random_problem(seed)
    if kind == "order":
        return replace(
            problem, orders=tuple(replace(each, quantity=each.quantity + 6) for each in problem.orders)
        )
    if kind == "overtime_hours":
        return replace(
            problem, caps=(), lines=tuple(replace(each, overtime_cost=1.0) for each in problem.lines)
        )
    if kind == "minimum_hours":
        lines = tuple(replace(each, minimum_hours=0.9 * each.hours) for each in problem.lines)
        products = tuple(replace(each, stock_ceiling=None, holding_cost=3.0) for each in problem.products)
        return replace(problem, caps=(), lines=lines, products=products, demand=0.4 * problem.demand)
    return problem


@pytest.mark.parametrize("kind", sorted(_CHANGES))
def test_price_is_what_solving_again_with_a_little_more_or_less_earns(kind: str) -> None:
    compared = 0
    for seed in _SEEDS:
        problem = _tightened(kind, seed)
        plan = solve_plan(problem)
        base = plan.summary["value"][0]
        for row in plan.binding.filter(kind=kind).head(4).iter_rows(named=True):
            name, week = row["line_id"] or row["product_id"], problem.weeks.index(row["week"])
            more = (_value(_CHANGES[kind](problem, name, week, _STEP)) - base) / _STEP
            less = (base - _value(_CHANGES[kind](problem, name, week, -_STEP))) / _STEP
            tolerance = 2e-3 * max(abs(more), abs(less), 1.0)
            assert more - tolerance <= row["shadow_price"] <= less + tolerance, row
            compared += 1
    assert compared >= 6


@pytest.mark.parametrize("kind", ["line_hours", "demand"])
def test_what_has_no_price_is_worth_nothing_more(kind: str) -> None:
    for seed in _SEEDS:
        problem = random_problem(seed)
        plan = solve_plan(problem)
        priced = set(plan.binding.filter(kind=kind).select("line_id", "product_id", "week").iter_rows())
        lines = [each.line_id for each in problem.lines] if kind == "line_hours" else []
        free = [(name, week) for name in lines for week in problem.weeks if (name, None, week) not in priced]
        for name, week in free[:2]:
            more = _value(_CHANGES[kind](problem, name, problem.weeks.index(week), _STEP))
            assert more == pytest.approx(plan.summary["value"][0], rel=1e-9, abs=1e-3 * _STEP * 1000)


def test_cap_and_stock_ceiling_and_floor_prices_agree_with_solving_again() -> None:
    seen = {"cap": 0, "stock_ceiling": 0, "stock_floor": 0}
    for seed in _SEEDS:
        problem = replace(
            random_problem(seed),
            caps=(PlanCap("grid", CapKind.ENERGY, 38.0),),
            products=tuple(
                replace(each, stock_ceiling=9.0, stock_floor=1.0, holding_cost=0.01)
                for each in random_problem(seed).products
            ),
        )
        plan = solve_plan(problem)
        for kind in seen:
            rows = plan.binding.filter(kind=kind)
            for name in rows["product_id"].unique(maintain_order=True).to_list()[:2]:
                of = rows.filter(pl.col("product_id").eq_missing(pl.lit(name)))
                total = float(
                    of["shadow_price"].sum()
                )  # a cap, floor or ceiling is one number over the weeks
                more = (_value(_moved(problem, kind, name, _STEP)) - plan.summary["value"][0]) / _STEP
                less = (plan.summary["value"][0] - _value(_moved(problem, kind, name, -_STEP))) / _STEP
                tolerance = 5e-3 * max(abs(more), abs(less), 1.0)
                assert more - tolerance <= total <= less + tolerance, (kind, name, total)
                seen[kind] += 1
    assert min(seen.values()) >= 2, seen


def _moved(problem: PlanProblem, kind: str, name: str | None, step: float) -> PlanProblem:
    if kind == "cap":
        return replace(problem, caps=tuple(replace(cap, limit=cap.limit + step) for cap in problem.caps))
    products = []
    for each in problem.products:
        if each.product_id == name and kind == "stock_floor":
            products.append(replace(each, stock_floor=each.stock_floor + step))
        elif each.product_id == name:
            products.append(replace(each, stock_ceiling=(each.stock_ceiling or 0.0) + step))
        else:
            products.append(each)
    return replace(problem, products=tuple(products))


def test_price_of_a_degenerate_optimum_lies_between_one_less_and_one_more() -> None:
    problem = plan_problem(  # exactly as many hours as are needed: one more earns nothing, one less costs 20
        lines=(line("L1", hours=10.0),),
        products=(product("A", backlog_cost=None),),
        routes=(route("L1", "A", rate=2.0),),
        demand=[[20.0, 20.0]],
    )
    plan = solve_plan(problem)
    hours = plan.lines["shadow_price"].to_list()
    asked = plan.binding.filter(kind="demand").rows_by_key("week", named=True, unique=True)
    for week, price in zip(problem.weeks, hours, strict=True):
        assert -1e-6 <= price <= 20.0 + 1e-4
        demand = asked[week]["shadow_price"] if week in asked else 0.0
        assert price / 2.0 + demand == pytest.approx(10.0, rel=1e-3)  # an hour's two units share their margin


def test_prices_with_minimum_lots_are_those_of_the_lots_held_fixed() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0),),
        products=(product("A", backlog_cost=None), product("B", backlog_cost=None)),
        routes=(
            route("L1", "A", rate=1.0, minimum_lot=6.0),
            route("L1", "B", rate=1.0, margin=7.0, minimum_lot=3.0),
        ),
        demand=[[6.0, 6.0], [9.0, 9.0]],
        options=PlanOptions(minimum_lots=True),
    )
    plan = solve_plan(problem)
    assert plan.binding.filter(kind="line_hours")["shadow_price"].to_list() == pytest.approx(
        [7.0, 7.0], rel=1e-4
    )
