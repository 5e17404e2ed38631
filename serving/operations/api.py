"""HTTP of operations: whether the process lives, and which of its parts work."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from serving.http.api import Api, Handler
from serving.http.errors import DeadlineError
from serving.http.openapi import Endpoint
from serving.operations.gauges import Gauges, metrics_page
from serving.operations.whole_health import WholeHealth
from serving.schemas import Health

__all__ = ["OperationsApi", "operations_handlers"]

T = TypeVar("T")
# Their own, since those that answer may all wait for a key in a database that hangs: who asks how the service is, is told.
_THREADS: Final = 2

HEALTH: Final = Endpoint(
    path="/healthz",
    method="GET",
    summary="进程存活，附各部件状态 / The process is alive; state of its parts",
    answer=Health,
    statuses=(405, 504),
)
READY: Final = Endpoint(
    path="/readyz",
    method="GET",
    summary="是否可以作答：模型、特征、图谱、台账 / Whether it can answer: model, features, graph, ledger",
    answer=Health,
    unready=True,
    statuses=(405, 504),
)


class OperationsApi:
    """The handlers of operations."""

    def __init__(self, api: Api, whole: WholeHealth, gauges: Gauges) -> None:
        self._api, self._whole, self._gauges = api, whole, gauges
        self._threads = ThreadPoolExecutor(_THREADS, "probe")

    async def health(self, _request: Request, _request_id: str) -> Response:
        """Answer 200 as long as the process answers at all."""
        health = await self._in_thread(self._whole.look)
        return Response(health.model_dump_json(exclude_none=True), media_type="application/json")

    async def ready(self, _request: Request, _request_id: str) -> Response:
        """Answer 503 unless every part that scoring needs works."""
        health = await self._in_thread(self._whole.look)
        text = health.model_dump_json(exclude_none=True)
        return Response(text, 200 if health.ready else 503, media_type="application/json")

    async def metrics(self, request: Request) -> Response:
        """Measure what nothing counts on its own, and answer with the metrics of all workers."""
        seconds = self._api.settings.deadline_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._in_thread(self._gauges.look)
                page, media_type = await self._in_thread(metrics_page)
        except TimeoutError:
            return self._api.refusal(DeadlineError(seconds), request)
        return Response(page, media_type=media_type)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)


def operations_handlers(operations: OperationsApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {HEALTH: operations.health, READY: operations.ready}
