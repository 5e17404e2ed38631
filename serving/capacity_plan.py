"""Make plans of production of the newest run: small ones at once, large ones in a job; the last good plan stays."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import polars as pl
from sqlalchemy import Connection

from graph.errors import UserError
from models.capacity.allocation.problem import Objective, PlanOptions, PlanProblem
from models.capacity.published.plan_record import (
    FailedPlan,
    PlanInfo,
    PlanRecord,
    latest_plan_id,
    new_plan_id,
    note_failure,
    read_plan,
    write_plan,
)
from models.capacity.published.problem_of_run import Counting, problem_with_notes
from models.capacity.published.run_info import FOLDER_NAME, Note
from serving.answered import Answered, write_answer
from serving.capacity import CapacityDesk
from serving.capacity_solving import Solved, Solving
from serving.capacity_store import LoadedCapacity, info_of_run
from serving.demand_scope import Planner
from serving.errors import DeadlineError, OutsideScopeError, UnknownAnswerError
from serving.job_desk import JobDesk
from serving.job_worker import Outcome, Progress
from serving.jobs import Job
from serving.kept_answers import KeptAnswer, KeptAnswers
from serving.ledger import Ledger
from serving.plan_answers import counted, plan_answer, plan_said, record_answer
from serving.plan_schemas import PlanAnswer, PlanRequest
from serving.planner_api import Abandoned
from serving.roles import ALL_COMPANIES

__all__ = ["KIND", "PlanDesk", "PlanLimits", "PlanMaker"]

KIND: Final = "capacity/plan"
_LATEST: Final = "latest"
Keep: TypeAlias = Callable[[Connection], None]


@dataclass(frozen=True)
class PlanLimits:
    """From which size (routes times weeks) on a plan is a job, and how long the solver may take."""

    now_size: int
    now_seconds: float
    job_seconds: float


@dataclass(frozen=True, eq=False)
class Posed:
    """A plan's problem, what was left out of it, and what it was posed by."""

    problem: PlanProblem
    notes: Sequence[Note]
    loaded: LoadedCapacity
    companies: tuple[str, ...] | None

    @property
    def size(self) -> int:
        """Return routes times weeks."""
        return len(self.problem.routes) * len(self.problem.weeks)


class PlanMaker:
    """Poses the problem that a request means, and solves it."""

    def __init__(self, desk: CapacityDesk, solving: Solving, limits: PlanLimits) -> None:
        self.desk, self.solving, self.limits = desk, solving, limits

    def pose(self, request: PlanRequest, planner: Planner) -> Posed:
        """Return the problem of a request within the key's companies.

        Raises OutsideScopeError, NotReadyError, PlanError and what the problem refuses.
        """
        loaded = self.desk.run()
        companies = scope_of(request, planner)
        objective = request.objective or ("group" if planner.sees_all else "company")
        problem, notes = problem_with_notes(
            loaded.run,
            objective=Objective(objective),
            weeks=request.weeks,
            companies=companies,
            counting=Counting(capacity=request.capacity, demand=request.demand),
            options=PlanOptions(
                overtime=request.overtime,
                caps=request.caps,
                minimum_lots=request.minimum_lots,
                stability_cost=request.stability_cost,
            ),
        )
        return Posed(problem, notes, loaded, companies)

    def as_job(self, request: PlanRequest, posed: Posed, *, times: int = 1) -> bool:
        """Tell whether a request (of so many plans) is a job: as it says, else by size; minimum lots are never quick."""
        if request.as_job is not None:
            return request.as_job
        return request.minimum_lots or times * posed.size > self.limits.now_size


class PlanDesk:
    """Makes, keeps and gives back plans."""

    def __init__(
        self, maker: PlanMaker, ledger: Ledger, kept: KeptAnswers, *, jobs: Callable[[], JobDesk]
    ) -> None:
        self._maker, self._ledger, self._kept, self._jobs = maker, ledger, kept, jobs

    def plan(self, request: PlanRequest, planner: Planner, abandoned: Abandoned) -> Answered:
        """Make a plan at once, or take it as a job.

        Raises what posing raises, PlanInfeasibleError, SolverTimeoutError, JobQueueFullError; the last good plan stays.
        """
        posed = self._maker.pose(request, planner)
        if self._maker.as_job(request, posed):
            return self._jobs().submit(KIND, request, planner)
        answered, keep = self._made(request, planner, posed, self._maker.limits.now_seconds)
        if abandoned():  # the caller was told that it took too long
            raise DeadlineError(self._maker.limits.now_seconds)
        self._ledger.append([answered.record], beside=keep)
        return answered

    def run_job(self, job: Job, progress: Progress) -> Outcome:
        """Make the plan of a job."""
        request = PlanRequest.model_validate_json(job.request)
        posed = self._maker.pose(request, job.planner)
        progress(0.1)
        answered, keep = self._made(request, job.planner, posed, self._maker.limits.job_seconds)
        progress(0.95)
        answer_id = str(getattr(answered.body, "plan_id", ""))
        return Outcome(answer_id, answered.record, keep)

    def _made(
        self, request: PlanRequest, planner: Planner, posed: Posed, seconds: float
    ) -> tuple[Answered, Keep]:
        desk, now = self._maker.desk, self._maker.desk.clock()
        before = self._last(posed.companies)
        try:
            solved = self._maker.solving(posed.problem, seconds=seconds, before=before)
        except UserError as error:
            self._note_failure(error, posed, before, now)
            raise
        info = _info(request, posed, solved, before, now)
        answer = plan_answer(
            info,
            posed.loaded.info,
            solved,
            planner,
            notes=desk.notes(posed.loaded, now, whole=posed.companies is None),
            decision_id=desk.new_id(),
        )
        answered = desk.answered(KIND, answer, request, planner, said=plan_said(answer), at=now)
        return answered, self._keeping(answered, info, solved, planner)

    def _keeping(self, answered: Answered, info: PlanInfo, solved: Solved, planner: Planner) -> Keep:
        """Return what writes the plan beside its record: the answer, and the plan for whoever reads the folder."""
        plan, root = solved.plan, self._maker.desk.store.plans
        moved = pl.DataFrame() if solved.difference is None else solved.difference.production
        record = PlanRecord(info, plan.production, plan.products, plan.binding, plan.summary, moved)
        kept = KeptAnswer(
            answer_id=info.plan_id,
            kind=KIND,
            scope=f"{KIND}:{','.join(info.companies or (ALL_COMPANIES,))}",
            companies=info.companies or (ALL_COMPANIES,),
            key_id=planner.call.key_id,
            kept_at=info.issued_at,
            body=answered.text,
        )

        def keep(connection: Connection) -> None:
            self._kept.keep(connection, kept)
            write_plan(root, record)

        return keep

    def _note_failure(self, error: UserError, posed: Posed, before: PlanRecord | None, now: datetime) -> None:
        """Write down that a plan of the whole group failed; the last good one stays."""
        if posed.companies is None:
            note_failure(
                self._maker.desk.store.plans,
                FailedPlan(
                    attempted_at=now,
                    run_id=posed.loaded.info.run_id,
                    error=type(error).__name__,
                    zh=error.zh,
                    en=error.en,
                    still_in_force=None if before is None else before.info.plan_id,
                ),
            )

    def read(self, plan_id: str, planner: Planner) -> Answered:
        """Give a plan back, `latest` the last good one of the key's scope. Raises UnknownAnswerError."""
        desk, now = self._maker.desk, self._maker.desk.clock()
        if plan_id == _LATEST:
            scope = None if planner.sees_all else tuple(sorted(planner.companies))
            plan_id = latest_plan_id(desk.store.plans, companies=scope) or plan_id
        found = self._read(plan_id, planner)
        summary = (
            found.summary if planner.sees_all else found.summary.model_copy(update={"value_group": None})
        )
        changed = {"request_id": planner.call.request_id, "decision_id": desk.new_id(), "summary": summary}
        answer = found.model_copy(update=changed)
        asked = {"plan_id": plan_id}
        return write_answer("capacity/plans", answer, asked, planner, said=plan_said(answer), at=now)

    def _read(self, plan_id: str, planner: Planner) -> PlanAnswer:
        """Return a plan of this service as it was answered, one of the command line as its record says."""
        try:
            return PlanAnswer.model_validate_json(self._kept.get(plan_id, KIND, planner).body)
        except UnknownAnswerError:
            return self._recorded(plan_id, planner)

    def _recorded(self, plan_id: str, planner: Planner) -> PlanAnswer:
        store = self._maker.desk.store
        if not FOLDER_NAME.fullmatch(plan_id) or not (store.plans / plan_id).is_dir():
            raise UnknownAnswerError(plan_id)
        record = read_plan(store.plans / plan_id)
        companies = record.info.companies or (ALL_COMPANIES,)
        if not planner.sees_all and not all(planner.sees(one) for one in companies):
            raise UnknownAnswerError(plan_id)
        return record_answer(record, info_of_run(store.root, record.info.run_id), planner, decision_id="")

    def _last(self, companies: tuple[str, ...] | None) -> PlanRecord | None:
        """Return the last good plan of the same scope; one that cannot be read is not compared with."""
        root = self._maker.desk.store.plans
        try:
            plan_id = latest_plan_id(root, companies=companies)
            return None if plan_id is None else read_plan(root / plan_id)
        except UserError:
            return None


def scope_of(request: PlanRequest, planner: Planner) -> tuple[str, ...] | None:
    """Return the companies of a plan, None for all. Raises OutsideScopeError.

    What the group as a whole earns is planned over all of its companies, with a key for all of them.
    """
    if request.companies is not None:
        for company in request.companies:
            planner.require(company)
    if planner.sees_all:
        return None if request.companies is None else tuple(sorted(set(request.companies)))
    if request.objective == "group":
        raise OutsideScopeError(planner.companies)
    return tuple(sorted(set(request.companies or planner.companies)))


def _info(
    request: PlanRequest, posed: Posed, solved: Solved, before: PlanRecord | None, now: datetime
) -> PlanInfo:
    run, summary = posed.loaded.info, solved.plan.summary
    return PlanInfo(
        plan_id=new_plan_id(now, uuid.uuid4().hex[:8]),
        issued_at=now,
        run_id=run.run_id,
        data_as_of=run.data_as_of,
        demand_run_id=run.demand_run_id,
        objective=posed.problem.objective.value,
        weeks=posed.problem.weeks,
        companies=posed.companies,
        capacity=counted(None if request.capacity is None else 1 - request.capacity),
        demand=counted(request.demand),
        status="optimal",
        objective_value=float(summary["value"][0]),
        before=None if before is None else before.info.plan_id,
        notes=tuple(posed.notes),
    )
