"""Files of metrics on a full disk: a worker goes on counting in memory instead of being killed at its next new page.

prometheus_client maps files that have no room on the disk yet. Where there is none when a page is first written, the
kernel ends the process (SIGBUS); here the room is asked for before, and a value that finds none stays in memory.
"""

import os
from typing import Final

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

__all__ = ["BackedFile", "back_metric_files"]

_FIRST_BYTES: Final = 1 << 16
_AROUND_KEY: Final = 32  # length, padding, value and time of an entry


class BackedFile(MmapedDict):
    """A mapped file that has room on the disk for every page of it."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's own
        if not read_mode:
            handle = os.open(filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.posix_fallocate(handle, 0, max(os.fstat(handle).st_size, _FIRST_BYTES))
            finally:
                os.close(handle)
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]

    def read_value(self, key: str) -> tuple[float, float]:
        """Return value and time of a key, zeros where there is no room for it."""
        try:
            found: tuple[float, float] = super().read_value(key)  # type: ignore[no-untyped-call]
        except OSError:
            return 0.0, 0.0
        return found

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Write a value; its owner holds it in memory, so one that finds no room now is written whole the next time."""
        try:
            super().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]
        except OSError:
            return

    def _init_value(self, key: str) -> None:
        needed = self._used + len(key.encode()) + _AROUND_KEY
        size = self._capacity
        while needed > size:
            size *= 2
        if size > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, size)
        super()._init_value(key)  # type: ignore[no-untyped-call]


def back_metric_files() -> None:
    """Let metrics that are made from now on be kept in such files."""
    values.MmapedDict = BackedFile  # type: ignore[attr-defined]
