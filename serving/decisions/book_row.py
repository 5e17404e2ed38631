"""Give one row of a scored book back with its proof, without HTTP."""

from collections.abc import Callable, Mapping
from pathlib import Path

from serving.access.caller import Caller
from serving.credit.scope import require_party
from serving.credit.sources.book_store import BookStore
from serving.decisions.book_row_schemas import BookRowAnswer, ProofStep, RowLeaf
from serving.ledger.answered import Answered
from serving.ledger.json_text import Json
from serving.review.acting import Acting

__all__ = ["BookRowDesk"]


class BookRowDesk:
    """Reads rows of books for those who may see the book's record and the row's party."""

    def __init__(self, acting: Acting, books: Path, parties: Callable[[], BookStore | None]) -> None:
        self._acting, self._books, self._parties = acting, books, parties

    def row(self, decision_id: str, row: str, caller: Caller) -> Answered:
        """Return a row with its proof.

        Raises UnknownDecisionError, UnknownBookRowError, BookGoneError, OutsideScopeError.
        """
        from serving.credit.books.kept import kept_book  # noqa: PLC0415 - it reads tables, most workers never do

        act = self._acting.act(caller)
        decision = self._acting.reader.get(decision_id, caller)
        book = kept_book(decision, self._books)
        kept = book.row(row)
        party = str(kept.values.get("party_id") or "")
        if party and kept.values.get("status") == "answered":  # a row that failed says what was sent alone
            require_party(caller, self._parties(), party)
        answer = BookRowAnswer(
            **act.reading,
            of_decision=decision_id,
            book_id=book.book_id,
            row=kept.row,
            values={
                name: value if value is None or isinstance(value, int | float) else str(value)
                for name, value in kept.values.items()
            },
            leaf=RowLeaf(
                words=kept.leaf.words.decode(),
                floats=kept.leaf.floats.hex(),
                float_names=list(kept.floats),
                sha256=kept.leaf.digest.hex(),
            ),
            path=[ProofStep(side=side, sha256=other) for side, other in kept.path],
            merkle_root=book.root,
            proven=kept.proven,
            seq=decision.seq,
            record_hash=decision.hash,
            record_intact=decision.intact,
        )
        told: Mapping[str, Json] = {
            "of_decision": decision_id,
            "row": kept.row,
            "leaf": answer.leaf.sha256,
            "proven": kept.proven,
        }
        return act.write("decisions/row", answer, {"decision_id": decision_id, "row": row[:20]}, told, party)
