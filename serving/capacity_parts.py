"""Those who answer about capacity, and the thread that runs its jobs."""

from dataclasses import dataclass

from serving.capacity import CapacityDesk
from serving.capacity_payload import CapacityPayloadDesk
from serving.capacity_plan import PlanDesk
from serving.capacity_scenario import CapacityScenarioDesk
from serving.job_desk import JobDesk
from serving.job_worker import JobWorker

__all__ = ["CapacityParts"]


@dataclass(frozen=True)
class CapacityParts:
    """The desks of capacity."""

    desk: CapacityDesk
    payloads: CapacityPayloadDesk
    plans: PlanDesk
    scenarios: CapacityScenarioDesk
    jobs: JobDesk
    worker: JobWorker
