"""Answer the rows of a book by the rules alone, while every model is switched off: advice, never a figure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from serving.access.roles import ALL_COMPANIES
from serving.credit.books.bases import Bases, BookTerms
from serving.credit.books.frame import FIGURES, JOINED, SAID, Answers, BookFrames, say_override
from serving.credit.books.look_up import BookLookUp
from serving.credit.books.reasons import ReasonTexts
from serving.credit.books.rows import BookRows
from serving.credit.score.answer import Marks
from serving.credit.score.basis import Basis
from serving.credit.score.routing import Routed
from serving.credit.score.rules_only import rules_answer
from serving.credit.score.schemas import ScoreAnswer
from serving.credit.sources.freshness import refuse_stale
from serving.errors import FieldProblem
from serving.http.language import Language
from serving.schemas import Note

__all__ = ["RulesBookScorer"]

_NOBODY: Final = Marks(decision_id="", request_id="", companies=(ALL_COMPANIES,))
"""A row tells codes of rules and no figure of theirs, so that nothing is to be left out."""


class RulesBookScorer:
    """Answers pieces of one book at one moment, each row as a single request is answered then."""

    def __init__(
        self, terms: BookTerms, bases: Bases, *, texts: ReasonTexts, language: Language, at: datetime
    ) -> None:
        self._terms = terms
        self._frames = BookFrames(terms.features, texts, language)
        self.look_up = BookLookUp(bases, terms.features, route=_fresh, at=at)
        self._of_given: ScoreAnswer | None = None
        self.inputs: tuple[str, ...] = ()
        self.model_version = terms.version
        self.bases: Mapping[int, Basis] = {}
        self.notes: dict[str, Note] = {}

    def score(self, rows: BookRows, *, num_threads: int = 1) -> pl.DataFrame:
        """Return one row for each row in their order: answered, or failed with what is wrong."""
        del num_threads  # there is nothing to compute with them
        found = self.look_up.find(rows, one_by_one=False)
        self.bases = {place: one.basis for place, one in found.items()}
        answered = np.array([place not in rows.problems for place in range(len(rows))], dtype=np.bool_)
        self.look_up.refuse_empty(rows, answered, found)
        said: dict[str, list[object]] = {name: [None] * len(rows) for name in SAID}
        for place in np.flatnonzero(answered).tolist():
            basis = self.bases.get(place)
            answer = self._given(rows, place) if basis is None else self._answer(basis)
            self.notes |= {note.code: note for note in answer.warnings}
            said["advice"][place] = answer.advice.value
            said["decided_by"][place] = JOINED.join(answer.decided_by)
            said["quality"][place] = answer.quality.level.value
            said["quality_notes"][place] = JOINED.join(note.code for note in answer.quality.notes)
            said["features_known"][place] = answer.quality.features_known
            say_override(said, place, answer.override)
        figures = {name: np.full(len(rows), np.nan) for name in FIGURES}
        return self._frames.write(rows, answered, Answers(figures, said, parts=None))

    def _given(self, rows: BookRows, place: int) -> ScoreAnswer:
        """Return what is said of every row of features: rules know nothing of a party that is not named."""
        if self._of_given is None:
            found = self.look_up.of(rows, place, (None, None, None))
            if isinstance(found, FieldProblem):
                message = "a row of features is answered from what it gives"
                raise TypeError(message)
            self._of_given = self._answer(found.basis)
        return self._of_given

    def _answer(self, basis: Basis) -> ScoreAnswer:
        return rules_answer(basis, self._terms.policies, _NOBODY)


def _fresh(basis: Basis) -> Routed | None:
    """Refuse what is too old while rows are looked up, so that it fails its row. Raises StaleError."""
    refuse_stale(basis)
    return None
