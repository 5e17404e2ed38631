"""What all desks of questions about a party share: whom the caller may ask about, dates, notes, and the record."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Protocol

from features.credit.exposure_file import EXPOSURES, ExposureFile
from features.credit.standing import Standing
from graph.errors import UserError
from serving.access.caller import Caller
from serving.credit.questions.schemas import QuestionAnswer
from serving.credit.scope import may_ask, require_book, require_party
from serving.credit.score.scorer import CreditScorer
from serving.credit.sources.book_store import BookStore
from serving.credit.sources.feature_store import FeatureStore
from serving.credit.sources.freshness import AgeLimits, dated_notes, refuse_old
from serving.errors import NotReadyError
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json
from serving.moments import local_day
from serving.schemas import Note

__all__ = ["CreditNow", "QuestionDesk"]


class CreditNow(Protocol):
    """What of credit is loaded now."""

    def scorer(self) -> CreditScorer:
        """Return the model's scorer. Raises NotReadyError, ModelKilledError."""

    @property
    def book(self) -> BookStore | None:
        """Return what is known of every party beside its features."""

    @property
    def store(self) -> FeatureStore | None:
        """Return the newest features."""


class QuestionDesk:
    """Whom may be asked about, as of when, and how it is written down."""

    def __init__(
        self,
        credit: CreditNow,
        *,
        features: Path,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        ages: AgeLimits,
        zone: tzinfo,
    ) -> None:
        self.credit, self.now, self.new_id = credit, clock, new_id
        self._exposures, self._ages = features / EXPOSURES, ages
        self._zone = zone
        self._opened: tuple[tuple[int, ...], ExposureFile] | None = None

    def require_party(self, caller: Caller, party_id: str) -> None:
        """Refuse a party outside of the caller's business. Raises OutsideScopeError, NotReadyError."""
        require_party(caller, self.credit.book, party_id)

    def standings(self, party_ids: Sequence[str], caller: Caller) -> Mapping[str, Standing]:
        """Return where those parties stand that the caller may ask about; none without features."""
        store = self.credit.store
        if store is None:
            return {}
        known = [party for party in party_ids if party in store.rows]
        if not caller.sees_all:
            book = require_book(self.credit.book)
            known = [party for party in known if may_ask(caller, book, party)]
        return {party: store.standing(party) for party in known}

    def data_as_of(self) -> date | None:
        """Return the date of the newest features."""
        store = self.credit.store
        return None if store is None else store.data_as_of

    def exposures(self) -> ExposureFile:
        """Return the prepared exposures, read anew when the file changed. Raises NotReadyError."""
        try:
            stamp = _stamp(self._exposures)
            if self._opened is None or self._opened[0] != stamp:
                self._opened = (stamp, ExposureFile.open(self._exposures))
        except UserError as error:
            raise NotReadyError("exposures", zh=error.zh, en=error.en) from error
        return self._opened[1]

    def age_notes(self, *, data_as_of: date | None = None, graph_as_of: date | None = None) -> list[Note]:
        """Warn of what is too old; refuse it where that is the policy. Raises StaleError."""
        today = local_day(self.now(), self._zone)
        notes = dated_notes(today, self._ages, data_as_of=data_as_of, graph_as_of=graph_as_of)
        refuse_old(notes, self._ages)
        return list(notes)

    def write(
        self,
        route: str,
        answer: QuestionAnswer,
        asked: Mapping[str, Json],
        caller: Caller,
        *,
        said: Mapping[str, Json],
        subject: str,
    ) -> Answered:
        """Write an answer out with its record."""
        return write_answer(route, answer, asked, caller, said=said, at=answer.answered_at, subject=subject)


def _stamp(path: Path) -> tuple[int, ...]:
    found: list[int] = []
    for one in (path, path.with_suffix(".json")):
        try:
            status = one.stat()
        except OSError:
            found += [0, 0, 0]
        else:
            found += [status.st_mtime_ns, status.st_size, status.st_ino]
    return tuple(found)
