"""Hold the newest records of the ledger against each other from time to time, so that a broken chain is seen within a minute."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import select

from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import decisions
from serving.ledger.verification import ChainBreak, verify_links
from serving.operations.metrics import observed_chain

__all__ = ["ChainWatch"]

# Some milliseconds of work: the whole chain is for `zhiheng ledger verify`, which no answer waits behind.
_ROWS: Final = 100
_EVERY_SECONDS: Final = 60.0
_NEWEST: Final = select(decisions).order_by(decisions.c.seq.desc()).limit(_ROWS)


class ChainWatch:
    """Looks at the newest records at most once a minute."""

    def __init__(self, database: Database, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._database, self._timer = database, timer
        self._next = 0.0

    def look(self) -> ChainBreak | None:
        """Return where the chain does not hold; None where it does, or where it is not yet time to look again."""
        now = self._timer()
        if now < self._next:
            return None
        self._next = now + _EVERY_SECONDS
        try:
            with self._database.reading() as connection:
                oldest, *rows = reversed(connection.execute(_NEWEST).all())
        except (LedgerUnavailableError, ValueError):  # the part "ledger" says so; or there is no record yet
            return None
        broken = verify_links(rows, oldest.seq, oldest.hash).broken
        observed_chain(broken=broken is not None)
        return broken
