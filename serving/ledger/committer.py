"""One thread of a process that writes what has gathered while it wrote: many answers in one durable transaction."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.write_ahead import WriteAheadLog
from serving.ledger.writing import Batch, BesideError, write_batches
from serving.operations.metrics import observed_commit, observed_ledger_failure, observed_ledger_queue

__all__ = ["Committer"]

_WAITING_BYTES: Final = 64 * 2**20
_TOGETHER_BYTES: Final = 16 * 2**20
_OVERHEAD_BYTES: Final = 1024  # what a waiting batch costs beside its text
_IDLE_SECONDS: Final = 2.0


@dataclass(eq=False)
class _Waiting:
    """A batch whose caller waits to hear that it is durable, or why not."""

    batch: Batch
    loop: asyncio.AbstractEventLoop | None = None
    future: "asyncio.Future[None] | None" = None
    done: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    abandoned: bool = False

    @property
    def size(self) -> int:
        return self.batch.size + _OVERHEAD_BYTES


class Committer:
    """Takes batches from any thread and any event loop; its own thread ends when nothing comes for a while."""

    def __init__(self, database: Database, *, waiting_bytes: int = _WAITING_BYTES) -> None:
        self._database, self._most = database, waiting_bytes
        self._queue: deque[_Waiting] = deque()
        self._size = 0
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._scopes: set[str] = set()
        self._write_ahead = WriteAheadLog(database)

    @property
    def waiting(self) -> int:
        """Return how many batches wait for the next transaction."""
        return len(self._queue)

    def append(self, batch: Batch) -> None:
        """Return when the batch is durable. Raises LedgerUnavailableError, or what its `beside` raised."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("records cannot be appended from beside other records")
        waiting = _Waiting(batch)
        self._put(waiting)
        waiting.done.wait()
        if waiting.error is not None:
            raise waiting.error

    async def commit(self, batch: Batch) -> None:
        """Return when the batch is durable, like `append`; one whose caller goes away before its turn is not written."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(batch, loop, loop.create_future())
        self._put(waiting)
        assert waiting.future is not None  # noqa: S101 - made two lines above
        try:
            await waiting.future
        except asyncio.CancelledError:
            waiting.abandoned = True
            raise

    def _put(self, waiting: _Waiting) -> None:
        with self._changed:
            if self._queue and self._size + waiting.size > self._most:
                raise LedgerUnavailableError("too many records wait to be written")
            begun = self._begun()
            self._queue.append(waiting)
            self._size += waiting.size
            if not begun and len(self._queue) == 1:
                if waiting.loop is None:
                    self._changed.notify()
                else:  # to wake a thread costs as much as a record: once for all that a turn of the loop puts here
                    waiting.loop.call_soon(self._wake)

    def _begun(self) -> bool:
        """Start the thread where there is none, before anything is queued for it, and say whether it was started now."""
        if self._thread is not None and self._thread.is_alive():
            return False
        thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise LedgerUnavailableError("no thread can be started") from error
        self._thread = thread
        return True

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _work(self) -> None:
        while taken := self._taken():
            self._write([waiting for waiting in taken if not waiting.abandoned])
            self._write_ahead.committed(sum(waiting.batch.size for waiting in taken))
            observed_ledger_queue(len(self._queue))

    def _taken(self) -> list[_Waiting]:
        """Take what waits, up to what one transaction should hold; empty when nothing came for a while."""
        with self._changed:
            if not self._queue and not self._changed.wait(_IDLE_SECONDS) and not self._queue:
                self._thread = None
                return []
            taken: list[_Waiting] = []
            size = 0
            while self._queue and (not taken or size + self._queue[0].size <= _TOGETHER_BYTES):
                taken.append(self._queue.popleft())
                size += taken[-1].size
            self._size -= size
            return taken

    def _write(self, waiting: Sequence[_Waiting]) -> None:
        if not waiting:
            return
        error = self._transaction(waiting)
        if error is not None and len(waiting) > 1 and not _is_of_the_database(error):
            # One of them is at fault: each gets a transaction of its own, so that the others do not suffer for it.
            for one in waiting:
                one.error = self._transaction([one])
        else:
            for one in waiting:
                one.error = error
        _tell(waiting)

    def _transaction(self, waiting: Sequence[_Waiting]) -> Exception | None:
        began = time.perf_counter()
        try:
            with self._database.writing() as connection:
                added = write_batches(connection, [one.batch for one in waiting], self._scopes)
        except BesideError as error:
            return error.told() if len(waiting) == 1 else error
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            if _is_of_the_database(error):
                observed_ledger_failure()
            return error
        self._scopes |= added
        records = sum(len(one.batch.lines) for one in waiting)
        with contextlib.suppress(OSError, ValueError):  # it is durable, whatever becomes of the figures
            observed_commit(time.perf_counter() - began, records, ended_at=time.time())
        return None


def _is_of_the_database(error: Exception) -> bool:
    """Tell whether the next transaction would fail the same way, whatever is in it."""
    cause = error.__cause__ if isinstance(error, LedgerUnavailableError) else error
    if isinstance(cause, DBAPIError):
        return isinstance(cause, OperationalError | InterfaceError)
    return isinstance(error, LedgerUnavailableError)


def _tell(waiting: Sequence[_Waiting]) -> None:
    """Wake those who wait: each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for one in waiting:
        if one.loop is None:
            one.done.set()
        else:
            by_loop.setdefault(one.loop, []).append(one)
    for loop, ones in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, ones)


def _resolve(waiting: Sequence[_Waiting]) -> None:
    for one in waiting:
        if one.future is None or one.future.done():
            continue
        if one.error is not None:
            one.future.set_exception(one.error)
        else:
            one.future.set_result(None)
