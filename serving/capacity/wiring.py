"""Put those who answer about capacity together from the settings."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from models.capacity.profiles.profile_files import load_profiles
from models.capacity.scenarios.scenario_files import load_scenarios
from serving.access.roles import Role
from serving.capacity.desk import CapacityDesk, CapacityLimits
from serving.capacity.line_forecast import forecast_lines
from serving.capacity.parts import CapacityParts
from serving.capacity.payload import CapacityPayloadDesk, CapacityPayloadLimits
from serving.capacity.plan import KIND, PlanDesk, PlanLimits, PlanPoser
from serving.capacity.run_store import CapacityStore
from serving.capacity.scenario import SCENARIO_KIND, CapacityScenarioDesk
from serving.capacity.solving import plan_now, solve_now
from serving.champions.switches import SwitchBoard
from serving.clock import utc_now
from serving.jobs.kinds import JobKind
from serving.jobs.wiring import Jobs
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.kept_answers import KeptAnswers
from serving.random_bytes import new_id
from serving.settings import ServiceSettings

__all__ = ["capacity_parts"]

_PLANS: Final = frozenset({Role.PLANNER})
_READS: Final = frozenset({Role.AUDITOR, Role.DATA_SCIENTIST})


def capacity_parts(
    settings: ServiceSettings,
    database: Database,
    ledger: Ledger,
    jobs: Jobs,
    *,
    turn: Callable[[], AbstractContextManager[None]],
    board: SwitchBoard,
) -> CapacityParts:
    """Return the desks; `turn` lets one computation of LightGBM run at a time."""
    desk = CapacityDesk(
        CapacityStore(settings.capacity, board=board),
        load_profiles(settings.profiles),
        limits=CapacityLimits(
            settings.answer_series_limit, settings.stale_run_days, settings.stale_policy_capacity
        ),
        clock=utc_now,
        new_id=new_id,
    )
    seconds = PlanLimits(settings.plan_now_size, settings.plan_now_seconds, settings.plan_job_seconds)
    poser = PlanPoser(desk, seconds)
    plans = PlanDesk(poser, plan_now, ledger, jobs=jobs.desk)
    scenarios = CapacityScenarioDesk(
        poser, solve_now, load_scenarios(), ledger=ledger, kept=KeptAnswers(database), jobs=jobs.desk
    )
    for kind, run, result in (
        (KIND, plans.run_job, "/v1/capacity/plans/{answer_id}"),
        (SCENARIO_KIND, scenarios.run_job, "/v1/capacity/scenarios/{answer_id}"),
    ):
        jobs.kinds.register(kind, JobKind(run, result, roles=_PLANS, readers=_READS))
    payloads = CapacityPayloadDesk(
        desk,
        forecast_lines,
        CapacityPayloadLimits(settings.payload_lines_limit, settings.payload_line_rows_limit),
        turn=turn,
    )
    return CapacityParts(desk, payloads, plans, scenarios, jobs.desk)
