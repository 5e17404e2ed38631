"""What is said of a book as a whole, from what was counted and by whom it was answered."""

from dataclasses import dataclass
from datetime import datetime

from serving.credit.books.bases import BookTerms
from serving.credit.books.run import BookCounts
from serving.credit.books.schemas import BookSummary
from serving.credit.books.scoring import RowScorer

__all__ = ["BookMarks", "summary_of"]


@dataclass(frozen=True)
class BookMarks:
    """What a book's answer bears of its occasion, and what of the table that came is no row."""

    request_id: str
    decision_id: str
    book_id: str
    at: datetime
    blank_lines: int
    ignored: tuple[str, ...]


def summary_of(counts: BookCounts, scorer: RowScorer, terms: BookTerms, marks: BookMarks) -> BookSummary:
    """Return the summary of a book whose rows were scored."""
    stored = scorer.look_up.first.get("stored")
    return BookSummary(
        request_id=marks.request_id,
        decision_id=marks.decision_id,
        book_id=marks.book_id,
        decided_at=marks.at,
        rows=counts.rows,
        rows_answered=counts.answered,
        rows_failed=counts.failed,
        rows_repeated=counts.repeated,
        blank_lines=marks.blank_lines,
        ignored_columns=list(marks.ignored),
        grades={grade: counts.grades[grade] for grade in terms.grades},
        model_version=terms.version,
        policy=terms.policies.advice.on(terms.day_of(marks.at)).name,
        data_as_of=stored.sources.data_as_of if stored is not None else None,
        graph_as_of=stored.sources.graph_as_of if stored is not None else None,
        merkle_root=counts.merkle_root,
        warnings=list(scorer.notes.values()),
    )
