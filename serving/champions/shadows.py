"""Which answers are offered to challengers: scores, published forecasts of demand, forecasts of lines."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from features.timeline import read_frequency
from serving.access.caller import Caller
from serving.champions.families import CAPACITY, CREDIT, demand_family
from serving.champions.shadow import Shadow
from serving.champions.shadow_tasks import Compared, Figures, ShadowTask, compare_figures, score_task
from serving.credit.score.schemas import ScoreRequest
from serving.ledger.answered import Answered
from serving.ledger.chain import Json

if TYPE_CHECKING:
    from serving.capacity.schemas import CapacityForecastAnswer, CapacityForecastRequest
    from serving.demand.schemas import ForecastAnswer, ForecastRequest
    from serving.parts import Parts

__all__ = ["Shadows"]


class Shadows:
    """Offers what was answered and written down to the family's challenger, where there is one."""

    def __init__(self, parts: "Parts", shadow: Shadow) -> None:
        self._parts, self._shadow = parts, shadow

    def score(self, request: ScoreRequest, caller: Caller, record: Mapping[str, Json]) -> None:
        """Offer a score by its record."""
        challenger = self._parts.credit.challenger
        if challenger is not None:
            self._shadow.offer(score_task(CREDIT, challenger, request, caller, record))

    def demand(self, request: "ForecastRequest", caller: Caller, answered: Answered) -> None:
        """Offer an answer from a published run of forecasts."""
        from serving.demand.desk import DemandDesk  # noqa: PLC0415 - the desk knows of switches, these of the desk
        from serving.demand.schemas import ForecastAnswer  # noqa: PLC0415

        answer, desk = answered.body, self._parts.demand
        if not isinstance(answer, ForecastAnswer) or not desk.store.challengers:
            return
        freq = desk.run(request.freq).info.freq
        challenger = desk.store.challengers.get(freq)
        if challenger is None:
            return
        beside = DemandDesk(
            replace(desk.store, board=None, latest={freq: challenger}, challengers={}, choices={}),
            desk.overrides,
            limits=desk.limits,
            clock=desk.clock,
            new_id=desk.new_id,
        )
        self._offer(
            demand_family(read_frequency(str(freq))),
            challenger.info.run_id,
            answer.run_id or "",
            answer.decision_id,
            champion=_of_demand(answer),
            challenger=lambda: _of_demand(beside.forecast(request, caller).body),
        )

    def capacity(self, request: "CapacityForecastRequest", caller: Caller, answered: Answered) -> None:
        """Offer an answer from the published run of capacity."""
        from serving.capacity.desk import CapacityDesk  # noqa: PLC0415 - as above
        from serving.capacity.schemas import CapacityForecastAnswer  # noqa: PLC0415

        answer, desk = answered.body, self._parts.capacity.desk
        challenger = desk.store.challenger
        if challenger is None or not isinstance(answer, CapacityForecastAnswer):
            return
        beside = CapacityDesk(
            replace(desk.store, board=None, latest=challenger, challenger=None, choice=None),
            desk.profiles,
            limits=desk.limits,
            clock=desk.clock,
            new_id=desk.new_id,
        )
        self._offer(
            CAPACITY,
            challenger.info.run_id,
            answer.run_id or "",
            answer.decision_id,
            champion=_of_capacity(answer),
            challenger=lambda: _of_capacity(beside.forecast(request, caller).body),
        )

    def _offer(
        self,
        family: str,
        version: str,
        champion_version: str,
        decision_id: str,
        *,
        champion: Figures,
        challenger: Callable[[], Figures],
    ) -> None:
        def compare() -> Compared:
            return compare_figures(champion, challenger())

        weight = sum(len(one) for one in champion.values()) + 64
        self._shadow.offer(ShadowTask(family, version, champion_version, decision_id, compare, weight=weight))


def _of_demand(answer: "ForecastAnswer | object") -> Figures:
    series = getattr(answer, "series", ())
    return {one.unique_id: np.array([point.forecast for point in one.points]) for one in series}


def _of_capacity(answer: "CapacityForecastAnswer | object") -> Figures:
    lines = getattr(answer, "lines", ())
    return {one.line_id: np.array([point.forecast for point in one.points]) for one in lines}
