"""HTTP of operations: whether the process lives, and which of its parts work."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.operations.access_log import AccessLog
from serving.operations.gauges import Gauges, metrics_page
from serving.schemas import Health, PartHealth

__all__ = ["OperationsApi", "operations_handlers"]

HEALTH: Final = Endpoint(
    path="/healthz",
    method="GET",
    summary="进程存活，附各部件状态 / The process is alive; state of its parts",
    answer=Health,
    statuses=(405,),
)
READY: Final = Endpoint(
    path="/readyz",
    method="GET",
    summary="是否可以作答：模型、特征、图谱、台账 / Whether it can answer: model, features, graph, ledger",
    answer=Health,
    unready=True,
    statuses=(405,),
)


class OperationsApi:
    """The handlers of operations."""

    def __init__(self, api: Api, access_log: AccessLog, gauges: Gauges) -> None:
        self._api, self._access_log, self._gauges = api, access_log, gauges

    async def health(self, _request: Request, _request_id: str) -> Response:
        """Answer 200 as long as the process answers at all."""
        health = await self._health()
        return Response(health.model_dump_json(exclude_none=True), media_type="application/json")

    async def ready(self, _request: Request, _request_id: str) -> Response:
        """Answer 503 unless every part that scoring needs works."""
        health = await self._health()
        text = health.model_dump_json(exclude_none=True)
        return Response(text, 200 if health.ready else 503, media_type="application/json")

    async def metrics(self, _request: Request) -> Response:
        """Measure what nothing counts on its own, and answer with the metrics of all workers."""
        await self._api.in_thread(self._gauges.look)
        page, media_type = await self._api.in_thread(metrics_page)
        return Response(page, media_type=media_type)

    async def _health(self) -> Health:
        health = await self._api.in_thread(self._api.parts.health)
        # A log that cannot be written stops no answer: what was decided is in the ledger.
        parts = {**health.parts, "access_log": self._log_health()}
        sso = await self._api.in_thread(self._api.access.door.health)
        if sso is not None:  # without it keys open all the same
            parts["sso"] = sso
        return health.model_copy(update={"parts": parts})

    def _log_health(self) -> PartHealth:
        problem = self._access_log.problem
        if problem is None:
            return PartHealth(ready=True)
        return PartHealth(
            ready=False,
            problem_zh=f"访问日志无法写入（{problem}）。请检查 logs 目录的磁盘空间与权限。",
            problem_en=f"The access log cannot be written ({problem}). Check disk and rights of the folder logs.",
        )


def operations_handlers(operations: OperationsApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {HEALTH: operations.health, READY: operations.ready}
