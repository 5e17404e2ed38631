"""A listener where a graph server should be, which does what broken servers do."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

__all__ = ["GraphListener"]

_VERSION = b"\x00\x00\x04\x04"  # Bolt 4.4: its first message holds the password


class GraphListener:
    """One port for the whole session; nothing listens there but within `behaving`."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.asked = threading.Event()

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    @contextmanager
    def behaving(self, how: str) -> Iterator[None]:
        """Listen and do as the name says; "refuses" does not even listen."""
        self.asked.clear()
        if how == "refuses":
            yield
            return
        held: list[socket.socket] = []
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(64)
            thread = threading.Thread(target=self._listen, args=(listener, _WAYS[how], held), daemon=True)
            thread.start()
            try:
                yield
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join(20)
                for one in held:
                    one.close()

    def _listen(
        self, listener: socket.socket, way: Callable[[socket.socket], None], held: list[socket.socket]
    ) -> None:
        with suppress(OSError):  # shut down by the test
            while True:
                caller, _ = listener.accept()
                held.append(caller)
                caller.settimeout(20)
                self.asked.set()
                with suppress(OSError):
                    way(caller)


def _silent(_caller: socket.socket) -> None:
    """Accept, and never answer."""


def _closes(caller: socket.socket) -> None:
    caller.close()


def _babbles(caller: socket.socket) -> None:
    caller.recv(4096)
    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _refuses_password(caller: socket.socket) -> None:
    caller.recv(4096)
    caller.sendall(_VERSION)
    caller.recv(4096)
    told = {"code": "Neo.ClientError.Security.Unauthorized", "message": "The client is unauthorized"}
    message = (
        b"\xb1\x7f" + bytes([0xA0 + len(told)]) + b"".join(_text(x) for pair in told.items() for x in pair)
    )
    caller.sendall(struct.pack(">H", len(message)) + message + b"\x00\x00")


def _text(text: str) -> bytes:
    return b"\xd0" + bytes([len(text)]) + text.encode()


_WAYS: Mapping[str, Callable[[socket.socket], None]] = {
    "is silent": _silent,
    "closes": _closes,
    "babbles": _babbles,
    "refuses the password": _refuses_password,
}
