"""HTTP of operations: whether the process lives, and which of its parts work."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.schemas import Health

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

    def __init__(self, api: Api) -> None:
        self._api = api

    async def health(self, _request: Request, _request_id: str) -> Response:
        """Answer 200 as long as the process answers at all."""
        health = await self._api.in_thread(self._api.parts.health)
        return Response(health.model_dump_json(exclude_none=True), media_type="application/json")

    async def ready(self, _request: Request, _request_id: str) -> Response:
        """Answer 503 unless every part that scoring needs works."""
        health = await self._api.in_thread(self._api.parts.health)
        text = health.model_dump_json(exclude_none=True)
        return Response(text, 200 if health.ready else 503, media_type="application/json")


def operations_handlers(operations: OperationsApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {HEALTH: operations.health, READY: operations.ready}
