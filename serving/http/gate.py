"""Stands before the routes: refuses addresses and headers that no request needs, and lets no slow reader hold an answer."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ServingError
from serving.http.errors import AddressFormError, HeadersTooLargeError

__all__ = ["Gate", "GateLimits"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
_CHUNK: Final = 65_536
_REFUSED: Final = 400
# Dot segments, encoded slashes and control characters: what one reader takes for a path, the next takes for another.
_WRONG_PATH: Final = re.compile(
    rb"(?:^|/)(?:\.|%2e){1,2}(?:/|$)|//|\\|%2f|%5c|[\x00-\x1f\x7f]|%[01][0-9a-f]|%7f", re.IGNORECASE
)
Answer = Callable[[Exception, Request], Response]


class _SlowReaderError(Exception):
    """Whoever asked does not take the answer."""


@dataclass(frozen=True)
class GateLimits:
    """How long query and headers may be, how long a piece of an answer may wait for its reader and a refusal linger."""

    query_bytes: int
    header_bytes: int
    write_seconds: float
    linger_seconds: float


class Gate:
    """Wraps the routes of the application."""

    def __init__(self, app: ASGIApp, *, limits: GateLimits, answer: Answer) -> None:
        self._app, self._limits, self._answer = app, limits, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._limits)
        refusal = self._refusal(scope)
        app = self._app if refusal is None else self._answer(refusal, Request(scope))
        try:
            await app(scope, exchange.receive, exchange.send)
        except _SlowReaderError:
            # Nothing can be said to somebody who does not read; what waited for him is freed and the connection closed.
            _LOG.warning(
                "an answer was given up: its reader took nothing for %g s", self._limits.write_seconds
            )

    def _refusal(self, scope: Scope) -> ServingError | None:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        if _WRONG_PATH.search(path.split(b"?")[0]):
            return AddressFormError()
        if len(path) + len(scope["query_string"]) > self._limits.query_bytes:
            return HeadersTooLargeError("地址与查询", "Address and query", self._limits.query_bytes)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._limits.header_bytes:
            return HeadersTooLargeError("请求头", "Headers", self._limits.header_bytes)
        return None


class _Exchange:
    """One request and its answer: knows whether the body was read to its end, and gives the answer in pieces."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: GateLimits) -> None:
        self._scope, self._receive, self._send, self._limits = scope, receive, send, limits
        self._ended = False
        self._closing = False

    async def receive(self) -> Message:
        """Receive, and remember the end of the body."""
        message = await self._receive()
        self._ended = self._ended or message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send; a refusal that leaves a body unread closes the connection behind itself."""
        if message["type"] == "http.response.start":
            self._closing = message["status"] >= _REFUSED and not self._ended and self._announces_body()
            if self._closing:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await self._send(message)
        elif message["type"] == "http.response.body":
            await self._send_body(message)
        else:
            await self._send(message)

    async def _send_body(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if len(body) <= _CHUNK and not self._closing:
            await self._in_time(message)
            return
        whole = memoryview(body)
        for start in range(0, max(len(body), 1), _CHUNK):
            last = start + _CHUNK >= len(body)
            piece = bytes(whole[start : start + _CHUNK])
            await self._in_time({**message, "body": piece, "more_body": more or not last or self._closing})
        if self._closing and not more:
            await self._linger()
            await self._in_time({**message, "body": b"", "more_body": False})

    async def _in_time(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._limits.write_seconds):
                await self._send(message)
        except TimeoutError as error:
            raise _SlowReaderError from error

    async def _linger(self) -> None:
        """Take in and drop what is still being sent, for a moment.

        Closing at once would reset the connection, and the refusal would be lost before the sender looks for it. A sender
        that waits to be told to go on (Expect) sends nothing and needs no such grace.
        """
        if any(name == b"expect" for name, _ in self._scope["headers"]):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger_seconds):
                while not self._ended:
                    await self.receive()

    def _announces_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self._scope["headers"]
        )
