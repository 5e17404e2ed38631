"""Plan where nothing meets all constraints: priority orders and stock floors give way, as little as can be, each named."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.capacity.allocation.plan import Plan
from models.capacity.allocation.prices import Kind
from models.capacity.allocation.problem import PlanOrder, PlanProblem, PlanProduct
from models.capacity.allocation.solve import solve_plan
from models.capacity.allocation.solver import Deadline
from models.capacity.allocation.wording import amount
from models.capacity.published.run_info import Note
from models.errors import PlanInfeasibleError

__all__ = ["solve_relaxed"]

_GIVING: Final = (Kind.ORDER.value, Kind.STOCK_FLOOR.value)
_MOST_ROUNDS: Final = 4
_ROOM: Final = 1e-6  # of an order or a floor: above the solver's rounding
_LEAST_SECONDS: Final = 0.1


def solve_relaxed(
    problem: PlanProblem, *, seconds: float, previous: pl.DataFrame | None = None
) -> tuple[PlanProblem, Plan, tuple[Note, ...]]:
    """Return the problem as it was solved, its plan and what gave way.

    The fewest orders and floors give way, of the sets of that size those relaxed least; demand stays as it is, an order
    is only promised less. What gives way is found without minimum lots first, so that a plan with them gives up the
    same, and more only where the lots themselves ask for it.

    Raises PlanInfeasibleError where orders and floors are not enough (it names what would be), SolverTimeoutError.
    """
    deadline = Deadline.after(seconds)
    eased = problem
    if problem.options.minimum_lots:
        linear = replace(problem, options=replace(problem.options, minimum_lots=False))
        eased = replace(_solved(linear, deadline, previous)[0], options=problem.options)
    eased, plan = _solved(eased, deadline, previous)
    return eased, plan, tuple(_given_way(problem, eased))


def _solved(
    problem: PlanProblem, deadline: Deadline, previous: pl.DataFrame | None
) -> tuple[PlanProblem, Plan]:
    for _ in range(_MOST_ROUNDS):
        try:
            return problem, _plan(problem, deadline, previous)
        except PlanInfeasibleError as error:
            eased = _eased(problem, error.relaxations)
            if eased is problem:
                raise
            problem = eased
    return problem, _plan(problem, deadline, previous)


def _plan(problem: PlanProblem, deadline: Deadline, previous: pl.DataFrame | None) -> Plan:
    left = max(deadline.left(), _LEAST_SECONDS)
    return solve_plan(problem, time_limit_seconds=left, previous=previous, giving=_GIVING)


def _eased(problem: PlanProblem, rows: Sequence[Mapping[str, object]]) -> PlanProblem:
    """Return the problem with orders and floors lower by what has to give way; itself where that is not enough."""
    if any(row["kind"] not in _GIVING for row in rows):
        return problem
    lower: dict[str, float] = {}
    orders = {one.order_id: one for one in problem.orders}
    for row in rows:
        amounts, late = row["amounts"], row["orders"]
        if not isinstance(amounts, tuple) or not isinstance(late, tuple):
            continue
        if row["kind"] == Kind.STOCK_FLOOR.value:
            lower[str(row["id"])] = max(float(one) for one in amounts)
        else:
            _shorten(orders, [str(one) for one in late], sum(float(one) for one in amounts))
    return replace(
        problem,
        products=tuple(_with_lower_floor(one, lower.get(one.product_id)) for one in problem.products),
        demand=_asked(problem),
        orders=tuple(one for one in orders.values() if one.quantity > 0),
    )


def _shorten(orders: dict[str, PlanOrder], late: Sequence[str], by: float) -> None:
    """Promise less of these orders, the last by id first."""
    for name in sorted(late, reverse=True):
        order = orders[name]
        less = min(by + _ROOM * order.quantity, order.quantity)
        orders[name] = replace(order, quantity=order.quantity - less if by < order.quantity else 0.0)
        by -= less
        if by <= 0:
            return


def _with_lower_floor(product: PlanProduct, by: float | None) -> PlanProduct:
    if by is None:
        return product
    return replace(product, stock_floor=max(product.stock_floor * (1 - _ROOM) - by, 0.0))


def _asked(problem: PlanProblem) -> NDArray[np.float64]:
    """Return demand (p, w) raised to the orders of the week, which are asked for also where they are not promised."""
    product_at = {one.product_id: at for at, one in enumerate(problem.products)}
    week_at = {week: at for at, week in enumerate(problem.weeks)}
    due = np.zeros_like(problem.demand)
    for order in sorted(problem.orders, key=lambda one: one.order_id):  # a sum in one order
        due[product_at[order.product_id], week_at[order.week]] += order.quantity
    return np.maximum(problem.demand, due)


def _given_way(before: PlanProblem, after: PlanProblem) -> list[Note]:
    """Name what gave way, with what is left of it."""
    kept = {one.order_id: one.quantity for one in after.orders}
    late = [
        f"{one.order_id} {amount(one.quantity)} → {amount(kept.get(one.order_id, 0.0))}"
        for one in before.orders
        if kept.get(one.order_id, 0.0) < one.quantity
    ]
    floors = [
        f"{one.product_id} {amount(old.stock_floor)} → {amount(one.stock_floor)}"
        for old, one in zip(before.products, after.products, strict=True)
        if one.stock_floor < old.stock_floor
    ]
    notes = []
    if late:
        notes.append(
            Note(
                code="orders_relaxed",
                zh=f"没有计划能满足全部约束：优先订单保证按期交付的数量减为 {'；'.join(late)}，其余只按需求交付。",
                en=f"No plan meets all constraints: of the priority orders less is promised by their week: "
                f"{'; '.join(late)}; the rest is served as demand is.",
            )
        )
    if floors:
        notes.append(
            Note(
                code="floors_relaxed",
                zh=f"没有计划能满足全部约束：库存下限放低 {'；'.join(floors)}。",
                en=f"No plan meets all constraints: stock floors are lowered: {'; '.join(floors)}.",
            )
        )
    return notes
