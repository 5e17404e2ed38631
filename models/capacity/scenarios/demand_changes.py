"""What parts of a scenario do to a plan's demand and caps."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from graph.ontology import Wording
from models.capacity.allocation.problem import PlanProblem
from models.capacity.scenarios.line_changes import weeks_in_words
from models.capacity.scenarios.scenario import CapChange, DemandChange
from models.capacity.scenarios.scope import Scope

__all__ = ["change_demand", "move_cap"]

FloatArray = NDArray[np.float64]


def change_demand(part: DemandChange, scope: Scope) -> tuple[PlanProblem, Wording]:
    """Change the demand of some products in some weeks; never below zero.

    Priority orders are firm and stay as they are, also where less demand is left than they ask for.
    Raises CapacityScenarioError for an amount over products of several units, and where no demand is left at all.
    """
    meant, span = scope.products(part), scope.span(part.first, part.weeks)
    touched = meant[:, None] & span[None, :]
    demand = scope.problem.demand
    if part.factor is not None:
        changed = np.where(touched, demand * part.factor, demand)
    else:
        changed = np.where(touched, _with_amount(part.amount or 0.0, demand, meant, scope), demand)
    _refuse_no_demand(scope, changed)
    return replace(scope.problem, demand=changed), _text(part, scope, span)


def move_cap(part: CapChange, scope: Scope) -> tuple[PlanProblem, Wording]:
    """Move a cap; where the plan leaves caps out so far, only this one counts."""
    place = scope.cap(part.cap)
    cap = scope.problem.caps[place]
    limit = cap.limit * part.factor if part.factor is not None else part.limit or 0.0
    moved = replace(cap, limit=limit)
    caps = tuple(moved if row == place else one for row, one in enumerate(scope.problem.caps))
    text = Wording(
        zh=f"限额 {cap.cap_id} 由每周 {cap.limit:g} 改为 {limit:g}", en=f"cap {cap.cap_id} moved from {cap.limit:g} to {limit:g} a week"
    )  # fmt: skip
    if scope.problem.options.caps:
        return replace(scope.problem, caps=caps), text
    return replace(scope.problem, caps=(moved,), options=replace(scope.problem.options, caps=True)), text


def _with_amount(amount: float, demand: FloatArray, meant: NDArray[np.bool_], scope: Scope) -> FloatArray:
    """Return demand with an amount more a week, shared out as demand is (equally where there is none), (p, w)."""
    units = sorted({one.unit for one, chosen in zip(scope.problem.products, meant, strict=True) if chosen})
    if len(units) > 1:
        raise scope.error(
            f"amount 涉及多种计量单位（{', '.join(units)}），无法分摊。请按产品或产品族分开给出，或改用 factor。",
            f"`amount` is for products of several units ({', '.join(units)}) and cannot be shared out. Give it by product or "
            "family, or give a factor.",
        )
    asked = np.where(meant[:, None], demand, 0.0)
    total = asked.sum(axis=0, keepdims=True)
    equal = np.where(meant[:, None], 1.0 / max(int(meant.sum()), 1), 0.0)
    share = np.divide(asked, total, out=np.broadcast_to(equal, demand.shape).copy(), where=total > 0)
    return np.asarray(np.maximum(demand + amount * share, 0.0), dtype=np.float64)


def _refuse_no_demand(scope: Scope, demand: FloatArray) -> None:
    owed = any(one.opening_backlog for one in scope.problem.products)
    if not demand.any() and not owed and not any(one.quantity for one in scope.problem.orders):
        raise scope.error(
            "改动后没有任何需求，无从计划。请给出较大的 factor 或 amount，或缩小范围。",
            "no demand is left, so there is nothing to plan. Give a larger factor or amount, or mean fewer products or weeks.",
        )


def _text(part: DemandChange, scope: Scope, span: NDArray[np.bool_]) -> Wording:
    named = [*part.products, *part.families, *part.companies]
    whose_zh, whose_en = (", ".join(named),) * 2 if named else ("全部产品", "all products")
    zh, en = weeks_in_words(scope, span)
    if part.factor is not None:
        change = f"{100 * (part.factor - 1):+.4g} %"
        return Wording(zh=f"{whose_zh}需求 {zh} {change}", en=f"demand for {whose_en} {change} {en}")
    return Wording(
        zh=f"{whose_zh}需求 {zh}每周 {part.amount:+g}",
        en=f"demand for {whose_en} {part.amount:+g} a week {en}",
    )
