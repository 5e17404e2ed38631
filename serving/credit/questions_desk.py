"""What all desks of questions about a party share: whom the caller may ask about, dates, notes, and the record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, Protocol

from features.credit.exposure_file import EXPOSURES, ExposureFile
from features.credit.standing import Standing
from graph.errors import UserError
from serving.access.caller import Caller
from serving.champions.errors import StaleError
from serving.credit.book_store import BookStore
from serving.credit.feature_store import FeatureStore
from serving.credit.questions_schemas import QuestionAnswer, QuestionQuality
from serving.credit.scope import may_ask, require_book, require_party
from serving.credit.scorer import CreditScorer
from serving.errors import NotReadyError
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json
from serving.schemas import Note, Quality

__all__ = ["Ages", "CreditNow", "QuestionDesk", "quality_codes"]

_REFUSE: Final = "refuse"


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


@dataclass(frozen=True)
class Ages:
    """How old data and graph may be before an answer says so, or is refused; None sets no limit."""

    data_days: int
    graph_days: int | None
    policy: str = "flag"


class QuestionDesk:
    """Whom may be asked about, as of when, and how it is written down."""

    def __init__(
        self,
        credit: CreditNow,
        *,
        features: Path,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        ages: Ages,
    ) -> None:
        self.credit, self.now, self.new_id = credit, clock, new_id
        self._exposures, self._ages = features / EXPOSURES, ages
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
        notes = [
            note
            for note in (
                self._age_note("stale_data", "数据", "data", data_as_of, self._ages.data_days),
                self._age_note("stale_graph", "图谱", "graph", graph_as_of, self._ages.graph_days),
            )
            if note is not None
        ]
        if notes and self._ages.policy == _REFUSE:
            zh, en = "".join(note.text_zh for note in notes), " ".join(note.text_en for note in notes)
            raise StaleError(
                zh=f"{zh}按设置（ZHIHENG_STALE_POLICY_CREDIT=refuse）不予作答。",
                en=f"{en} By setting (ZHIHENG_STALE_POLICY_CREDIT=refuse) no answer is given.",
            )
        return notes

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

    def _age_note(self, code: str, zh: str, en: str, as_of: date | None, limit: int | None) -> Note | None:
        if as_of is None or limit is None:
            return None
        age = (self.now().date() - as_of).days
        if age <= limit:
            return None
        return Note(
            code=code,
            text_zh=f"{zh}截至 {as_of}，已有 {age} 天，请更新后再作决定。",
            text_en=f"The {en} is of {as_of}, {age} days old; renew it before deciding.",
        )


def quality_codes(quality: QuestionQuality | Quality) -> Mapping[str, Json]:
    """Return a quality as the ledger keeps it."""
    return {"level": str(quality.level), "notes": [note.code for note in quality.notes]}


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
