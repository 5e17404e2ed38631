"""HTTP of credit: every answer is written down before it is given."""

import asyncio
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from serving.access.roles import Role
from serving.credit.score.counted import count_score
from serving.credit.score.schemas import ScoreAnswer, ScoreRequest
from serving.credit.score.together import Together
from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.http.reading import read_json

__all__ = ["CreditApi", "credit_handlers"]

SCORE: Final = Endpoint(
    path="/v1/credit/score",
    method="POST",
    summary="为一个主体评分，并给出理由 / Score one party and say why",
    roles=frozenset({Role.RISK_OFFICER}),
    request=ScoreRequest,
    answer=ScoreAnswer,
    statuses=(400, 401, 403, 404, 405, 413, 415, 422, 500, 503, 504),
)


class CreditApi:
    """The handlers of credit."""

    def __init__(self, api: Api) -> None:
        self._api, self._together = api, Together()

    async def score(self, request: Request, request_id: str) -> Response:
        """Score, write down, answer: in this order."""
        caller = self._api.caller(request, request_id, SCORE)
        wanted = read_json(await self._api.body(request), ScoreRequest)
        if not self._api.parts.overrides.known:  # the database was away at the start
            await asyncio.to_thread(self._api.parts.overrides.refresh)
        # Half a millisecond of work: here, not in a thread, which would cost as much again and let answers overtake.
        scored = await self._together.score(self._api.parts.answerer(), wanted, caller)
        await self._api.parts.ledger.commit([scored.record])
        count_score(scored.record)
        await self._api.asked(caller, wanted.party_id)
        if wanted.features is not None:
            await self._api.tried(caller)
        self._api.parts.shadows.score(wanted, caller, scored.record)
        headers = {"X-Request-ID": request_id, "Cache-Control": "no-store"}
        return Response(scored.text, headers=headers, media_type="application/json")


def credit_handlers(credit: CreditApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {SCORE: credit.score}
