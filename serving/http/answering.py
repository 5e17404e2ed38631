"""What routes share: who asks, what was sent, and that an answer is written down before it is given."""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from serving.access.caller import Caller
from serving.errors import FieldProblem, InvalidRequestError
from serving.http.openapi import Endpoint
from serving.http.problems import request_error
from serving.http.reading import read_json
from serving.ledger.answered import Answered
from serving.storable_text import shown_name, text_problem

if TYPE_CHECKING:
    from serving.http.api import Api

__all__ = ["Abandoned", "AnswerApi", "read_query"]

Abandoned = Callable[[], bool]
Body = TypeVar("Body", bound=BaseModel)


class AnswerApi:
    """Handlers that compute in a thread and write a record of what they say."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    async def _answer(
        self,
        compute: Callable[[], Answered],
        *,
        kept: bool = False,
        after: Callable[[Answered], None] | None = None,
    ) -> Response:
        """Compute in a thread, write down, answer: in this order. `kept`: the computation wrote its record itself.

        `after` is told what was written down; it must neither wait nor fail.
        """

        def work(abandoned: Abandoned) -> Answered:
            answered = compute()
            if not kept and not abandoned():
                self._api.parts.ledger.append([answered.record])
                if after is not None:
                    after(answered)
            return answered

        return await self._answer_unless_abandoned(work)

    async def _answer_unless_abandoned(self, work: Callable[[Abandoned], Answered]) -> Response:
        """Answer with what the work wrote down itself; it is told whether anybody still waits.

        A computation whose caller was told that it took too long writes nothing: no answer was given.
        """
        abandoned = threading.Event()
        try:
            answered = await self._api.in_route_thread(lambda: work(abandoned.is_set))
        finally:
            abandoned.set()
        headers = {"Cache-Control": "no-store", "X-Request-ID": str(answered.record["request_id"])}
        return Response(answered.text, answered.status, headers=headers, media_type="application/json")

    async def _listed(
        self,
        request: Request,
        request_id: str,
        endpoint: Endpoint,
        shape: type[Body],
        find: Callable[[Body, Caller], Answered],
    ) -> Response:
        """Answer with what the query of an address asks for."""
        caller = self._caller(request, request_id, endpoint)
        query = read_query(request, shape)
        return await self._answer(lambda: find(query, caller))

    async def _one(
        self, request: Request, request_id: str, endpoint: Endpoint, find: Callable[[str, Caller], Answered]
    ) -> Response:
        """Answer with the one thing that the path names."""
        caller = self._caller(request, request_id, endpoint)
        (named,) = request.path_params.values()
        return await self._answer(lambda: find(named, caller))

    async def _acted(
        self,
        request: Request,
        request_id: str,
        endpoint: Endpoint,
        shape: type[Body],
        act: Callable[[str, Body, Caller], Answered],
    ) -> Response:
        """Do to the one thing that the path names what the body asks for; the act writes its record itself."""
        caller = self._caller(request, request_id, endpoint)
        (named,) = request.path_params.values()
        wanted = await self._read(request, shape)
        return await self._answer(lambda: act(named, wanted, caller), kept=True)

    def _caller(self, request: Request, request_id: str, endpoint: Endpoint) -> Caller:
        return self._api.caller(request, request_id, endpoint)

    async def _read(self, request: Request, shape: type[Body], limit: int | None = None) -> Body:
        return read_json(await self._api.body(request, limit), shape)


def read_query(request: Request, shape: type[Body]) -> Body:
    """Read the query of an address. Raises InvalidRequestError naming what is wrong."""
    given: Mapping[str, str] = dict(request.query_params)
    twice = [name for name in given if len(request.query_params.getlist(name)) > 1]
    if twice:
        raise InvalidRequestError(
            [
                FieldProblem(name, "repeated", "出现多次，请只保留一个", "is given more than once; keep one")
                for name in twice
            ]
        )
    unstorable = [problem for name, text in given.items() if (problem := _text_problem(name, text))]
    if unstorable:
        raise InvalidRequestError(unstorable)
    try:
        return shape.model_validate_strings(given)
    except ValidationError as error:
        raise request_error(error) from error


def _text_problem(name: str, text: str) -> FieldProblem | None:
    return text_problem(shown_name(name), f"{name}{text}")
