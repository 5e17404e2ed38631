"""Make plans of production of the newest run: small ones at once, large ones in a job; the last good plan stays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlalchemy import Connection

from models.capacity.allocation.problem import Objective, PlanOptions, PlanProblem
from models.capacity.published.plan_record import (
    PlanInfo,
    PlanRecord,
    failed_after,
    latest_plan_id,
    list_plans,
    read_plan,
    write_plan,
)
from models.capacity.published.problem_of_run import Counting, problem_with_notes
from models.capacity.published.run_info import FOLDER_NAME, Note
from serving.access.caller import Caller
from serving.access.errors import OutsideScopeError
from serving.capacity.desk import CapacityDesk
from serving.capacity.plan_answers import plan_answer, plan_said
from serving.capacity.plan_schemas import PlanAnswer, PlanRequest
from serving.capacity.run_store import LoadedCapacity, info_of_run
from serving.capacity.solving import Planning
from serving.http.answering import Abandoned
from serving.http.errors import DeadlineError
from serving.jobs.desk import JobDesk
from serving.jobs.kinds import Outcome, Progress
from serving.jobs.store import Job
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Ledger
from serving.ledger.errors import UnknownAnswerError
from serving.schemas import Note as AnswerNote

if TYPE_CHECKING:
    from models.capacity.published.planning import PlanRequest as PlanOrder

__all__ = ["KIND", "PlanDesk", "PlanLimits", "PlanPoser", "Posed", "scope_of"]

KIND: Final = "capacity/plan"
_LATEST: Final = "latest"
_GROUP: Final = "group"
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
    objective: Objective

    @property
    def size(self) -> int:
        """Return routes times weeks."""
        return len(self.problem.routes) * len(self.problem.weeks)


class PlanPoser:
    """Poses the problem that a request means, within the key's companies."""

    def __init__(self, desk: CapacityDesk, limits: PlanLimits) -> None:
        self.desk, self.limits = desk, limits

    def pose(self, request: PlanRequest, planner: Caller) -> Posed:
        """Return the problem. Raises OutsideScopeError, NotReadyError, PlanError and what the problem refuses."""
        loaded = self.desk.run()
        companies = scope_of(request, planner)
        objective = Objective(request.objective or ("group" if planner.sees_all else "company"))
        problem, notes = problem_with_notes(
            loaded.run,
            objective=objective,
            weeks=request.weeks,
            companies=companies,
            counting=Counting(capacity=request.capacity, demand=request.demand),
            options=PlanOptions(
                overtime=request.overtime,
                caps=request.caps,
                minimum_lots=request.minimum_lots,
                stability_cost=request.stability_cost,
            ),
            profiles=self.desk.profiles,
            minimum_runs=request.minimum_runs,
        )
        return Posed(problem, notes, loaded, companies, objective)

    def as_job(self, request: PlanRequest, posed: Posed, *, times: int = 1) -> bool:
        """Tell whether a request (of so many plans) is a job: as it says, else by size; minimum lots are never quick."""
        if request.as_job is not None:
            return request.as_job
        return request.minimum_lots or times * posed.size > self.limits.now_size


class PlanDesk:
    """Makes, keeps and gives back plans."""

    def __init__(self, poser: PlanPoser, planning: Planning, ledger: Ledger, *, jobs: JobDesk) -> None:
        self._poser, self._planning, self._ledger, self._jobs = poser, planning, ledger, jobs

    def plan(self, request: PlanRequest, planner: Caller, abandoned: Abandoned) -> Answered:
        """Make a plan at once, or take it as a job.

        Raises what posing raises, PlanInfeasibleError, SolverTimeoutError, JobQueueFullError; the last good plan stays.
        """
        posed, seconds = self._poser.pose(request, planner), self._poser.limits.now_seconds
        if self._poser.as_job(request, posed):
            return self._jobs.submit(KIND, request, planner)
        answered, keep, _ = self._made(request, planner, posed, seconds)
        if abandoned():  # the caller was told that it took too long
            raise DeadlineError(seconds)
        self._ledger.append([answered.record], beside=keep)
        return answered

    def run_job(self, job: Job, progress: Progress) -> Outcome:
        """Make the plan of a job."""
        request = PlanRequest.model_validate_json(job.request)
        posed = self._poser.pose(request, job.planner)
        progress(0.1)
        answered, keep, plan_id = self._made(request, job.planner, posed, self._poser.limits.job_seconds)
        progress(0.95)
        return Outcome(plan_id, answered.record, keep)

    def _made(
        self, request: PlanRequest, planner: Caller, posed: Posed, seconds: float
    ) -> tuple[Answered, Keep, str]:
        """Return the answer, what keeps the plan beside the answer's record, and its id."""
        desk, now = self._poser.desk, self._poser.desk.clock()
        order, root = _order(request, posed, seconds), desk.store.plans
        planned = self._planning(
            posed.loaded.run, order, root=root, issued_at=now, profiles=self._poser.desk.profiles
        )
        record = planned.record
        answer = plan_answer(
            record,
            posed.loaded.info,
            planner,
            notes=desk.notes(posed.loaded.info, now, whole=planner.sees_all),
            decision_id=desk.new_id(),
            hide_change=self._before_is_the_groups(record, planner),
        )
        answered = write_answer(KIND, answer, request, planner, said=plan_said(answer), at=now)

        def keep(_connection: Connection) -> None:
            write_plan(root, record)

        return answered, keep, record.info.plan_id

    def read(self, plan_id: str, planner: Caller) -> Answered:
        """Give a plan back, `latest` the last good one of the key's scope. Raises UnknownAnswerError."""
        now, latest = self._poser.desk.clock(), plan_id == _LATEST
        if latest:
            plan_id = self._latest(planner) or plan_id
        answer = self._read(plan_id, planner, latest=latest)
        asked = {"plan_id": plan_id}
        return write_answer("capacity/plans", answer, asked, planner, said=plan_said(answer), at=now)

    def _read(self, plan_id: str, planner: Caller, *, latest: bool) -> PlanAnswer:
        """Return a plan of this service or of the command line, to a key for all of its companies.

        The `latest` says so where an attempt to replace it has failed since.
        """
        desk = self._poser.desk
        folder = desk.store.plans / plan_id
        if not FOLDER_NAME.fullmatch(plan_id) or not folder.is_dir():
            raise UnknownAnswerError(plan_id)
        record = read_plan(folder)
        if not _may_read(record.info, planner):
            raise UnknownAnswerError(plan_id)
        run = info_of_run(desk.store.root, record.info.run_id)
        failures = _failed_since(desk.store.plans, record.info, planner) if latest else []
        return plan_answer(
            record,
            run,
            planner,
            notes=[*desk.notes(run, desk.clock(), whole=planner.sees_all), *failures],
            decision_id=desk.new_id(),
            hide_change=self._before_is_the_groups(record, planner),
        )

    def _latest(self, planner: Caller) -> str | None:
        """Return the newest plan of exactly the key's companies that the key may read."""
        root = self._poser.desk.store.plans
        if planner.sees_all:
            return latest_plan_id(root)
        scope = tuple(sorted(planner.companies))
        mine = [one for one in list_plans(root) if one.companies == scope and one.scenario is None]
        return next((one.plan_id for one in reversed(mine) if _may_read(one, planner)), None)

    def _before_is_the_groups(self, record: PlanRecord, planner: Caller) -> bool:
        """Tell whether the plan compared with is valued as the group counts it, which the key may not see."""
        if planner.sees_all or record.info.before is None:
            return False
        return not _may_read(read_plan(self._poser.desk.store.plans / record.info.before).info, planner)


def _failed_since(root: Path, info: PlanInfo, planner: Caller) -> list[AnswerNote]:
    """Say so where the last attempt to replace a plan failed; what the group asked for is the group's to know."""
    failure = failed_after(root, info.issued_at, companies=info.companies)
    if failure is None or (failure.objective == _GROUP and not planner.sees_all):
        return []
    when = f"{failure.attempted_at:%Y-%m-%d %H:%M %Z}"
    return [
        AnswerNote(
            code="last_attempt_failed",
            text_zh=f"{when} 重新计划没有成功，此计划继续有效：{failure.zh}",
            text_en=f"Planning anew failed ({when}), this plan stays in force: {failure.en}",
        )
    ]


def _may_read(info: PlanInfo, planner: Caller) -> bool:
    """Tell whether a key is for all companies of a plan; what the group earns by it is the group's to know."""
    return planner.sees_all or (info.objective != _GROUP and planner.covers(info.companies))


def scope_of(request: PlanRequest, planner: Caller) -> tuple[str, ...] | None:
    """Return the companies of a plan, None for all. Raises OutsideScopeError.

    What the group as a whole earns is planned over all of its companies, with a key for all of them.
    """
    for company in request.companies or ():
        planner.require(company)
    if planner.sees_all:
        return None if request.companies is None else tuple(sorted(set(request.companies)))
    if request.objective == _GROUP:
        raise OutsideScopeError(planner.companies)
    return tuple(sorted(set(request.companies or planner.companies)))


def _order(request: PlanRequest, posed: Posed, seconds: float) -> "PlanOrder":
    """Return the request as the models take it."""
    from models.capacity.published.planning import PlanRequest as PlanOrder  # noqa: PLC0415 - imports SciPy's solver

    return PlanOrder(
        objective=posed.objective,
        companies=posed.companies,
        time_limit_seconds=seconds,
        **request.model_dump(
            include={
                *("weeks", "capacity", "demand", "overtime", "caps", "minimum_lots", "stability_cost"),
                *("minimum_runs", "relax"),
            }
        ),
    )
