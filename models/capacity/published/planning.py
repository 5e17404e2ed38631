"""Plan a published run and keep the plan: what is asked for, the difference to the last plan, and what a failure leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from models.capacity.allocation.difference import PlanDifference, difference
from models.capacity.allocation.plan import Plan
from models.capacity.allocation.problem import Objective, PlanOptions, PlanProblem
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
from models.capacity.published.relaxed_plan import solve_relaxed
from models.capacity.published.run_info import Note
from models.errors import ModelError

__all__ = ["PlanRequest", "Planned", "plan_of_record", "plan_run", "problem_asked", "solve_asked"]

_EXPECTED: Final = "expected"


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
                companies=request.companies,
                objective=request.objective.value,
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
    if request.relax:
        return solve_relaxed(problem, seconds=request.time_limit_seconds, previous=previous)
    plan = solve_plan(problem, time_limit_seconds=request.time_limit_seconds, previous=previous)
    return problem, plan, ()


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
