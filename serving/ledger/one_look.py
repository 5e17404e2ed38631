"""Look at a database that may hang: one look at a time, in a thread of its own, and nobody waits for it without end."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from serving.ledger.errors import LedgerUnavailableError

__all__ = ["OneLook"]

T = TypeVar("T")
# Less than what orchestrators wait for a probe; a database that needs longer for one row holds up every answer anyway.
_WAIT_SECONDS: Final = 1.5


class OneLook(Generic[T]):
    """Shares one look among all who ask while it is under way; one that is stuck is not begun again until it returns.

    A hung server of a database answers neither yes nor no, and no client can end its wait for it: a look for each who asks
    would hold a thread and a connection each.
    """

    def __init__(self, look: Callable[[], T], *, name: str, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._look, self._name, self._wait_seconds = look, name, wait_seconds
        self._turn = threading.Lock()
        self._going: Future[T] | None = None
        self._until = 0.0

    def result(self) -> T:
        """Return what is seen. Raises LedgerUnavailableError, also where nothing was seen in time; whatever else the look raises.

        The time counts from the begin of the look: who comes later to one that is stuck is told at once.
        """
        with self._turn:
            if self._going is None or self._going.done():
                self._going = self._begun()
            going, left = self._going, self._until - time.monotonic()
        try:
            return going.result(max(left, 0.0))
        except TimeoutError as error:
            raise LedgerUnavailableError("the database does not answer") from error

    def _begun(self) -> Future[T]:
        going: Future[T] = Future()
        # A daemon: a process that ends does not wait for a database that hangs.
        thread = threading.Thread(target=self._run, args=(going,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise LedgerUnavailableError("no thread can be started") from error
        self._until = time.monotonic() + self._wait_seconds
        return going

    def _run(self, going: Future[T]) -> None:
        try:
            seen = self._look()
        except BaseException as error:  # noqa: BLE001 - it belongs to those who wait
            going.set_exception(error)
        else:
            going.set_result(seen)
