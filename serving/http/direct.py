"""Addresses without a place in them are found by one look-up: the router would try every route before, through five layers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Answering", "DirectApplication"]

Answering = Callable[[Request], Awaitable[Response]]
_PLACE: Final = "{"


class DirectApplication(Starlette):
    """Starlette, which hands an exact method and address to its handler at once and leaves all else to the router.

    The handlers answer every error themselves; `gate` is put before each as it stands before the router.
    """

    direct: Mapping[tuple[str, str], ASGIApp] = {}

    def look_up(
        self,
        methods_of: Mapping[str, Mapping[str, Answering]],
        endpoints: Mapping[str, Answering],
        gate: Callable[[ASGIApp], ASGIApp],
    ) -> None:
        """Take the handlers by address and method; `endpoints` are what the router calls for an address."""
        self.direct = {
            (method, path): gate(_Exact(handler, endpoints[path]))
            for path, methods in methods_of.items()
            if _PLACE not in path
            for method, handler in methods.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        exact = None
        if scope["type"] == "http" and not scope.get("root_path"):
            exact = self.direct.get((scope["method"], scope["path"]))
        if exact is None:
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await exact(scope, receive, send)


class _Exact:
    """One handler as an application; it leaves in the scope what the router would leave there."""

    def __init__(self, handler: Answering, endpoint: Answering) -> None:
        self._handler, self._endpoint = handler, endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["endpoint"], scope["path_params"] = self._endpoint, {}
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)
