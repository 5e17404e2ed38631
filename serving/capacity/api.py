"""HTTP of capacity: forecasts, shortfalls, utilisation, plans, scenarios, and the jobs of the large ones."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serving.access.roles import Role
from serving.capacity.plan_schemas import PlanAnswer, PlanRequest
from serving.capacity.scenario_schemas import CapacityScenarioAnswer, CapacityScenarioRequest
from serving.capacity.schemas import CapacityForecastAnswer, CapacityForecastRequest
from serving.capacity.shortfall import shortfall, utilisation
from serving.capacity.shortfall_schemas import (
    ShortfallAnswer,
    ShortfallQuery,
    UtilisationAnswer,
    UtilisationQuery,
)
from serving.http.answering import AnswerApi, read_query
from serving.http.openapi import Endpoint
from serving.jobs.schemas import JobAnswer, JobReceipt
from serving.schemas import NoQuery

__all__ = ["CapacityApi", "capacity_handlers"]

_PLANS: Final = frozenset({Role.PLANNER})
_READS: Final = frozenset({Role.PLANNER, Role.AUDITOR, Role.DATA_SCIENTIST})
_POSTED: Final = (400, 401, 403, 404, 405, 413, 415, 422, 500, 503, 504)
_GOT: Final = (401, 403, 404, 405, 422, 500, 503, 504)


FORECAST: Final = Endpoint(
    path="/v1/capacity/forecast",
    method="POST",
    summary="各产线的产能预测（可附各驱动因素的贡献），或对随请求给出的历史立即预测 / Forecasts of lines, with contributions on request",
    roles=_READS,
    request=CapacityForecastRequest,
    answer=CapacityForecastAnswer,
    statuses=_POSTED,
    slow=True,
)
SHORTFALL: Final = Endpoint(
    path="/v1/capacity/shortfall",
    method="GET",
    summary="缺口概率与大小、瓶颈产线、库存预警 / Shortfalls with probability and size, bottlenecks, stock alerts",
    roles=_READS,
    query=ShortfallQuery,
    answer=ShortfallAnswer,
    statuses=_GOT,
    slow=True,
)
UTILISATION: Final = Endpoint(
    path="/v1/capacity/utilisation",
    method="GET",
    summary="月度产能利用率 / Monthly utilisation of lines",
    roles=_READS,
    query=UtilisationQuery,
    answer=UtilisationAnswer,
    statuses=_GOT,
    slow=True,
)
PLAN: Final = Endpoint(
    path="/v1/capacity/plan",
    method="POST",
    summary="产能分配与产品结构；规模大的转为作业（202） / Allocation and product mix; large ones become a job (202)",
    roles=_PLANS,
    request=PlanRequest,
    answer=PlanAnswer,
    accepted=JobReceipt,
    statuses=_POSTED,
    slow=True,
)
PLAN_READ: Final = Endpoint(
    path="/v1/capacity/plans/{plan_id}",
    method="GET",
    summary="取回计划；latest 为密钥范围内最近一个有效计划 / A plan as it was made; `latest` is the last good one of the key's scope",
    roles=_READS,
    query=NoQuery,
    answer=PlanAnswer,
    statuses=_GOT,
    slow=True,
)
SCENARIO: Final = Endpoint(
    path="/v1/capacity/scenario",
    method="POST",
    summary="情景与基准计划并列；规模大的转为作业（202） / Scenarios beside the base plan; large ones become a job (202)",
    roles=_PLANS,
    request=CapacityScenarioRequest,
    answer=CapacityScenarioAnswer,
    accepted=JobReceipt,
    statuses=_POSTED,
    slow=True,
)
SCENARIO_READ: Final = Endpoint(
    path="/v1/capacity/scenarios/{scenario_id}",
    method="GET",
    summary="取回情景推演的结果 / A scenario's answer as it was made",
    roles=_READS,
    query=NoQuery,
    answer=CapacityScenarioAnswer,
    statuses=_GOT,
    slow=True,
)
JOB: Final = Endpoint(
    path="/v1/capacity/jobs/{job_id}",
    method="GET",
    summary="作业进展；只对提交它的密钥与全集团的密钥 / Where a job stands; for the key that submitted it and for group-wide keys",
    roles=_READS,
    query=NoQuery,
    answer=JobAnswer,
    statuses=_GOT,
)
JOB_CANCEL: Final = Endpoint(
    path="/v1/capacity/jobs/{job_id}/cancel",
    method="POST",
    summary="取消作业 / Cancel a job",
    roles=_PLANS,
    answer=JobAnswer,
    statuses=_GOT,
)


class CapacityApi(AnswerApi):
    """The handlers of capacity."""

    async def forecast(self, request: Request, request_id: str) -> Response:
        """Answer from the newest run, or forecast the lines given."""
        planner = self._caller(request, request_id, FORECAST)
        limit = self._api.settings.payload_body_limit_bytes
        wanted = await self._read(request, CapacityForecastRequest, limit)
        parts = self._api.parts.capacity
        if wanted.payload is not None:
            return await self._answer(lambda: parts.payloads.forecast(wanted, planner))
        return await self._answer(
            lambda: parts.desk.forecast(wanted, planner),
            after=lambda answered: self._api.parts.shadows.capacity(wanted, planner, answered),
        )

    async def shortfall(self, request: Request, request_id: str) -> Response:
        """Answer where demand is not met."""
        planner = self._caller(request, request_id, SHORTFALL)
        query = read_query(request, ShortfallQuery)
        return await self._answer(lambda: shortfall(self._api.parts.capacity.desk, query, planner))

    async def utilisation(self, request: Request, request_id: str) -> Response:
        """Answer monthly utilisation."""
        planner = self._caller(request, request_id, UTILISATION)
        query = read_query(request, UtilisationQuery)
        return await self._answer(lambda: utilisation(self._api.parts.capacity.desk, query, planner))

    async def plan(self, request: Request, request_id: str) -> Response:
        """Make a plan at once, or take it as a job."""
        planner = self._caller(request, request_id, PLAN)
        wanted = await self._read(request, PlanRequest)
        return await self._answer_unless_abandoned(
            lambda gone: self._api.parts.capacity.plans.plan(wanted, planner, gone)
        )

    async def read_plan(self, request: Request, request_id: str) -> Response:
        """Give a plan back as it was made."""
        planner = self._caller(request, request_id, PLAN_READ)
        read_query(request, NoQuery)
        plan_id = request.path_params["plan_id"]
        return await self._answer(lambda: self._api.parts.capacity.plans.read(plan_id, planner))

    async def scenario(self, request: Request, request_id: str) -> Response:
        """Hold scenarios against the base plan, at once or as a job."""
        planner = self._caller(request, request_id, SCENARIO)
        wanted = await self._read(request, CapacityScenarioRequest)
        return await self._answer_unless_abandoned(
            lambda gone: self._api.parts.capacity.scenarios.scenario(wanted, planner, gone)
        )

    async def read_scenario(self, request: Request, request_id: str) -> Response:
        """Give a scenario's answer back as it was made."""
        planner = self._caller(request, request_id, SCENARIO_READ)
        read_query(request, NoQuery)
        scenario_id = request.path_params["scenario_id"]
        return await self._answer(lambda: self._api.parts.capacity.scenarios.read(scenario_id, planner))

    async def job(self, request: Request, request_id: str) -> Response:
        """Say where a job stands."""
        planner = self._caller(request, request_id, JOB)
        read_query(request, NoQuery)
        job_id, language = request.path_params["job_id"], self._api.language(request)
        jobs = self._api.parts.capacity.jobs
        return await self._answer(lambda: jobs.status(job_id, planner, language), kept=True)

    async def cancel(self, request: Request, request_id: str) -> Response:
        """Stop a job."""
        planner = self._caller(request, request_id, JOB_CANCEL)
        job_id, language = request.path_params["job_id"], self._api.language(request)
        jobs = self._api.parts.capacity.jobs
        return await self._answer(lambda: jobs.cancel(job_id, planner, language), kept=True)


def capacity_handlers(
    capacity: CapacityApi,
) -> dict[Endpoint, Callable[[Request, str], Awaitable[Response]]]:
    """Say who answers which endpoint."""
    return {
        FORECAST: capacity.forecast,
        SHORTFALL: capacity.shortfall,
        UTILISATION: capacity.utilisation,
        PLAN: capacity.plan,
        PLAN_READ: capacity.read_plan,
        SCENARIO: capacity.scenario,
        SCENARIO_READ: capacity.read_scenario,
        JOB: capacity.job,
        JOB_CANCEL: capacity.cancel,
    }
