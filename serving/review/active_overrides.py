"""Which override counts for a party now, for those that score it anew."""

import threading
from collections.abc import Mapping
from datetime import datetime

from serving.review.override_schemas import CreditOverride, OverrideState
from serving.review.review_store import ReviewStore

__all__ = ["ActiveOverrides"]


class ActiveOverrides:
    """The approved overrides by party, read again at most every few seconds: a score must not wait for the database."""

    def __init__(self, store: ReviewStore, *, seconds: float = 2.0) -> None:
        self._store, self._seconds = store, seconds
        self._read_at: datetime | None = None
        self._held: Mapping[str, tuple[CreditOverride, ...]] = {}
        self._reading = threading.Lock()

    def active_override(self, party_id: str, now: datetime) -> CreditOverride | None:
        """Return the newest approved override of a party whose last day is not behind, None where there is none.

        An override approved in the last seconds may not be known yet. Raises LedgerUnavailableError at the first reading.
        """
        day = now.astimezone().date()
        return next((one for one in self._current(now).get(party_id, ()) if one.until >= day), None)

    def _current(self, now: datetime) -> Mapping[str, tuple[CreditOverride, ...]]:
        with self._reading:
            # A clock set back reads anew too.
            if self._read_at is None or not 0 <= (now - self._read_at).total_seconds() < self._seconds:
                held: dict[str, tuple[CreditOverride, ...]] = {}
                for row in self._store.all(state=OverrideState.ACTIVE):
                    one = CreditOverride.model_validate_json(row.body)
                    held[row.subject] = (*held.get(row.subject, ()), one)
                self._held, self._read_at = held, now
            return self._held
