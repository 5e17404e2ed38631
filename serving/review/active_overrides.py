"""Which override counts for a party now, for those that score it: held in memory, as a score never waits for a look-up."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from serving.access.caller import Caller
from serving.credit.score.schemas import PartyOverride
from serving.moments import local_day
from serving.review.override_schemas import CreditOverride, OverrideState
from serving.review.review_store import Held, ReviewStore

__all__ = ["ActiveOverrides"]


@dataclass(frozen=True)
class _Active:
    held: Held
    last_day: date
    told: PartyOverride


class ActiveOverrides:
    """The approved overrides by party as they were read last: after each act in this worker, and with the other parts."""

    def __init__(self, store: ReviewStore, zone: tzinfo) -> None:
        self._store, self._zone = store, zone
        self._held: Mapping[str, tuple[_Active, ...]] | None = None
        self._reading = threading.Lock()

    @property
    def known(self) -> bool:
        """Tell whether they were read at all: a database that is away at the start keeps them unknown."""
        return self._held is not None

    def refresh(self) -> None:
        """Read them anew; what was read before stays where that fails. Raises LedgerUnavailableError."""
        with self._reading:
            held: dict[str, tuple[_Active, ...]] = {}
            for row in self._store.all(state=OverrideState.ACTIVE):
                held[row.subject] = (*held.get(row.subject, ()), _active(row))
            self._held = held

    def active_override(self, party_id: str, caller: Caller, now: datetime) -> PartyOverride | None:
        """Return the newest approved override of a party whose last day is not behind, None where there is none.

        One of a decision that the caller may not see is not told. What another worker approved in the last seconds may not
        be known yet.
        """
        held = (self._held or {}).get(party_id)
        if held is None:
            return None
        day = local_day(now, self._zone)
        return next(
            (one.told for one in held if one.last_day >= day and caller.covers(one.held.companies)), None
        )


def _active(row: Held) -> _Active:
    override = CreditOverride.model_validate_json(row.body)
    told = PartyOverride(
        advice=override.advice,
        grade=override.grade,
        until=override.until,
        override_id=override.override_id,
        decision_id=override.model.decision_id,
    )
    return _Active(row, override.until, told)
