"""Gives every request its ids, measures it, and tells those who count and write down; wraps our whole application."""

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Final, NamedTuple

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from serving.operations.trace import read_trace

__all__ = ["UNMATCHED", "Observing", "Seen"]

UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
# The caller went away before anything was said; nginx's number, as no standard has one.
_GONE: Final = 499
_FAILED: Final = 500


class Seen(NamedTuple):
    """What may be told of a request: no body, no query, no address with somebody's id in it."""

    route: str
    method: str
    status: int
    seconds: float
    request_id: str
    trace_id: str
    key_id: str
    problem: str


class Observing:
    """Wraps the application. Inside, `scope["state"]` holds `request_id`, `trace_id` and `span_id`.

    Whoever answers may add `key_id` and `problem` (the slug of an error) there, and `route` (a template) where the
    answer did not come from a Starlette route.
    """

    def __init__(
        self,
        app: Starlette,
        tell: Callable[[Seen], None],
        *,
        new_bytes: Callable[[int], bytes] = os.urandom,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.inner = app
        self._tell, self._new_bytes, self._timer = tell, new_bytes, timer
        self._templates: Mapping[object, str] = {
            route.endpoint: route.path for route in app.routes if isinstance(route, Route)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with `traceparent` and `X-Request-ID` on every answer."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        began = self._timer()
        traceparent, request_id = _given(scope["headers"])
        trace = read_trace(traceparent, self._new_bytes)
        request_id = request_id or self._new_bytes(16).hex()
        state: MutableMapping[str, object] = scope.setdefault("state", {})
        state.update(request_id=request_id, trace_id=trace.trace_id, span_id=trace.span_id)
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _with_ids(message["headers"], trace.header, request_id)}
            await send(message)

        try:
            await self.inner(scope, receive, sending)
            status = status or _GONE
        except Exception:
            status = status or _FAILED
            raise
        except BaseException:  # cancelled: the server was told that nobody listens
            status = status or _GONE
            raise
        finally:
            self._tell(self._seen(scope, status, self._timer() - began))

    def _seen(self, scope: Scope, status: int, seconds: float) -> Seen:
        state = scope["state"]
        route = state.get("route") or self._templates.get(scope.get("endpoint"), UNMATCHED)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        return Seen(
            route,
            method,
            status,
            seconds,
            state["request_id"],
            state["trace_id"],
            state.get("key_id", ""),
            state.get("problem", ""),
        )


def _given(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes | None, str]:
    """Return the caller's traceparent, None where there is none or more than one, and its request id if it is one."""
    traceparent, times, request_id = None, 0, ""
    for name, value in headers:
        if name == b"traceparent":
            traceparent, times = value, times + 1
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
    return (traceparent if times == 1 else None), request_id


def _with_ids(
    headers: Iterable[tuple[bytes, bytes]], traceparent: bytes, request_id: str
) -> list[tuple[bytes, bytes]]:
    told = [*headers, (b"traceparent", traceparent)]
    if not any(name == b"x-request-id" for name, _ in told):
        told.append((b"x-request-id", request_id.encode()))
    return told
