"""Random bytes and the ids made of them: the system is asked for many at once, as asking it costs more than an id does."""

import os
import threading
import uuid
from collections.abc import Callable
from typing import Final

__all__ = ["RandomBytes", "new_bytes", "new_id"]

_BLOCK: Final = 4096
_ID_BYTES: Final = 16


class RandomBytes:
    """Gives out bytes of the system's generator, each once; for ids, not for secrets."""

    def __init__(self, source: Callable[[int], bytes] = os.urandom) -> None:
        self._source, self._lock = source, threading.Lock()
        self._block, self._used = b"", 0

    def __call__(self, count: int) -> bytes:
        """Return so many bytes."""
        if count > _BLOCK:
            return self._source(count)
        with self._lock:
            if self._used + count > len(self._block):
                self._block, self._used = self._source(_BLOCK), 0
            start, self._used = self._used, self._used + count
            return self._block[start : self._used]

    def forget(self) -> None:
        """Drop what is held: a forked process would give out the bytes that its parent gives out."""
        self._lock, self._block, self._used = threading.Lock(), b"", 0


new_bytes: Final = RandomBytes()
os.register_at_fork(after_in_child=new_bytes.forget)


def new_id() -> str:
    """Return a new random id: a UUID of version 4, without hyphens."""
    return uuid.UUID(bytes=new_bytes(_ID_BYTES), version=4).hex
