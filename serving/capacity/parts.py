"""Those who answer about capacity."""

from dataclasses import dataclass

from serving.capacity.desk import CapacityDesk
from serving.capacity.payload import CapacityPayloadDesk
from serving.capacity.plan import PlanDesk
from serving.capacity.scenario import CapacityScenarioDesk
from serving.jobs.desk import JobDesk

__all__ = ["CapacityParts"]


@dataclass(frozen=True)
class CapacityParts:
    """The desks of capacity."""

    desk: CapacityDesk
    payloads: CapacityPayloadDesk
    plans: PlanDesk
    scenarios: CapacityScenarioDesk
    jobs: JobDesk
