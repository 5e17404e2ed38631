"""Close connections that do not say what they want: uvicorn itself would wait for the headers of a request for ever."""

import asyncio
from collections.abc import Callable
from typing import ClassVar, Protocol

__all__ = ["limit_header_time"]


class _Cycle(Protocol):
    response_complete: bool


class _Patient(asyncio.Protocol):
    """Stands before uvicorn's protocol of one connection.

    A connection has so many seconds from its begin, or from the first byte after an answer, until the headers of a
    request are whole. Idle connections between requests are uvicorn's own to close, and bodies are timed by their routes.
    """

    seconds: ClassVar[float]
    on_closed: ClassVar[Callable[[], None]]
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    cycle: _Cycle | None
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on, or be done where a request has begun."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._done()
        elif self._due is None and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._done()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._due = self.loop.call_later(self.seconds, self._close)

    def _done(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _close(self) -> None:
        self._due = None
        if not self.transport.is_closing():
            type(self).on_closed()
            self.transport.close()


def limit_header_time(seconds: float, on_closed: Callable[[], None]) -> None:
    """Let the uvicorn of this process, whoever starts it, close such connections and tell of each."""
    from uvicorn.protocols.http import auto  # noqa: PLC0415 - a worker has it loaded already, others need it not

    if not issubclass(auto.AutoHTTPProtocol, _Patient):
        limits = {"seconds": seconds, "on_closed": staticmethod(on_closed)}
        auto.AutoHTTPProtocol = type("PatientProtocol", (_Patient, auto.AutoHTTPProtocol), limits)
