"""What handlers work with: who asks, what was sent, threads to compute in, and errors as problems."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from serving.access.access import Access
from serving.access.caller import Caller, caller_of
from serving.access.errors import ForbiddenError, LimitExceededError, OutsideScopeError, RefusedKeyError
from serving.access.identity import Identity
from serving.access.keys import require_role
from serving.access.risk_events import RiskKind
from serving.errors import FieldProblem, InvalidRequestError
from serving.http.bodies import ArrivalTime, arriving, whole_body
from serving.http.body_headers import check_body_headers
from serving.http.direct import Answering
from serving.http.errors import (
    BodyTooLargeError,
    DeadlineError,
    MethodNotAllowedError,
    RouteNotFoundError,
    SlowBodyError,
)
from serving.http.language import Language, preferred_language
from serving.http.openapi import JSON, Endpoint
from serving.http.problem_table import problem_of
from serving.http.problems import known_error, problem_response
from serving.operations.metrics import observed_limit
from serving.parts import Parts
from serving.settings import ServiceSettings

__all__ = ["Api", "Handler"]

T = TypeVar("T")
Handler = Callable[[Request, str], Awaitable[Response]]
_THREADS: Final = 4
_NAME_SHOWN: Final = 100
# Whether the route that is being answered may take seconds; a request is a task, and so has this for itself.
_SLOW: Final = ContextVar("slow", default=True)
_NOTE_SECONDS: Final = 1.0  # a ledger that hangs must not hold up who is told no


@dataclass(frozen=True)
class Api:
    """What the handlers work with."""

    parts: Parts
    access: Access
    settings: ServiceSettings
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "answer"))
    # What may take seconds has threads of its own: neither scoring nor an order to switch a model off waits behind it.
    slow_threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "slow"))
    desk_threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "desk"))

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Run what waits for a disk outside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function)

    async def in_slow_thread(self, function: Callable[[], T]) -> T:
        """Run what may take seconds outside the event loop and outside the threads that score."""
        return await asyncio.get_running_loop().run_in_executor(self.slow_threads, function)

    async def in_desk_thread(self, function: Callable[[], T]) -> T:
        """Run an order, a poll or a list outside the event loop, apart from what scores and from what may take seconds."""
        return await asyncio.get_running_loop().run_in_executor(self.desk_threads, function)

    async def in_route_thread(self, function: Callable[[], T]) -> T:
        """Run it in the threads that its route's declaration calls for."""
        return await (self.in_slow_thread(function) if _SLOW.get() else self.in_desk_thread(function))

    def caller(self, request: Request, _request_id: str, _endpoint: Endpoint) -> Caller:
        """Return who asks, as the door found before the handler began."""
        found: Caller = request.state.caller
        return found

    async def asked(self, caller: Caller, party_id: str | None) -> None:
        """Count the party that was asked about: many different ones at night are shown to the auditor."""
        watch = self.access.watch
        if party_id is not None and watch.asked(caller, party_id):
            await self.in_thread(lambda: watch.note_parties(caller))

    async def tried(self, caller: Caller) -> None:
        """Count features that the caller sent to be scored: many sets of them at night are shown to the auditor."""
        watch = self.access.watch
        due = watch.count_scored(caller, 1)
        if due:
            await self.in_thread(lambda: watch.note(due, caller))

    async def body(
        self,
        request: Request,
        limit: int | None = None,
        *,
        kinds: tuple[str, ...] = (JSON,),
    ) -> bytes:
        """Read the body up to the limit; the rest of a larger one is never taken in."""
        most, seconds = self._most_bytes(request, limit, kinds), self.settings.body_seconds
        try:
            async with asyncio.timeout(seconds):
                body = await whole_body(request, most)
        except TimeoutError as error:
            raise SlowBodyError(seconds) from error
        request.state.sent = bytes(body)
        return request.state.sent  # type: ignore[no-any-return]

    def _most_bytes(self, request: Request, limit: int | None, kinds: tuple[str, ...]) -> int:
        check_body_headers(request, kinds)
        own = request.state.identity.limits.body_bytes
        limit = min(limit or self.settings.body_limit_bytes, own or sys.maxsize)
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:20]) > limit:
            raise BodyTooLargeError(limit)
        return limit

    def chunks(
        self,
        request: Request,
        limit: int | None = None,
        *,
        kinds: tuple[str, ...] = (JSON,),
        seconds: float | None = None,
    ) -> AsyncIterator[bytes]:
        """Return the body as it comes, up to the limit and within its time: its own, where `seconds` are given.

        Raises MediaTypeError, EncodedBodyError, BodyTooLargeError and SlowBodyError.
        """
        most = self._most_bytes(request, limit, kinds)
        time = ArrivalTime(request.state.deadline, own=seconds, other=self.settings.body_seconds)
        return arriving(request, most, time)

    def guarded(self, handler: Handler, endpoint: Endpoint) -> Answering:
        """Give a handler its caller, its limits, its deadline and its errors."""
        seconds = self.settings.forecast_deadline_seconds if endpoint.slow else self.settings.deadline_seconds

        async def run(request: Request) -> Response:
            request_id = _request_id(request)
            _SLOW.set(endpoint.slow)
            try:
                async with asyncio.timeout(seconds) as deadline:
                    request.state.deadline = deadline
                    if not endpoint.roles:
                        return await handler(request, request_id)
                    identity = await self._identity(request, request_id)
                    with self.access.limiter.entered(identity):
                        require_role(identity, endpoint.roles)
                        _refuse_undeclared(request, endpoint)
                        return await handler(request, request_id)
            except TimeoutError:
                return self.problem(DeadlineError(seconds), request, request_id)
            except Exception as error:  # noqa: BLE001 - the last line: every error becomes a problem+json
                await self._watched(error, request, request_id)
                return self.problem(error, request, request_id)

        return run

    async def _identity(self, request: Request, request_id: str) -> Identity:
        """Find who asks and keep it with the request. Raises UnauthorizedError."""
        header = request.headers.get("authorization")
        door = self.access.door
        identity = door.held(header)
        if identity is None:
            identity = await self.in_thread(lambda: door.check(header))
        caller = caller_of(identity, request_id, _trace_id(request))
        request.state.identity, request.state.caller, request.state.key_id = identity, caller, identity.key_id
        return identity

    async def _watched(self, error: Exception, request: Request, request_id: str) -> None:
        """Count refusals; a key that is refused again and again is shown to the auditor."""
        watch = self.access.watch
        if isinstance(error, RefusedKeyError):
            caller = caller_of(error.key, request_id, _trace_id(request))
            request.state.key_id = error.key.key_id
            await self._noted(watch.count_invalid(error, caller), caller)
        elif isinstance(error, ForbiddenError | OutsideScopeError | LimitExceededError):
            known: Caller = request.state.caller
            outside = isinstance(error, OutsideScopeError)
            sent = getattr(request.state, "sent", b"") if outside else b""
            asked = f"{request.url.path}?{request.url.query}\n{sent!r}"
            await self._noted(watch.count_refused(known, asked, outside=outside), known)

    async def _noted(self, due: Mapping[RiskKind, int], caller: Caller) -> None:
        """Note what passed a threshold; a refusal waits a moment for that, and the note goes on where it takes longer."""
        if not due:
            return
        watch, loop = self.access.watch, asyncio.get_running_loop()
        noting = loop.run_in_executor(self.threads, lambda: watch.note(due, caller))
        if not (await asyncio.wait({noting}, timeout=_NOTE_SECONDS))[0]:
            watch.not_noted(due, caller)

    def language(self, request: Request) -> Language:
        """Return the language that the caller asks for, the service's own where it asks for none."""
        return preferred_language(request.headers.get("accept-language"), self.settings.lang)

    def problem(self, error: Exception, request: Request, request_id: str) -> Response:
        """Answer with an error in the caller's language."""
        language = self.language(request)
        error = known_error(error, request_id)
        request.state.problem = problem_of(error).slug  # counted by slug
        if isinstance(error, LimitExceededError):
            observed_limit(error.rule)
        return problem_response(error, request_id=request_id, language=language)

    def refusal(self, error: Exception, request: Request) -> Response:
        """Answer what never came to a route."""
        return self.problem(error, request, _request_id(request))

    async def no_route(self, request: Request, _error: Exception) -> Response:
        """Answer an unknown address."""
        return self.problem(RouteNotFoundError(), request, _request_id(request))

    async def no_method(self, request: Request, _error: Exception) -> Response:
        """Answer a method that the address does not take, naming those that it takes."""
        fitting = [
            route
            for route in request.app.routes
            if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        ]
        methods = {method for route in fitting for method in route.methods or ()}
        refusal = MethodNotAllowedError(sorted(methods - {"HEAD"}))
        return self.problem(refusal, request, _request_id(request))


def _refuse_undeclared(request: Request, endpoint: Endpoint) -> None:
    """Refuse a query where none is declared: who misspells a limit must not believe that it holds."""
    if endpoint.query is not None or not request.scope["query_string"]:
        return
    names = dict.fromkeys(name[:_NAME_SHOWN] for name in request.query_params) or {"?": None}
    zh, en = "此地址不接受查询参数，请去掉", "this address takes no query; leave it out"
    raise InvalidRequestError([FieldProblem(name, "extra_forbidden", zh, en) for name in names])


def _request_id(request: Request) -> str:
    """Return the request id that serving.operations.observing took from the caller or made."""
    return str(request.state.request_id)


def _trace_id(request: Request) -> str:
    """Return the trace the request belongs to, as the middleware of operations found or made it."""
    state = request.scope.get("state") or {}
    return str(state.get("trace_id", ""))
