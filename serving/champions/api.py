"""HTTP of models at run time: lists, cards, aliases, kill switch, rollback, incidents, challengers."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from serving.access.caller import Caller
from serving.access.roles import Role
from serving.champions.acts import Acts
from serving.champions.listing import Listing, card_text
from serving.champions.schemas import (
    ActAnswer,
    AliasRequest,
    IncidentQuery,
    IncidentsAnswer,
    KillRequest,
    ModelCard,
    ModelsAnswer,
    RestoreRequest,
    RollbackRequest,
    ShadowSummary,
)
from serving.http.accept import accepted_type
from serving.http.answering import AnswerApi, read_query
from serving.http.openapi import JSON, Endpoint
from serving.ledger.answered import Answered

if TYPE_CHECKING:
    from serving.http.api import Api, Handler

__all__ = ["ModelsApi", "models_handlers"]

_EVERYBODY: Final = frozenset(Role)
_WATCHES: Final = frozenset(
    {Role.OPERATOR, Role.APPROVER, Role.AUDITOR, Role.DATA_SCIENTIST, Role.RISK_OFFICER}
)
_ORDERED: Final = (400, 401, 403, 404, 405, 409, 413, 415, 422, 500, 503, 504)
_GOT: Final = (401, 403, 404, 405, 500, 503, 504)
_MARKDOWN: Final = "text/markdown"

MODELS: Final = Endpoint(
    path="/v1/models",
    method="GET",
    summary="模型一览：版本、别名、指标、由谁作答 / Models: versions, aliases, metrics, who answers",
    roles=_EVERYBODY,
    answer=ModelsAnswer,
    statuses=_GOT,
)
SHADOW: Final = Endpoint(
    path="/v1/models/{family}/shadow",
    method="GET",
    summary="挑战者与 champion 在同样请求上的比较 / The challenger held against the champion on the same requests",
    roles=_WATCHES,
    answer=ShadowSummary,
    statuses=_GOT,
)
CARD: Final = Endpoint(
    path="/v1/models/{family}/{version}",
    method="GET",
    summary="模型卡，JSON 或 Markdown / Card of a version, JSON or Markdown",
    roles=_EVERYBODY,
    answer=ModelCard,
    statuses=_GOT,
    produces=(JSON, _MARKDOWN),
)
ALIASES: Final = Endpoint(
    path="/v1/models/{family}/aliases",
    method="POST",
    summary="批准：把别名指向一个版本（不得批准自己训练的模型） / Point an alias at a version; never at one's own model",
    roles=frozenset({Role.APPROVER}),
    request=AliasRequest,
    answer=ActAnswer,
    statuses=_ORDERED,
    slow=True,  # it asks MLflow, which may hang; a kill must not wait behind it
)
ROLLBACK: Final = Endpoint(
    path="/v1/models/{family}/rollback",
    method="POST",
    summary="回退到较早的版本，记为事件 / Go back to an earlier version; an incident",
    roles=frozenset({Role.APPROVER}),
    request=RollbackRequest,
    answer=ActAnswer,
    statuses=_ORDERED,
)
KILL: Final = Endpoint(
    path="/v1/models/{family}/kill",
    method="POST",
    summary="停用开关：上一版本 → 评分卡 → 只按规则，记为事件 / Kill switch: previous version, scorecard, rules only; an incident",
    roles=frozenset({Role.OPERATOR}),
    request=KillRequest,
    answer=ActAnswer,
    statuses=_ORDERED,
)
RESTORE: Final = Endpoint(
    path="/v1/models/{family}/restore",
    method="POST",
    summary="恢复 champion，结束事件 / Let the champion answer again; closes the incidents",
    roles=frozenset({Role.OPERATOR}),
    request=RestoreRequest,
    answer=ActAnswer,
    statuses=_ORDERED,
)
INCIDENTS: Final = Endpoint(
    path="/v1/incidents",
    method="GET",
    summary="停用与回退的记录 / Kills and rollbacks",
    roles=_WATCHES,
    query=IncidentQuery,
    answer=IncidentsAnswer,
    statuses=(*_GOT, 422),
)


class ModelsApi(AnswerApi):
    """The handlers of models."""

    def __init__(self, api: "Api", acts: Acts, listing: Listing) -> None:
        super().__init__(api)
        self._acts, self._listing = acts, listing

    async def models(self, request: Request, request_id: str) -> Response:
        """List the families."""
        caller = self._caller(request, request_id, MODELS)
        return await self._read_only(caller, lambda: self._listing.models(caller))

    async def card(self, request: Request, request_id: str) -> Response:
        """Give a version's card."""
        caller = self._caller(request, request_id, CARD)
        family, version = request.path_params["family"], request.path_params["version"]
        if accepted_type(request.headers.get("accept"), CARD.produces) == _MARKDOWN:
            card = await self._api.in_route_thread(lambda: self._listing.card(family, version, caller))
            headers = {"Cache-Control": "no-store", "X-Request-ID": request_id}
            return Response(card_text(card), headers=headers, media_type=_MARKDOWN)
        return await self._read_only(caller, lambda: self._listing.card(family, version, caller))

    async def shadow(self, request: Request, request_id: str) -> Response:
        """Compare the challenger."""
        caller = self._caller(request, request_id, SHADOW)
        family = request.path_params["family"]
        return await self._read_only(caller, lambda: self._listing.shadow(family, caller))

    async def incidents(self, request: Request, request_id: str) -> Response:
        """List incidents."""
        caller = self._caller(request, request_id, INCIDENTS)
        page = read_query(request, IncidentQuery).page(ZoneInfo(self._api.settings.work_zone))
        return await self._read_only(caller, lambda: self._listing.incidents(page, caller))

    async def aliases(self, request: Request, request_id: str) -> Response:
        """Point an alias."""
        caller = self._caller(request, request_id, ALIASES)
        wanted, family = await self._read(request, AliasRequest), request.path_params["family"]
        return await self._order(lambda: self._acts.point(family, wanted, caller))

    async def rollback(self, request: Request, request_id: str) -> Response:
        """Go back."""
        caller = self._caller(request, request_id, ROLLBACK)
        wanted, family = await self._read(request, RollbackRequest), request.path_params["family"]
        return await self._order(lambda: self._acts.rollback(family, wanted, caller))

    async def kill(self, request: Request, request_id: str) -> Response:
        """Switch off."""
        caller = self._caller(request, request_id, KILL)
        wanted, family = await self._read(request, KillRequest), request.path_params["family"]
        return await self._order(lambda: self._acts.kill(family, wanted, caller))

    async def restore(self, request: Request, request_id: str) -> Response:
        """End a kill or a rollback."""
        caller = self._caller(request, request_id, RESTORE)
        wanted, family = await self._read(request, RestoreRequest), request.path_params["family"]
        return await self._order(lambda: self._acts.restore(family, wanted, caller))

    async def _order(self, order: Callable[[], Answered]) -> Response:
        """Carry an order out; this worker follows before it answers, the others within their refresh time."""

        def work() -> Answered:
            answered = order()
            self._api.parts.refresh()
            return answered

        return await self._answer(work, kept=True)

    async def _read_only(self, caller: Caller, read: Callable[[], BaseModel]) -> Response:
        """Answer with what decides nothing, so that nothing is written down."""

        def work() -> Answered:
            body = read()
            return Answered(body, body.model_dump_json(), {"request_id": caller.call.request_id})

        return await self._answer(work, kept=True)


def models_handlers(models: ModelsApi) -> "Mapping[Endpoint, Handler]":
    """Say who answers which endpoint; what is named stands before what is a version."""
    return {
        MODELS: models.models,
        SHADOW: models.shadow,
        CARD: models.card,
        ALIASES: models.aliases,
        ROLLBACK: models.rollback,
        KILL: models.kill,
        RESTORE: models.restore,
        INCIDENTS: models.incidents,
    }
