"""Notices risky use: counts per key over a window, and notes once per window what passes a threshold."""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from serving.access.caller import Caller
from serving.access.errors import RefusedKeyError
from serving.access.risk_events import RiskEvents, RiskKind
from serving.access.working_hours import WorkingHours
from serving.ledger.chain import Json
from serving.ledger.errors import LedgerUnavailableError

__all__ = ["Thresholds", "Watch"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
_MOST_KEYS: Final = 4096
_BY_CAUSE: Final[Mapping[str, RiskKind]] = {
    "withdrawn": RiskKind.WITHDRAWN_KEY_USED,
    "expired": RiskKind.EXPIRED_KEY_USED,
    "rotated": RiskKind.ROTATED_KEY_USED,
}


@dataclass(frozen=True)
class Thresholds:
    """From how many on something stands out, within how many seconds."""

    seconds: float
    rows: int
    parties: int
    refusals: int
    out_of_scope: int
    workers: int = 1

    def share(self, workers: int) -> "Thresholds":
        """Return what one of several workers is to note at.

        Where all together reach a threshold, one has reached its share; its window may have ended in between.
        """
        return Thresholds(
            self.seconds,
            rows=-(-self.rows // workers),
            parties=-(-self.parties // workers),
            refusals=-(-self.refusals // workers),
            out_of_scope=-(-self.out_of_scope // workers),
            workers=workers,
        )


@dataclass(slots=True)
class _Window:
    """What a key did since the window began, in this process; parties and tries as short hashes, never as themselves."""

    began: float
    rows: int = 0
    refusals: int = 0
    parties: set[bytes] = field(default_factory=set)
    outside: set[bytes] = field(default_factory=set)
    noted: set[RiskKind] = field(default_factory=set)


class Watch:
    """One for each worker, each with its share of the thresholds: nothing that reaches one twice over all of them, within
    the length of a window, goes unnoticed. Windows do not slide, so that less may be divided by the end of one.

    What comes to few of them may be noted early; the note says of how many workers the count is one's.
    """

    def __init__(
        self,
        events: RiskEvents,
        thresholds: Thresholds,
        hours: WorkingHours,
        *,
        clock: Callable[[], datetime],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.events, self._thresholds, self._hours = events, thresholds, hours
        self._clock, self._timer = clock, timer
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._turn = threading.Lock()

    def prepare(self) -> None:
        """Load what the first look at the clock would load."""
        self._hours.prepare()

    def scored(self, caller: Caller, rows: int) -> None:
        """Count rows that were scored together, and note what is due; may wait for the ledger."""
        self.note(self.count_scored(caller, rows), caller)

    def count_scored(self, caller: Caller, rows: int) -> Mapping[RiskKind, int]:
        """Count rows of a book, or sent features, that were scored: many outside working hours are to be noted."""
        with self._turn:
            window = self._window(caller.call.key_id)
            window.rows += rows
            count = window.rows
            due = count >= self._thresholds.rows and self._off_hours(window, RiskKind.MASS_SCORING_OFF_HOURS)
        return {RiskKind.MASS_SCORING_OFF_HOURS: count} if due else {}

    def asked(self, caller: Caller, party_id: str) -> bool:
        """Count a party that was asked about, and tell whether `note_parties` is to be called. Takes a microsecond or two."""
        with self._turn:
            window = self._window(caller.call.key_id)
            if len(window.parties) < self._thresholds.parties:
                window.parties.add(_short(party_id))
            return len(window.parties) >= self._thresholds.parties and self._off_hours(
                window, RiskKind.MANY_PARTIES_OFF_HOURS
            )

    def note_parties(self, caller: Caller) -> None:
        """Note that a key asked about many different parties outside working hours."""
        self._note(RiskKind.MANY_PARTIES_OFF_HOURS, caller, self._thresholds.parties)

    def refused(self, caller: Caller, what: str = "", *, outside: bool = False) -> None:
        """Count an answer that was refused, and note what is due; may wait for the ledger."""
        self.note(self.count_refused(caller, what, outside=outside), caller)

    def count_refused(
        self, caller: Caller, what: str = "", *, outside: bool = False
    ) -> Mapping[RiskKind, int]:
        """Count an answer that was refused, and return what is to be noted now, without waiting for anything.

        `outside` when it was about others' companies, `what` tells tries apart.
        """
        due: dict[RiskKind, int] = {}
        with self._turn:
            window = self._window(caller.call.key_id)
            window.refusals += 1
            if outside and len(window.outside) < self._thresholds.out_of_scope:
                window.outside.add(_short(what))
            counts = {
                RiskKind.MANY_REFUSALS: (window.refusals, self._thresholds.refusals),
                RiskKind.MANY_OUT_OF_SCOPE: (len(window.outside), self._thresholds.out_of_scope),
            }
            for kind, (count, limit) in counts.items():
                if count >= limit and kind not in window.noted:
                    window.noted.add(kind)
                    due[kind] = count
        return due

    def invalid(self, error: RefusedKeyError, caller: Caller) -> None:
        """Count the use of a key that is not valid any more, and note it where that is due; may wait for the ledger."""
        self.note(self.count_invalid(error, caller), caller)

    def count_invalid(self, error: RefusedKeyError, caller: Caller) -> Mapping[RiskKind, int]:
        """Count the use of a key that is not valid any more, which is to be noted once per window."""
        kind = _BY_CAUSE[error.cause]
        with self._turn:
            window = self._window(caller.call.key_id)
            window.refusals += 1
            due = kind not in window.noted
            window.noted.add(kind)
        return {kind: 1} if due else {}

    def note(self, due: Mapping[RiskKind, int], caller: Caller) -> None:
        """Note what passed its threshold; waits for the ledger."""
        for kind, count in due.items():
            self._note(kind, caller, count)

    def not_noted(self, due: Mapping[RiskKind, int], caller: Caller) -> None:
        """Leave to the log what the ledger did not take in time: it may never."""
        for kind in due:
            _LOG.error("risky use could not be noted: %s by key %s", kind.value, caller.call.key_id)

    def _note(self, kind: RiskKind, caller: Caller, count: int) -> None:
        """Note a count. A ledger that is away does not turn an answer into an error here: the log has it then."""
        said: dict[str, Json] = {
            "count": count,
            "window_seconds": self._thresholds.seconds,
            "workers": self._thresholds.workers,
        }
        try:
            self.events.note(kind, caller, rows=count, said=said)
        except LedgerUnavailableError:
            self.not_noted({kind: count}, caller)

    def _off_hours(self, window: _Window, kind: RiskKind) -> bool:
        """Tell whether a count that passed its threshold is to be noted now; it is noted once per window."""
        if kind in window.noted or self._hours.contain(self._clock()):
            return False
        window.noted.add(kind)
        return True

    def _window(self, key_id: str) -> _Window:
        now = self._timer()
        window = self._windows.get(key_id)
        if window is None or now - window.began >= self._thresholds.seconds:
            window = self._windows[key_id] = _Window(now)
            self._windows.move_to_end(key_id)
            while len(self._windows) > _MOST_KEYS:
                self._windows.popitem(last=False)
        return window


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest()
