"""Put those who answer about capacity together from the settings."""

import os
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from models.capacity.profiles.profile_files import load_profiles
from models.capacity.scenarios.scenario_files import load_scenarios
from serving.capacity.desk import CapacityDesk, CapacityLimits
from serving.capacity.line_forecast import forecast_lines
from serving.capacity.parts import CapacityParts
from serving.capacity.payload import CapacityPayloadDesk, CapacityPayloadLimits
from serving.capacity.plan import KIND, PlanDesk, PlanLimits, PlanPoser
from serving.capacity.run_store import CapacityStore
from serving.capacity.scenario import SCENARIO_KIND, CapacityScenarioDesk
from serving.capacity.solving import plan_now, solve_now
from serving.jobs.desk import JobDesk
from serving.jobs.store import JobLimits, JobStore
from serving.jobs.worker import JobWorker
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.kept_answers import KeptAnswers
from serving.settings import ServiceSettings

__all__ = ["capacity_parts"]

_ANSWERS = {KIND: "/v1/capacity/plans/{}", SCENARIO_KIND: "/v1/capacity/scenarios/{}"}
_POLL = "/v1/capacity/jobs/{}"


def capacity_parts(
    settings: ServiceSettings,
    database: Database,
    ledger: Ledger,
    *,
    turn: Callable[[], AbstractContextManager[None]],
) -> CapacityParts:
    """Return the desks; `turn` lets one computation of LightGBM run at a time."""
    desk = CapacityDesk(
        CapacityStore(settings.capacity),
        load_profiles(settings.profiles),
        limits=CapacityLimits(settings.answer_series_limit, settings.stale_run_days),
        clock=_now,
        new_id=_new_id,
    )
    seconds = PlanLimits(settings.plan_now_size, settings.plan_now_seconds, settings.plan_job_seconds)
    poser = PlanPoser(desk, seconds)
    limits = JobLimits(settings.jobs_waiting, settings.job_silence_seconds)
    store = JobStore(database, ledger, limits, clock=_now)
    plans = PlanDesk(poser, plan_now, ledger, jobs=lambda: jobs)
    scenarios = CapacityScenarioDesk(
        poser, solve_now, load_scenarios(), ledger=ledger, kept=KeptAnswers(database), jobs=lambda: jobs
    )
    worker = JobWorker(
        store,
        ledger,
        {KIND: plans.run_job, SCENARIO_KIND: scenarios.run_job},
        name=f"{os.getpid()}-{_new_id()}",
    )
    jobs = JobDesk(store, wake=worker.wake, answers=_ANSWERS, poll=_POLL, clock=_now, new_id=_new_id)
    payloads = CapacityPayloadDesk(
        desk,
        forecast_lines,
        CapacityPayloadLimits(settings.payload_lines_limit, settings.payload_line_rows_limit),
        turn=turn,
    )
    return CapacityParts(desk, payloads, plans, scenarios, jobs, worker)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return uuid.uuid4().hex
