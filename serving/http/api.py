"""HTTP of the service as a Starlette application; it can be tested without BentoML."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from serving.access.caller import Caller, caller_of
from serving.access.errors import LimitExceededError
from serving.access.keys import KeyStore, require_role
from serving.errors import (
    BodyTooLargeError,
    DeadlineError,
    MediaTypeError,
    MethodNotAllowedError,
    RouteNotFoundError,
)
from serving.http.language import preferred_language
from serving.http.openapi import DOCS_PAGE, Endpoint, openapi_json
from serving.http.problem_table import problem_of
from serving.http.problems import known_error, problem_response
from serving.operations.metrics import observed_limit
from serving.parts import Parts
from serving.settings import ServiceSettings

__all__ = ["Api", "Handler", "create_app"]

T = TypeVar("T")
Handler = Callable[[Request, str], Awaitable[Response]]
_THREADS: Final = 4


@dataclass(frozen=True)
class Api:
    """What the handlers work with."""

    parts: Parts
    keys: KeyStore
    settings: ServiceSettings
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "answer"))
    # What may take seconds has threads of its own, so that scoring never waits behind it.
    slow_threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "slow"))

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Run what waits for a disk outside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function)

    async def in_slow_thread(self, function: Callable[[], T]) -> T:
        """Run what may take seconds outside the event loop and outside the threads that score."""
        return await asyncio.get_running_loop().run_in_executor(self.slow_threads, function)

    def caller(self, request: Request, request_id: str, endpoint: Endpoint) -> Caller:
        """Return who asks. Raises UnauthorizedError, or ForbiddenError where no role of the key allows the endpoint."""
        key = self.keys.check(request.headers.get("authorization"))
        request.state.key_id = key.key_id  # the access log names the key, of a request that is refused too
        require_role(key, endpoint.roles)
        return caller_of(key, request_id, _trace_id(request))

    async def body(self, request: Request, limit: int | None = None) -> bytes:
        """Read the body up to the limit; the rest of a larger one is never taken in."""
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            raise MediaTypeError
        limit = limit or self.settings.body_limit_bytes
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > limit:
            raise BodyTooLargeError(limit)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise BodyTooLargeError(limit)
        return bytes(body)

    def guarded(self, handler: Handler, *, slow: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """Give a handler its request id, its deadline and its errors."""
        seconds = self.settings.forecast_deadline_seconds if slow else self.settings.deadline_seconds

        async def run(request: Request) -> Response:
            request_id = _request_id(request)
            try:
                async with asyncio.timeout(seconds):
                    return await handler(request, request_id)
            except TimeoutError:
                return self.problem(DeadlineError(seconds), request, request_id)
            except Exception as error:  # noqa: BLE001 - the last line: every error becomes a problem+json
                return self.problem(error, request, request_id)

        return run

    def problem(self, error: Exception, request: Request, request_id: str) -> Response:
        """Answer with an error in the caller's language."""
        language = preferred_language(request.headers.get("accept-language"), self.settings.lang)
        error = known_error(error, request_id)
        request.state.problem = problem_of(error).slug  # counted by slug
        if isinstance(error, LimitExceededError):
            observed_limit(error.rule)
        return problem_response(error, request_id=request_id, language=language)

    async def no_route(self, request: Request, _error: Exception) -> Response:
        """Answer an unknown address."""
        return self.problem(RouteNotFoundError(), request, _request_id(request))

    async def no_method(self, request: Request, error: Exception) -> Response:
        """Answer a method that the address does not take."""
        allowed = (getattr(error, "headers", None) or {}).get("Allow", "")
        methods = [name.strip() for name in allowed.split(",") if name.strip() not in ("", "HEAD")]
        return self.problem(MethodNotAllowedError(methods), request, _request_id(request))


def create_app(api: Api, handlers: Mapping[Endpoint, Handler]) -> Starlette:
    """Build the application; its routes and its OpenAPI text come from the same endpoints."""
    document = openapi_json(tuple(handlers))

    async def openapi(_request: Request) -> Response:
        return Response(document, media_type="application/json")

    async def docs(_request: Request) -> Response:
        return HTMLResponse(DOCS_PAGE)

    async def index(_request: Request) -> Response:
        return RedirectResponse("/docs")

    pages = [
        Route("/", index),
        Route("/docs", docs),
        Route("/openapi.json", openapi),
        Route("/docs.json", openapi),  # BentoML's own name for it
    ]
    return Starlette(
        routes=[*_routes(api, handlers), *pages], exception_handlers={404: api.no_route, 405: api.no_method}
    )


def _routes(api: Api, handlers: Mapping[Endpoint, Handler]) -> list[Route]:
    """Give each address one route; where it takes several methods the method chooses the handler."""
    by_path: dict[str, dict[str, Callable[[Request], Awaitable[Response]]]] = {}
    for endpoint, handler in handlers.items():
        by_path.setdefault(endpoint.path, {})[endpoint.method] = api.guarded(handler, slow=endpoint.slow)
    return [Route(path, _by_method(methods), methods=list(methods)) for path, methods in by_path.items()]


def _by_method(
    methods: Mapping[str, Callable[[Request], Awaitable[Response]]],
) -> Callable[[Request], Awaitable[Response]]:
    async def choose(request: Request) -> Response:
        # Starlette answers HEAD wherever GET is taken.
        return await methods["GET" if request.method == "HEAD" else request.method](request)

    return choose


def _request_id(request: Request) -> str:
    """Return the request id that serving.operations.observing took from the caller or made."""
    return str(request.state.request_id)


def _trace_id(request: Request) -> str:
    """Return the trace the request belongs to, as the middleware of operations found or made it."""
    state = request.scope.get("state") or {}
    return str(state.get("trace_id", ""))
