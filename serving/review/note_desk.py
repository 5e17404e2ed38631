"""Notes of people on decisions: kept in the chain and shown beside the decision to whoever may see it."""

from typing import Final

from serving.access.caller import Caller
from serving.decisions.reading import subject_of
from serving.ledger.answered import Answered
from serving.ledger.chain import Json
from serving.review.acting import Acting
from serving.review.note_schemas import DecisionNote, NoteAnswer, NoteRequest
from serving.review.review_store import Held, ReviewStore

__all__ = ["NoteDesk"]

_ROUTE: Final = "decisions/note"
_KEPT: Final = "kept"


class NoteDesk:
    """Keep notes, and list those of a decision."""

    def __init__(self, store: ReviewStore, acting: Acting) -> None:
        self._store, self._acting = store, acting

    def note(self, decision_id: str, request: NoteRequest, caller: Caller) -> Answered:
        """Note something on a decision that the caller may see. Raises UnknownDecisionError, LedgerUnavailableError."""
        act = self._acting.act(caller)
        record = self._acting.reader.get(decision_id, caller).record
        new = DecisionNote(
            note_id=self._acting.new_id(), of_decision=decision_id, note=request.note, by=act.by(None)
        )
        answer = NoteAnswer(**act.reading, annotation=new)
        asked: dict[str, Json] = {"of_decision": decision_id, "note": request.note}
        said: dict[str, Json] = {"note_id": new.note_id, "by": new.by.model_dump(mode="json")}
        answered = act.write(_ROUTE, answer, asked, said, subject_of(record))
        companies = record.get("companies")
        held = Held(
            review_id=new.note_id,
            decision_id=decision_id,
            subject=subject_of(record),
            companies=[str(one) for one in companies] if isinstance(companies, list | tuple) else None,
            state=_KEPT,
            last_day="",
            is_open=False,
            body=new.model_dump_json(),
        )
        self._store.add(held, answered.record, has_ended=lambda _: True)
        return answered

    def of_decision(self, decision_id: str) -> list[DecisionNote]:
        """Return the notes on a decision, newest first."""
        return [
            DecisionNote.model_validate_json(held.body) for held in self._store.all(decision_id=decision_id)
        ]
