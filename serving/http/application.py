"""HTTP of the service as a Starlette application; it can be tested without BentoML."""

import asyncio
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from serving.http.api import Api, Handler
from serving.http.direct import Answering, DirectApplication
from serving.http.gate import Gate, GateLimits
from serving.http.openapi import DOCS_PAGE, Endpoint, openapi_json
from serving.settings import ServiceSettings

__all__ = ["create_app"]

_LINGER_SECONDS: Final = 2.0


def create_app(api: Api, handlers: Mapping[Endpoint, Handler]) -> Starlette:
    """Build the application; its routes and its OpenAPI text come from the same endpoints."""
    limits = _limits(api.settings)
    by_path = _by_path(api, handlers)
    endpoints = {path: _by_method(methods) for path, methods in by_path.items()}
    routes = [Route(path, endpoints[path], methods=list(methods)) for path, methods in by_path.items()]
    app = DirectApplication(
        routes=[*routes, *_pages(cache(partial(openapi_json, tuple(handlers))))],
        middleware=[Middleware(Gate, limits=limits, answer=api.refusal)],
        exception_handlers={404: api.no_route, 405: api.no_method},
    )
    # An address with a slash too many is none: a redirect would go to whatever host the caller names.
    app.router.redirect_slashes = False
    app.look_up(by_path, endpoints, partial(Gate, limits=limits, answer=api.refusal))
    app.state.endpoints = tuple(handlers)
    return app


def _pages(document: Callable[[], str]) -> list[Route]:
    async def openapi(_request: Request) -> Response:
        # Written when somebody reads it: that takes a third of a second, which no start has to wait for.
        return Response(await asyncio.to_thread(document), media_type="application/json")

    async def docs(_request: Request) -> Response:
        return HTMLResponse(DOCS_PAGE)

    async def index(_request: Request) -> Response:
        return RedirectResponse("/docs")

    return [
        Route("/", index),
        Route("/docs", docs),
        Route("/openapi.json", openapi),
        Route("/docs.json", openapi),  # BentoML's own name for it
    ]


def _limits(settings: ServiceSettings) -> GateLimits:
    return GateLimits(
        query_bytes=settings.query_limit_bytes,
        header_bytes=settings.header_limit_bytes,
        write_seconds=settings.write_seconds,
        linger_seconds=_LINGER_SECONDS,
    )


def _by_path(api: Api, handlers: Mapping[Endpoint, Handler]) -> Mapping[str, Mapping[str, Answering]]:
    by_path: dict[str, dict[str, Answering]] = {}
    for endpoint, handler in handlers.items():
        by_path.setdefault(endpoint.path, {})[endpoint.method] = api.guarded(handler, endpoint)
    return by_path


def _by_method(methods: Mapping[str, Answering]) -> Answering:
    """Give each address one route; where it takes several methods the method chooses the handler."""

    async def choose(request: Request) -> Response:
        # Starlette answers HEAD wherever GET is taken.
        return await methods["GET" if request.method == "HEAD" else request.method](request)

    return choose
