"""HTTP of access: what auditors see of risky use."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from serving.access.risk_events import RiskFilter
from serving.access.risk_schemas import RiskyUseAnswer, RiskyUseQuery, risky_use_item
from serving.access.roles import Role
from serving.http.answering import AnswerApi, read_query
from serving.http.api import Handler
from serving.http.openapi import Endpoint

__all__ = ["AccessApi", "access_handlers"]

RISKY_USE: Final = Endpoint(
    path="/v1/audit/risky-use",
    method="GET",
    summary="值得审计查看的使用：批量导出、夜间大量评分、越权尝试 / Risky use: bulk export, mass scoring at night, tries out of scope",
    roles=frozenset({Role.AUDITOR}),
    query=RiskyUseQuery,
    answer=RiskyUseAnswer,
    statuses=(422,),
)


class AccessApi(AnswerApi):
    """The handlers of access."""

    async def risky_use(self, request: Request, request_id: str) -> Response:
        """List what stood out at keys whose companies the auditor sees."""
        caller = self._caller(request, request_id, RISKY_USE)
        query = read_query(request, RiskyUseQuery)
        wanted = RiskFilter(
            query.page(ZoneInfo(self._api.settings.work_zone)), kind=query.kind, key_id=query.key_id
        )
        events = self._api.access.watch.events
        found, further = await self._api.in_route_thread(lambda: events.page(wanted, caller))
        items = [risky_use_item(event) for event in found]
        answer = RiskyUseAnswer(request_id=request_id, events=items, cursor=further)
        headers = {"X-Request-ID": request_id, "Cache-Control": "no-store"}
        return Response(answer.model_dump_json(), headers=headers, media_type="application/json")


def access_handlers(access: AccessApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {RISKY_USE: access.risky_use}
