"""Hold scenarios against the base plan of the newest run: side by side, none replaces a plan."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl
from sqlalchemy import Connection

from models.capacity.scenarios.scenario import Scenario
from serving.access.caller import Caller
from serving.access.roles import ALL_COMPANIES
from serving.capacity.answers import capacity_stamp, stamp_said
from serving.capacity.plan import PlanPoser, Posed
from serving.capacity.plan_answers import summary_of
from serving.capacity.quality import capacity_quality, told
from serving.capacity.scenario_schemas import (
    CapacityScenarioAnswer,
    CapacityScenarioRequest,
    ScenarioSide,
)
from serving.capacity.sides import Futures, applied_to, side_of
from serving.capacity.solving import Solving
from serving.http.answering import Abandoned
from serving.http.errors import DeadlineError
from serving.jobs.desk import JobDesk
from serving.jobs.kinds import Outcome, Progress
from serving.jobs.store import Job
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json, Ledger
from serving.ledger.errors import UnknownAnswerError
from serving.ledger.kept_answers import KeptAnswer, KeptAnswers
from serving.ledger.quality_codes import quality_codes
from serving.schemas import Note

if TYPE_CHECKING:
    from models.capacity.allocation.plan import Plan
    from models.capacity.scenarios.apply import Applied
    from models.capacity.scenarios.shortfall_changes import ShortfallPair

__all__ = ["SCENARIO_KIND", "CapacityScenarioDesk"]

SCENARIO_KIND: Final = "capacity/scenario"
_UNVERIFIED: Final = Note(
    code="scenario_unverified",
    text_zh="有情景的数值尚未经业务确认，仅供推演。",
    text_en="Nobody of the business has confirmed the numbers of some scenarios.",
)


_NO_FUTURES: Final = Note(
    code="shortfalls_left_out",
    text_zh="未推演缺口：只有全集团的计划、且批次含需求时才能推演。",
    text_en="Shortfalls were left out: they need a plan of the whole group and a run with demand.",
)
_COUNT: Final = 1000  # futures drawn with and without each scenario


class CapacityScenarioDesk:
    """Answers scenarios; every one is planned on the same problem as the base."""

    def __init__(
        self,
        poser: PlanPoser,
        solving: Solving,
        scenarios: Sequence[Scenario],
        *,
        ledger: Ledger,
        kept: KeptAnswers,
        jobs: JobDesk,
    ) -> None:
        self._poser, self._solving, self._scenarios = poser, solving, scenarios
        self._ledger, self._kept, self._jobs = ledger, kept, jobs

    def scenario(self, request: CapacityScenarioRequest, planner: Caller, abandoned: Abandoned) -> Answered:
        """Answer at once, or take the question as a job: each scenario is a plan more.

        Raises what a plan raises, CapacityScenarioError for what the plan does not know.
        """
        posed, wanted = self._poser.pose(request, planner), self._wanted(request)
        for one in wanted:
            applied_to(one, posed.problem)  # what cannot be is said now, not by the job
        if self._poser.as_job(request, posed, times=1 + len(wanted)):
            return self._jobs.submit(SCENARIO_KIND, request, planner)
        seconds = self._poser.limits.now_seconds
        answered, keep = self._made(request, planner, posed, lambda _share: seconds)
        if abandoned():  # the caller was told that it took too long
            raise DeadlineError(seconds)
        self._ledger.append([answered.record], beside=keep)
        return answered

    def run_job(self, job: Job, progress: Progress) -> Outcome:
        """Answer the scenarios of a job."""
        request = CapacityScenarioRequest.model_validate_json(job.request)

        def seconds(share: float) -> float:
            progress(share)
            return self._poser.limits.job_seconds

        posed = self._poser.pose(request, job.planner)
        answered, keep = self._made(request, job.planner, posed, seconds)
        return Outcome(str(getattr(answered.body, "scenario_id", "")), answered.record, keep)

    def read(self, scenario_id: str, planner: Caller) -> Answered:
        """Give an answer back as it was made. Raises UnknownAnswerError."""
        desk = self._poser.desk
        kept = self._kept.get(scenario_id, SCENARIO_KIND, planner)
        found = CapacityScenarioAnswer.model_validate_json(kept.body)
        if found.objective == "group" and not planner.sees_all:  # its figures are what the group earns
            raise UnknownAnswerError(scenario_id)
        base = found.base if planner.sees_all else found.base.model_copy(update={"value_group": None})
        changed = {"request_id": planner.call.request_id, "decision_id": desk.new_id(), "base": base}
        answer = found.model_copy(update=changed)
        asked = {"scenario_id": scenario_id}
        return write_answer("capacity/scenarios", answer, asked, planner, said=_said(answer), at=desk.clock())

    def _wanted(self, request: CapacityScenarioRequest) -> list[Scenario]:
        """Return the scenarios of a request. Raises CapacityScenarioError listing those there are."""
        from models.capacity.scenarios.scenario_files import scenario_named  # noqa: PLC0415 - late, as the rest

        stored = tuple(self._scenarios)
        named = [scenario_named(name, stored) for name in request.names]
        own = [
            Scenario(
                name=one.name,
                zh=one.name,
                en=one.name,
                source="request",
                verified=True,
                parts=tuple(one.parts),
            )
            for one in request.scenarios
        ]
        return [*named, *own]

    def _made(
        self,
        request: CapacityScenarioRequest,
        planner: Caller,
        posed: Posed,
        seconds: Callable[[float], float],
    ) -> tuple[Answered, Callable[[Connection], None]]:
        desk, now, wanted = self._poser.desk, self._poser.desk.clock(), self._wanted(request)
        solved, base, eased = self._solving(posed.problem, seconds=seconds(0.05), relax=request.relax)
        posed = replace(posed, problem=solved, notes=[*posed.notes, *eased])
        futures = _futures(posed) if request.shortfalls else None
        solve = partial(self._solving, relax=request.relax)
        given: list[Note] = []
        sides = [
            side_of(
                one, posed, (base, futures), partial(solve, seconds=seconds(place / (1 + len(wanted)))), given
            )
            for place, one in enumerate(wanted, start=1)
        ]
        notes = [
            *desk.notes(posed.loaded.info, now, whole=posed.companies is None),
            *told(posed.notes),
            *given,
            *([] if all(one.verified for one in sides) else [_UNVERIFIED]),
            *([_NO_FUTURES] if request.shortfalls and futures is None else []),
        ]
        answer = self._answer(request, planner, posed, now, base=base.summary, sides=sides, notes=notes)
        answered = write_answer(SCENARIO_KIND, answer, request, planner, said=_said(answer), at=now)
        kept = _kept(answered, answer, planner, now)
        return answered, lambda connection: self._kept.keep(connection, kept)

    def _answer(
        self,
        request: CapacityScenarioRequest,
        planner: Caller,
        posed: Posed,
        now: datetime,
        *,
        base: pl.DataFrame,
        sides: list[ScenarioSide],
        notes: list[Note],
    ) -> CapacityScenarioAnswer:
        desk = self._poser.desk
        return CapacityScenarioAnswer(
            **capacity_stamp(posed.loaded.info).model_dump(),
            request_id=planner.call.request_id,
            decision_id=desk.new_id(),
            scenario_id=desk.new_id(),
            planned_at=now,
            objective=posed.problem.objective.value,
            companies=None if posed.companies is None else list(posed.companies),
            weeks=list(posed.problem.weeks),
            capacity=_counted(request.capacity),
            demand=_counted(request.demand),
            quality=capacity_quality(notes),
            base=summary_of(base, planner),
            scenarios=sides,
        )


def _futures(posed: Posed) -> "Futures | None":
    """Return how shortfalls are simulated; None for some companies alone, or where the run has nothing to draw from."""
    from models.capacity.published.shortfall_of_run import setting_of_run  # noqa: PLC0415 - only where it is asked for
    from models.capacity.scenarios.shortfall_changes import shortfalls_of  # noqa: PLC0415
    from models.capacity.shortfall.dependence import dependence_of_json  # noqa: PLC0415

    run = posed.loaded.run
    setting = setting_of_run(run, weeks=posed.problem.weeks) if run.dependence else None
    if posed.companies is not None or setting is None:
        return None
    dependence = dependence_of_json(json.dumps(dict(run.dependence)))

    def simulated(result: "Applied", before: "Plan", after: "Plan") -> "ShortfallPair":
        plans = (before.production, after.production)
        return shortfalls_of(result, setting, dependence, count=_COUNT, seed=run.info.seed, plans=plans)

    return simulated


def _kept(answered: Answered, answer: CapacityScenarioAnswer, planner: Caller, now: datetime) -> KeptAnswer:
    companies = answer.companies or [ALL_COMPANIES]
    return KeptAnswer(
        answer_id=answer.scenario_id,
        kind=SCENARIO_KIND,
        scope=f"{SCENARIO_KIND}:{','.join(companies)}",
        companies=companies,
        key_id=planner.call.key_id,
        kept_at=now,
        body=answered.text,
    )


def _said(answer: CapacityScenarioAnswer) -> dict[str, Json]:
    return {
        **stamp_said(answer),
        "scenario_id": answer.scenario_id,
        "objective": answer.objective,
        "companies": answer.companies,
        "quality": quality_codes(answer.quality),
        "base": answer.base.value,
        "scenarios": {
            one.name: {
                "problem": one.problem.code if one.problem else None,
                "measures": {f"{it.measure} {it.unit}": [it.base, it.scenario] for it in one.measures},
            }
            for one in answer.scenarios
        },
    }


def _counted(probability: float | None) -> str:
    return "expected" if probability is None else f"{probability:g}"
