"""SQLite's write-ahead log, brought into the file beside the commits, so that no commit waits for more than the rest of it."""

import threading
from contextlib import suppress
from typing import Final

from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError

__all__ = ["WriteAheadLog"]

_BYTES: Final = 8 * 2**20


class WriteAheadLog:
    """Empties the log each time so much was written; does nothing for PostgreSQL, which does the same by itself.

    SQLite itself would do it within a commit, which then takes 50 ms where others take one. Most of the work needs no
    lock, and is done in a thread of its own; what was written meanwhile is done between two commits, after which
    the log begins again from its start. For one committing thread.
    """

    def __init__(self, database: Database, *, after_bytes: int = _BYTES) -> None:
        self._database, self._after = database, after_bytes
        self._written = 0
        self._thread: threading.Thread | None = None

    def committed(self, size: int) -> None:
        """Note that so many bytes were committed; called between two commits."""
        if self._database.url is not None:
            return
        self._written += size
        if self._thread is not None:
            if not self._thread.is_alive():
                self._thread = None
                self._empty()
        elif self._written >= self._after:
            self._written = 0
            thread = threading.Thread(target=self._empty, name="write-ahead", daemon=True)
            with suppress(RuntimeError):  # no thread can be started: SQLite does it within a commit, later
                thread.start()
                self._thread = thread

    def _empty(self) -> None:
        # PASSIVE waits for nobody. What fails here fails again, and is told, where a record is written.
        with suppress(LedgerUnavailableError), self._database.bare() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
