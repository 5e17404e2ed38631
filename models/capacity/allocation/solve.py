"""Make the plan: solve the program, with minimum lots where asked, and lay out what it says."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.capacity.allocation.columns import reduced_costs, solve_by_columns
from models.capacity.allocation.frames import (
    binding_frame,
    line_frame,
    product_frame,
    production_frame,
    weekly_frame,
)
from models.capacity.allocation.instance import BoolArray, Instance, instance_of
from models.capacity.allocation.lots import solve_with_lots
from models.capacity.allocation.mix import mix_frame, route_frame
from models.capacity.allocation.plan import Plan
from models.capacity.allocation.prices import prices_of
from models.capacity.allocation.problem import Objective, PlanProblem
from models.capacity.allocation.program import Columns, Program, all_columns
from models.capacity.allocation.quantities import Money, Quantities, money_of, quantities_of
from models.capacity.allocation.relax import explain
from models.capacity.allocation.solver import Deadline, Infeasible, Solution
from models.capacity.allocation.wording import amount

__all__ = ["TIME_LIMIT_SECONDS", "solve_plan"]

TIME_LIMIT_SECONDS: Final = 60.0


@dataclass(frozen=True, eq=False)
class _Optimum:
    """A program, its optimum with duals, and how far it may be from the best (of its size)."""

    program: Program
    solution: Solution
    gap: float
    lots: bool


def solve_plan(
    problem: PlanProblem,
    *,
    time_limit_seconds: float = TIME_LIMIT_SECONDS,
    previous: pl.DataFrame | None = None,
    giving: Collection[str] = (),
) -> Plan:
    """Return the plan that earns the objective's scope most; the same for the same problem in any order.

    maximise  sum(best margin x delivered) - sum((best margin - margin of the route) x made)
              - holding x stock - backlog cost x backlog - overtime cost x overtime
    subject to stock before + made = delivered + stock, floor <= stock <= ceiling, hours <= line's hours + overtime,
    minimum hours, caps, orders delivered in their week, and minimum lots where asked (then mixed integer).

    Args:
        problem: lines, products, routes, demand, orders, caps, objective, options.
        time_limit_seconds: wall clock for all solving, the explanation of an infeasible plan too (which takes at least
            a few seconds where it is needed).
        previous: `production` of the last plan, from which `options.stability_cost` holds the new one back.
        giving: kinds of constraints (of `Kind`) to look among first for what to relax, where there is no plan; all else.

    Raises:
        PlanInfeasibleError: no plan meets all constraints; names the fewest to relax and by how much.
        SolverTimeoutError: no plan within the time.
        UnboundedPlanError: something may be earned without limit (the checks of the problem should prevent it).
    """
    deadline = Deadline.after(time_limit_seconds)
    deadline.left()
    instance = instance_of(problem)
    try:
        optimum = _optimum(problem, instance, _columns(problem, instance, previous), deadline)
    except Infeasible:
        raise explain(problem, instance, deadline, giving) from None
    return _plan(problem, instance, optimum)


def _optimum(problem: PlanProblem, instance: Instance, columns: Columns, deadline: Deadline) -> _Optimum:
    program, solution, missed = solve_by_columns(instance, columns, deadline)
    bound = solution.cost - missed
    lots = bool((instance.minimum_lot > 0).any())
    if lots:
        program, solution, bound = solve_with_lots(
            program, solution, missed, problem.options.mip_gap, deadline
        )
    size = max(abs(program.whole - solution.cost), 1e-9)
    return _Optimum(program, solution, max(solution.cost - bound, 0.0) / size, lots)


def _columns(problem: PlanProblem, instance: Instance, previous: pl.DataFrame | None) -> Columns:
    """Return all columns; with a price on change, hours kept as they were are cheaper and others dearer by it."""
    columns = all_columns(instance)
    cost = problem.options.stability_cost
    if not cost or previous is None:
        return columns
    before = _hours_before(problem, instance, previous)
    had = before[columns.route, columns.week]
    again: BoolArray = had > 0
    return Columns(
        np.concatenate([columns.route, columns.route[again]]),
        np.concatenate([columns.week, columns.week[again]]),
        np.concatenate([np.full(len(had), cost), np.full(int(again.sum()), -cost)]),
        np.concatenate([columns.most, had[again]]),
    )


def _hours_before(problem: PlanProblem, instance: Instance, previous: pl.DataFrame) -> np.ndarray:
    lines = {name: at for at, name in enumerate(instance.line_ids)}
    products = {name: at for at, name in enumerate(instance.product_ids)}
    place = {
        (int(line), int(product)): at
        for at, (line, product) in enumerate(zip(instance.of_line, instance.of_product, strict=True))
    }
    weeks = {week: at for at, week in enumerate(problem.weeks)}
    before = np.zeros_like(instance.good)
    for line, product, week, hours in previous.select("line_id", "product_id", "week", "hours").iter_rows():
        route = place.get((lines.get(line, -1), products.get(product, -1)))
        if route is not None and week in weeks:
            before[route, weeks[week]] += hours
    return before


def _plan(problem: PlanProblem, instance: Instance, optimum: _Optimum) -> Plan:
    program, solution, weeks = optimum.program, optimum.solution, problem.weeks
    quantities = quantities_of(program, solution.x)
    prices = prices_of(program, solution)
    money = money_of(instance, quantities)
    routes = route_frame(instance, quantities, prices, reduced_costs(program, solution))
    units = {product.product_id: product.unit for product in problem.products}
    return Plan(
        production=production_frame(instance, quantities, weeks),
        products=product_frame(instance, quantities, weeks),
        lines=line_frame(instance, quantities, prices, weeks),
        binding=binding_frame(problem, instance, prices),
        routes=routes,
        mix=mix_frame(instance, quantities, routes, [units[name] for name in instance.product_ids]),
        weekly=weekly_frame(instance, money, weeks),
        summary=_summary(problem, instance, optimum, quantities, money),
    )


def _summary(
    problem: PlanProblem, instance: Instance, optimum: _Optimum, quantities: Quantities, money: Money
) -> pl.DataFrame:
    values = dict(zip(Objective, money.values.tolist(), strict=True))
    value = values[problem.objective]
    used, available = float(quantities.used(instance).sum()), float(instance.hours.sum())
    zh, en = _in_words(problem, value, used / available if available else 0.0, optimum)
    return pl.DataFrame(
        {
            "objective": [problem.objective.value],
            "value": [value],
            "value_line": [values[Objective.LINE]],
            "value_company": [values[Objective.COMPANY]],
            "value_group": [values[Objective.GROUP]],
            "margin": [float(money.margins[instance.scope].sum())],
            "holding_cost": [float(money.holding.sum())],
            "backlog_cost": [float(money.backlog.sum())],
            "overtime_cost": [float(money.overtime.sum())],
            "hours": [available],
            "used": [used],
            "overtime": [float(quantities.overtime.sum())],
            "gap": [optimum.gap],
            "method": [optimum.solution.method],
            "prices": ["lots_fixed" if optimum.lots else "linear"],
            "text_zh": [zh],
            "text_en": [en],
        }
    )


_SCOPE_ZH: Final = {Objective.LINE: "产线", Objective.COMPANY: "公司", Objective.GROUP: "集团"}


def _in_words(problem: PlanProblem, value: float, load: float, optimum: _Optimum) -> tuple[str, str]:
    scope, weeks = problem.objective, len(problem.weeks)
    zh = f"{weeks} 周计划，按{_SCOPE_ZH[scope]}口径收益 {amount(value)} 元，产线工时利用 {load:.0%}。"
    en = f"Plan of {weeks} weeks: {amount(value)} CNY as the {scope.value} counts it, {load:.0%} of the lines' hours used."
    if optimum.lots:
        zh += f"含最小批量，距最优不超过 {optimum.gap:.2%}；影子价格按已选批量固定后计算。"
        en += f" With minimum lots, at most {optimum.gap:.2%} below the best; shadow prices hold with the chosen lots fixed."
    return zh, en
