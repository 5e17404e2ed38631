"""HTTP of demand: forecasts, accuracy, overrides; each answer is written down before it is given."""

from collections.abc import Awaitable, Callable
from typing import Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from serving.access.roles import Role
from serving.demand.override_acts import list_overrides, make_override, withdraw_override
from serving.demand.override_schemas import (
    OverrideAnswer,
    OverrideHistory,
    OverrideHistoryQuery,
    OverrideRequest,
    OverrideWithdrawal,
)
from serving.demand.scenario_schemas import ScenarioAnswer, ScenarioRequest
from serving.demand.schemas import AccuracyAnswer, AccuracyQuery, ForecastAnswer, ForecastRequest
from serving.http.answering import AnswerApi, read_query
from serving.http.openapi import Endpoint

__all__ = ["DemandApi", "demand_handlers"]

_PLANS: Final = frozenset({Role.PLANNER})
_READS: Final = frozenset({Role.PLANNER, Role.AUDITOR, Role.DATA_SCIENTIST})
_POSTED: Final = (400, 401, 403, 404, 405, 413, 415, 422, 500, 503, 504)
_GOT: Final = (401, 403, 404, 405, 422, 500, 503, 504)

FORECAST: Final = Endpoint(
    path="/v1/demand/forecast",
    method="POST",
    summary="已发布的预测，或对随请求给出的序列立即预测 / Published forecasts, or forecasts of series given here",
    roles=_PLANS,
    request=ForecastRequest,
    answer=ForecastAnswer,
    statuses=_POSTED,
    slow=True,
)
SCENARIO: Final = Endpoint(
    path="/v1/demand/scenario",
    method="POST",
    summary="情景推演，与基准、偏低、偏高并列 / A scenario beside base, low and high",
    roles=_PLANS,
    request=ScenarioRequest,
    answer=ScenarioAnswer,
    statuses=_POSTED,
    slow=True,
)
ACCURACY: Final = Endpoint(
    path="/v1/demand/accuracy",
    method="GET",
    summary="朴素 → 模型 → 计划员：按提前期等分组的准确度 / Accuracy of naive, model and planner by lead time and group",
    roles=_READS,
    query=AccuracyQuery,
    answer=AccuracyAnswer,
    statuses=_GOT,
    slow=True,
)
OVERRIDE: Final = Endpoint(
    path="/v1/demand/overrides",
    method="POST",
    summary="以计划员的判断代替模型的数，写明理由与期限 / Put a planner's figure in place, with reason and end date",
    roles=_PLANS,
    request=OverrideRequest,
    answer=OverrideAnswer,
    statuses=_POSTED,
)
WITHDRAW: Final = Endpoint(
    path="/v1/demand/overrides/withdraw",
    method="POST",
    summary="撤回一条调整，记录保留 / Withdraw an override; its record stays",
    roles=_PLANS,
    request=OverrideWithdrawal,
    answer=OverrideAnswer,
    statuses=_POSTED,
)
OVERRIDES: Final = Endpoint(
    path="/v1/demand/overrides",
    method="GET",
    summary="调整的历史 / History of overrides",
    roles=_READS,
    query=OverrideHistoryQuery,
    answer=OverrideHistory,
    statuses=_GOT,
)


class DemandApi(AnswerApi):
    """The handlers of demand."""

    async def forecast(self, request: Request, request_id: str) -> Response:
        """Answer from the newest run, or forecast the series given."""
        planner = self._caller(request, request_id, FORECAST)
        limit = self._api.settings.payload_body_limit_bytes
        wanted = await self._read(request, ForecastRequest, limit)
        parts = self._api.parts
        if wanted.series is not None:
            return await self._answer(lambda: parts.payloads.forecast(wanted, planner))
        return await self._answer(
            lambda: parts.demand.forecast(wanted, planner),
            after=lambda answered: parts.shadows.demand(wanted, planner, answered),
        )

    async def scenario(self, request: Request, request_id: str) -> Response:
        """Say what a scenario would change."""
        planner = self._caller(request, request_id, SCENARIO)
        wanted = await self._read(request, ScenarioRequest)
        return await self._answer(lambda: self._api.parts.scenarios.scenario(wanted, planner))

    async def accuracy(self, request: Request, request_id: str) -> Response:
        """Measure what was published against what came."""
        planner = self._caller(request, request_id, ACCURACY)
        query = read_query(request, AccuracyQuery)
        return await self._answer(lambda: self._api.parts.accuracy.accuracy(query, planner))

    async def override(self, request: Request, request_id: str) -> Response:
        """Keep an override; it is durable, and in the chain, when this answers."""
        planner = self._caller(request, request_id, OVERRIDE)
        wanted = await self._read(request, OverrideRequest)
        return await self._answer(lambda: make_override(self._api.parts.demand, wanted, planner), kept=True)

    async def withdraw(self, request: Request, request_id: str) -> Response:
        """Withdraw an override."""
        planner = self._caller(request, request_id, WITHDRAW)
        wanted = await self._read(request, OverrideWithdrawal)
        return await self._answer(
            lambda: withdraw_override(self._api.parts.demand, wanted, planner), kept=True
        )

    async def overrides(self, request: Request, request_id: str) -> Response:
        """List overrides."""
        planner = self._caller(request, request_id, OVERRIDES)
        query = read_query(request, OverrideHistoryQuery)
        zone = ZoneInfo(self._api.settings.work_zone)
        return await self._answer(lambda: list_overrides(self._api.parts.demand, query, planner, zone))


def demand_handlers(demand: DemandApi) -> dict[Endpoint, Callable[[Request, str], Awaitable[Response]]]:
    """Say who answers which endpoint."""
    return {
        FORECAST: demand.forecast,
        SCENARIO: demand.scenario,
        ACCURACY: demand.accuracy,
        OVERRIDE: demand.override,
        WITHDRAW: demand.withdraw,
        OVERRIDES: demand.overrides,
    }
