"""Random bytes for ids: the system is asked for many at once, as asking it costs more than an id does."""

import os
import threading
from collections.abc import Callable
from typing import Final

__all__ = ["RandomBytes"]

_BLOCK: Final = 4096


class RandomBytes:
    """Gives out bytes of the system's generator, each once; for ids, not for secrets. Made in the process that uses it."""

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
