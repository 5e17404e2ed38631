"""Plan a published run and keep the plan: what is asked for, the difference to the last plan, and what a failure leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from models.capacity.allocation.difference import PlanDifference, difference
from models.capacity.allocation.plan import Plan
from models.capacity.allocation.problem import Objective, PlanOptions, PlanProblem, PlanProduct
from models.capacity.allocation.solve import TIME_LIMIT_SECONDS, solve_plan
from models.capacity.profiles.profile import Profile
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.plan_likeness import unlike_before
from models.capacity.published.plan_record import (
    FailedPlan,
    PlanInfo,
    PlanRecord,
    latest_plan_id,
    new_plan_id,
    note_failure,
    read_plan,
)
from models.capacity.published.problem_of_run import Counting, problem_with_notes
from models.capacity.published.run_info import Note
from models.errors import ModelError, PlanInfeasibleError

__all__ = ["PlanRequest", "Planned", "plan_of_record", "plan_run", "problem_asked", "solve_asked"]

_EXPECTED: Final = "expected"
_MOST_ROUNDS: Final = 4
_ROOM: Final = 1.0 + 1e-6  # above the solver's rounding


class PlanRequest(BaseModel):
    """What is planned: whose margin, which weeks and companies, what is counted on, what is heeded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    objective: Objective = Objective.GROUP
    weeks: int | tuple[date, ...] | None = None
    companies: tuple[str, ...] | None = None
    capacity: float | None = Field(
        default=None, gt=0, lt=1, description="the lines give at least this much with it"
    )
    demand: float | None = Field(default=None, gt=0, lt=1, description="quantile of demand that is served")
    overtime: bool = True
    caps: bool = True
    minimum_lots: bool = False
    minimum_runs: bool = Field(
        default=False, description="continuous lines run the least hours of a week that their profile names"
    )
    stability_cost: float = Field(
        default=0.0, ge=0, description="CNY an hour that differs from the last plan"
    )
    relax: bool = Field(
        default=False, description="where nothing meets all, let floors and priority orders give way"
    )
    time_limit_seconds: float = Field(default=TIME_LIMIT_SECONDS, gt=0)

    @property
    def counting(self) -> Counting:
        """Return what the plan counts on."""
        return Counting(capacity=self.capacity, demand=self.demand)

    @property
    def options(self) -> PlanOptions:
        """Return what the plan may use and heeds."""
        return PlanOptions(
            overtime=self.overtime,
            caps=self.caps,
            minimum_lots=self.minimum_lots,
            stability_cost=self.stability_cost,
        )


@dataclass(frozen=True, eq=False)
class Planned:
    """A plan with its problem and record; not yet written."""

    problem: PlanProblem
    plan: Plan
    record: PlanRecord
    difference: PlanDifference | None


def problem_asked(
    run: CapacityRun, request: PlanRequest, profiles: Mapping[str, Profile] | None = None
) -> tuple[PlanProblem, tuple[Note, ...]]:
    """Return the problem of a request and what was left out or assumed; see `problem_with_notes`."""
    return problem_with_notes(
        run,
        objective=request.objective,
        weeks=request.weeks,
        companies=request.companies,
        counting=request.counting,
        options=request.options,
        profiles=profiles,
        minimum_runs=request.minimum_runs,
    )


def plan_run(
    run: CapacityRun,
    request: PlanRequest,
    *,
    root: Path,
    issued_at: datetime,
    suffix: str,
    profiles: Mapping[str, Profile] | None = None,
) -> Planned:
    """Plan a run and compare with the last plan of the same companies in `root`; `write_plan` keeps the record.

    `profiles`: those of the lines' industries, by id.

    A plan that fails is noted in `root` (`failed_after`) with its error, which is raised; the last good plan and its
    pointer stay as they are. Raises PlanError (no demand, infeasible, out of time, ...), CapacityRunError, BundleError.
    """
    before = latest_plan_id(root, companies=request.companies)
    try:
        asked = problem_asked(run, request, profiles)
        last = None if before is None else read_plan(root / before)
        return _planned(run, request, asked, last, (issued_at, suffix))
    except ModelError as error:
        note_failure(
            root,
            FailedPlan(
                attempted_at=issued_at,
                run_id=run.info.run_id,
                error=type(error).__name__,
                zh=error.zh,
                en=error.en,
                still_in_force=before,
            ),
        )
        raise


def plan_of_record(record: PlanRecord) -> Plan:
    """Return the plan that a record keeps."""
    return Plan(
        production=record.production,
        products=record.products,
        lines=record.lines,
        binding=record.binding,
        routes=record.routes,
        mix=record.mix,
        weekly=record.weekly,
        summary=record.summary,
    )


def _planned(
    run: CapacityRun,
    request: PlanRequest,
    asked: tuple[PlanProblem, tuple[Note, ...]],
    before: PlanRecord | None,
    issued: tuple[datetime, str],
) -> Planned:
    (problem, notes), (issued_at, suffix) = asked, issued
    previous = None if before is None else before.production
    problem, plan, relaxed = solve_asked(problem, request, previous)
    changed = None if before is None else _changed(before, plan, request, relaxed)
    summary = plan.summary.row(0, named=True)
    info = PlanInfo(
        plan_id=new_plan_id(issued_at, suffix),
        issued_at=issued_at,
        run_id=run.info.run_id,
        data_as_of=run.info.data_as_of,
        demand_run_id=run.info.demand_run_id,
        objective=request.objective.value,
        weeks=problem.weeks,
        companies=request.companies,
        capacity=_counted(request.capacity),
        demand=_counted(request.demand),
        status=str(summary["method"]),
        objective_value=float(summary["value"]),
        before=None if before is None else before.info.plan_id,
        notes=(*notes, *relaxed),
    )
    return Planned(problem, plan, _record(info, plan, changed), changed)


def _changed(before: PlanRecord, plan: Plan, request: PlanRequest, relaxed: Sequence[Note]) -> PlanDifference:
    unlike = unlike_before(
        before.info, capacity=_counted(request.capacity), demand=_counted(request.demand), relaxed=relaxed
    )
    return difference(plan_of_record(before), plan, unlike=unlike)


def solve_asked(
    problem: PlanProblem, request: PlanRequest, previous: pl.DataFrame | None = None
) -> tuple[PlanProblem, Plan, tuple[Note, ...]]:
    """Return the problem as it was solved, its plan, and notes.

    Where asked to relax, the orders and floors that stand in the way give way, each named in a note.
    """
    notes: list[Note] = []
    for _ in range(_MOST_ROUNDS if request.relax else 0):
        try:
            return (
                problem,
                solve_plan(problem, time_limit_seconds=request.time_limit_seconds, previous=previous),
                tuple(notes),
            )
        except PlanInfeasibleError as error:
            changed = _relaxed(problem, error.relaxations)
            if changed is problem:
                raise
            notes += _given_way(problem, changed)
            problem = changed
    plan = solve_plan(problem, time_limit_seconds=request.time_limit_seconds, previous=previous)
    return problem, plan, tuple(notes)


def _relaxed(problem: PlanProblem, rows: Sequence[Mapping[str, object]]) -> PlanProblem:
    """Return the problem without the orders in the way, and with the floors in the way as low as they have to be.

    Hours cannot be made up: where a line lacks them, the orders due by then for what it makes give way, and floors that
    the stock at hand lies below.
    """
    late: set[str] = set()
    lower: dict[str, float] = {}
    for row in rows:
        orders, amounts, weeks = row["orders"], row["amounts"], row["weeks"]
        if row["kind"] == "order" and isinstance(orders, tuple):
            late.update(map(str, orders))
        elif row["kind"] == "stock_floor" and isinstance(amounts, tuple):
            lower[str(row["id"])] = max(float(one) for one in amounts)
        elif row["kind"] == "line_hours" and isinstance(weeks, tuple):
            made = {one.product_id for one in problem.routes if one.line_id == row["id"]}
            late |= {
                one.order_id for one in problem.orders if one.product_id in made and one.week <= max(weeks)
            }
            lower |= {
                one.product_id: max(one.stock_floor - one.opening_stock, lower.get(one.product_id, 0.0))
                for one in problem.products
                if one.product_id in made and one.stock_floor > one.opening_stock
            }
    orders_left = tuple(one for one in problem.orders if one.order_id not in late)
    if len(orders_left) == len(problem.orders) and not lower:
        return problem
    products = tuple(_with_lower_floor(one, lower.get(one.product_id, 0.0)) for one in problem.products)
    return replace(problem, products=products, orders=orders_left)


def _with_lower_floor(product: PlanProduct, by: float) -> PlanProduct:
    return replace(product, stock_floor=max(product.stock_floor - by * _ROOM, 0.0)) if by else product


def _given_way(before: PlanProblem, after: PlanProblem) -> list[Note]:
    """Name what gave way, floors with what is left of them."""
    kept = {one.order_id for one in after.orders}
    late = [one.order_id for one in before.orders if one.order_id not in kept]
    floors = [
        f"{one.product_id} {old.stock_floor:,.0f} → {one.stock_floor:,.0f}"
        for old, one in zip(before.products, after.products, strict=True)
        if one.stock_floor < old.stock_floor
    ]
    notes = []
    if late:
        notes.append(
            Note(
                code="orders_relaxed",
                zh=f"没有计划能满足全部约束：优先订单 {', '.join(late)} 不再保证按期交付，只按需求交付。",
                en=f"No plan meets all constraints: the priority orders {', '.join(late)} are no longer promised by their "
                "week and are served as demand is.",
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


def _counted(probability: float | None) -> str:
    return _EXPECTED if probability is None else f"{probability:g}"


def _record(info: PlanInfo, plan: Plan, changed: PlanDifference | None) -> PlanRecord:
    nothing = pl.DataFrame()
    return PlanRecord(
        info,
        production=plan.production,
        products=plan.products,
        binding=plan.binding,
        summary=plan.summary,
        lines=plan.lines,
        routes=plan.routes,
        mix=plan.mix,
        weekly=plan.weekly,
        difference=nothing if changed is None else changed.production,
        difference_products=nothing if changed is None else changed.products,
        difference_binding=nothing if changed is None else changed.binding,
        difference_summary=nothing if changed is None else changed.summary,
    )
