"""The access log: one JSON object a line, one file a day, kept for 180 days at least, written by every worker.

The day is in the file's name: nothing is renamed, so workers need not agree on a moment to rotate. Lines are written to a
file opened for appending, which the kernel puts behind those of other workers in one piece. Within an event loop the lines
of a tenth of a second are one write, in a thread of its own: neither many lines nor a disk that hangs hold up an answer. A
worker that is killed loses as much of this log, and nothing of the ledger.
"""

import asyncio
import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import orjson

from serving.operations.observing import Seen

__all__ = ["LEAST_DAYS", "AccessLog"]

# 《网络安全法》第二十一条（三）: network logs are kept for six months at least. No setting goes below it.
LEAST_DAYS: Final = 180
_NAME: Final = re.compile(r"access-(\d{4}-\d{2}-\d{2})\.jsonl")
# Asked every few seconds by machines; only what goes wrong with them is worth a line.
_PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_FIRST_ERROR: Final = 400
_TOGETHER_SECONDS: Final = 0.1
# Behind a disk that hangs; those that come then are counted as lost. Some 30 MB.
_MOST_WAITING: Final = 100_000


class AccessLog:
    """Writes a line per answer. What cannot be written is counted, and the service goes on."""

    def __init__(
        self,
        folder: Path,
        *,
        keep_days: int,
        clock: Callable[[], datetime],
        on_failure: Callable[[], None],
    ) -> None:
        self._folder, self._keep_days = folder, max(LEAST_DAYS, keep_days)
        self._clock, self._on_failure = clock, on_failure
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._lines: list[tuple[date, bytes]] = []
        self._due: asyncio.AbstractEventLoop | None = None
        self._thread = ThreadPoolExecutor(1, "access-log")
        self._day: date | None = None
        self._file: int | None = None
        self._torn = False
        self.problem: str | None = None

    def write(self, seen: Seen) -> None:
        """Write what may be told of a request, within an event loop a moment later; never raises."""
        if seen.route in _PROBES and seen.status < _FIRST_ERROR:
            return
        now = self._clock().astimezone(UTC)
        line = orjson.dumps(
            {
                "timestamp": now.isoformat(timespec="milliseconds"),
                "level": "info",
                "event": "request",
                "route": seen.route,
                "method": seen.method,
                "status": seen.status,
                "ms": round(seen.seconds * 1000, 3),
                "trace_id": seen.trace_id,
                "request_id": seen.request_id,
                "key_id": seen.key_id or None,
                "problem": seen.problem or None,
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        with self._lock:
            if len(self._lines) >= _MOST_WAITING:
                self._on_failure()
                return
            self._lines.append((now.date(), line))
        if not self._later():
            self.flush()

    def flush(self) -> None:
        """Write the lines that wait, and wait for those that are being written."""
        with self._writing:
            with self._lock:
                self._due = None
                lines, self._lines = self._lines, []
            for day, together in groupby(lines, key=itemgetter(0)):
                self._write([line for _, line in together], day)

    def close(self) -> None:
        """Write what waits and give the file back."""
        self._thread.shutdown()
        self.flush()
        with self._writing:
            self._close()

    def _later(self) -> bool:
        """Have the lines written soon, if there is an event loop to do it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._due is not loop:  # a timer of a loop that ended never rings
            self._due = loop
            loop.call_later(_TOGETHER_SECONDS, self._flush_beside)
        return True

    def _flush_beside(self) -> None:
        try:
            self._thread.submit(self.flush)
        except RuntimeError:  # it was closed meanwhile, or no thread can be started
            self.flush()

    def _write(self, lines: Sequence[bytes], day: date) -> None:
        try:
            self._append(b"".join(lines), day)
            self.problem = None
        except OSError as error:
            self._close()  # what is wrong may be this file alone: the next lines open it anew, by its name
            self.problem = error.strerror or type(error).__name__
            for _ in lines:
                self._on_failure()

    def _append(self, lines: bytes, day: date) -> None:
        file = self._file if day == self._day else None
        # A file that was removed takes lines in and loses them when it is closed.
        file = self._open(day) if file is None or os.fstat(file).st_nlink == 0 else file
        # After a write that broke off the next line begins on its own.
        lines = b"\n" + lines if self._torn else lines
        self._torn = True
        written = os.write(file, lines)
        if written < len(lines):
            raise OSError(0, f"only {written} of {len(lines)} bytes could be written")
        self._torn = False

    def _open(self, day: date) -> int:
        self._close()
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        path = self._folder / f"access-{day}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._day = day
        _remove_old(self._folder, self._keep_days)
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _remove_old(folder: Path, keep_days: int) -> None:
    """Remove a day's file once there are files of `keep_days` later days.

    Days are counted by the files that exist and not from the clock: a clock that jumps ahead removes nothing.
    """
    files = _by_day(folder.iterdir())
    for day in sorted(files)[:-keep_days]:
        # Another worker may have been here first.
        files[day].unlink(missing_ok=True)


def _by_day(paths: Iterable[Path]) -> dict[str, Path]:
    named = ((_NAME.fullmatch(path.name), path) for path in paths)
    return {found[1]: path for found, path in named if found}
