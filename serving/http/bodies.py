"""Read a body up to its limit and within its time: at once, or piece by piece."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from serving.http.errors import BodyTooLargeError, SlowBodyError

__all__ = ["ArrivalTime", "arriving", "whole_body"]


class ArrivalTime:
    """How long a body may take to arrive: a time of its own, which the answer's deadline waits for, or one within it."""

    def __init__(self, deadline: asyncio.Timeout, *, own: float | None, other: float) -> None:
        self.seconds = own or other
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + self.seconds
        self._deadline = deadline if own is not None else None
        self._left = (deadline.when() or self._end) - self._loop.time()
        if self._deadline is not None:
            self._deadline.reschedule(self._end + self._left)

    async def next_of(self, stream: AsyncIterator[bytes]) -> bytes | None:
        """Wait for the next piece, None at the end. Raises SlowBodyError."""
        try:
            async with asyncio.timeout_at(self._end):
                return await anext(stream, None)
        except TimeoutError as error:
            raise SlowBodyError(self.seconds) from error

    def arrived(self) -> None:
        """Let the time for the answer begin where the body had its own."""
        if self._deadline is not None:
            self._deadline.reschedule(self._loop.time() + self._left)


async def arriving(request: Request, limit: int, time: ArrivalTime) -> AsyncIterator[bytes]:
    """Yield a body as it comes. Raises BodyTooLargeError, SlowBodyError."""
    stream, taken = request.stream(), 0
    while (piece := await time.next_of(stream)) is not None:
        taken += len(piece)
        if taken > limit:
            raise BodyTooLargeError(limit)
        if piece:
            yield piece
    time.arrived()


async def whole_body(request: Request, limit: int) -> bytearray:
    """Read a body that fits into memory. Raises BodyTooLargeError and ClientDisconnect."""
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise BodyTooLargeError(limit)
    return body
