"""Score the rows of a book: rows about parties as single requests are, rows of features all at once, with the same figures."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serving.credit.books.bases import Bases, BookTerms
from serving.credit.books.by_rules import RulesBookScorer
from serving.credit.books.frame import FIGURES, JOINED, SAID, Answers, BookFrames, say_override
from serving.credit.books.look_up import BookLookUp, LookedUp
from serving.credit.books.reasons import ReasonTexts
from serving.credit.books.rows import BookRows
from serving.credit.score.answer import Outcome, outcome_of, route_of
from serving.credit.score.basis import Basis
from serving.credit.terms import Model
from serving.errors import FieldProblem
from serving.http.language import Language
from serving.schemas import Note

if TYPE_CHECKING:
    from models.credit.model import Scores

__all__ = ["BookScorer", "RowScorer", "row_scorer"]

_WORDED: Final = ("grade", "advice", "decided_by", "quality", "quality_notes")

Floats = NDArray[np.float64]


class BookScorer:
    """Scores pieces of one book by a model at one moment."""

    def __init__(
        self,
        model: Model,
        terms: BookTerms,
        bases: Bases,
        *,
        texts: ReasonTexts,
        language: Language,
        at: datetime,
    ) -> None:
        self._model, self._terms, self._day = model, terms.of_model(model), terms.day_of(at)
        self._frames = BookFrames(model.features, texts, language)
        self.look_up = BookLookUp(
            bases, model.features, route=lambda basis: route_of(basis, self._terms), at=at
        )
        self._alike: dict[tuple[str, int], tuple[object, ...]] = {}
        self.inputs, self.model_version = model.features, model.version
        self.bases: Mapping[int, Basis] = {}
        """The bases of the piece that was scored last, by place."""
        self.notes: dict[str, Note] = {}
        """What single answers would be warned of, by code."""

    def score(self, rows: BookRows, *, num_threads: int = 1, one_by_one: bool = False) -> pl.DataFrame:
        """Return one row for each row in their order: answered, or failed with what is wrong.

        `one_by_one` answers rows of features as single requests are answered too; the figures are the same. Raises
        AdditivityError: a model whose explanation does not add up answers nobody.
        """
        found = self.look_up.find(rows, one_by_one=one_by_one)
        self.bases = {place: one.basis for place, one in found.items()}
        for place, one in found.items():
            rows.x[place] = one.basis.values
        answered = np.array([place not in rows.problems for place in range(len(rows))], dtype=np.bool_)
        self.look_up.refuse_empty(rows, answered, found)
        places = np.flatnonzero(answered)
        scores = self._model.score_matrix(np.ascontiguousarray(rows.x[places]), num_threads=num_threads)
        figures, said, parts = self._together(rows, places, scores, found)
        for at, place in enumerate(places.tolist()):
            if place in found:
                outcome = self._outcome(found[place], scores, at)
                self.notes |= {note.code: note for note in outcome.warnings}
                _set_outcome(place, outcome, figures, said, parts)
                say_override(said, place, found[place].basis.override)
        return self._frames.write(rows, answered, Answers(figures, said, parts))

    def _outcome(self, found: LookedUp, scores: "Scores", row: int) -> Outcome:
        return outcome_of(found.basis, self._terms, found.routed, scores=scores, row=row)

    def _together(
        self, rows: BookRows, places: NDArray[np.int64], scores: "Scores", found: Mapping[int, LookedUp]
    ) -> tuple[dict[str, Floats], dict[str, list[object]], Floats]:
        """Return figures, words and contributions of all rows at once, as of rows of features without a line."""
        count = len(rows)
        figures = {name: np.full(count, np.nan) for name in FIGURES}
        given = {name: getattr(scores, name) for name in FIGURES if name != "network_log_odds"}
        given["network_log_odds"] = scores.log_odds - scores.own_log_odds
        for name, values in given.items():
            figures[name][places] = values
        parts = np.zeros((count, rows.x.shape[1]))
        parts[places] = scores.contributions
        points = self._terms.policies.points.on(self._day).points(scores.log_odds)
        known = np.count_nonzero(~np.isnan(rows.x), axis=1).tolist()
        said: dict[str, list[object]] = {name: [None] * count for name in SAID}
        whole = np.floor(points + 0.5).astype(np.int64).tolist()
        for at, place in enumerate(places.tolist()):
            said["points"][place], said["features_known"][place] = whole[at], known[place]
            if place not in found:
                for name, value in zip(_WORDED, self._like(rows, place, scores, at), strict=True):
                    said[name][place] = value
        return figures, said, parts

    def _like(self, rows: BookRows, place: int, scores: "Scores", at: int) -> tuple[object, ...]:
        """Return what is said in words of a row of features, which depends on its grade and how much of it is known.

        The first row of each such pair is answered as a single request is, the rest are told the same.
        """
        pair = (str(scores.grades[at]), int(np.count_nonzero(~np.isnan(rows.x[place]))))
        if pair not in self._alike:
            found = self.look_up.of(rows, place, (None, None, None))
            if isinstance(found, FieldProblem):
                message = "a row of features is answered from what it gives"
                raise TypeError(message)
            self._alike[pair] = _words(self._outcome(found, scores, at))
        return self._alike[pair]


RowScorer = BookScorer | RulesBookScorer


def row_scorer(
    terms: BookTerms, bases: Bases, *, texts: ReasonTexts, language: Language, at: datetime
) -> RowScorer:
    """Return who scores a book: the model of the terms, the rules where there is none."""
    if terms.model is None:
        return RulesBookScorer(terms, bases, texts=texts, language=language, at=at)
    return BookScorer(terms.model, terms, bases, texts=texts, language=language, at=at)


def _set_outcome(
    place: int, outcome: Outcome, figures: dict[str, Floats], said: dict[str, list[object]], parts: Floats
) -> None:
    """Write down what a single request would be told."""
    numbers = cast("Mapping[str, float | None]", outcome.figures.numbers())
    for name in FIGURES:
        value = numbers[name]
        figures[name][place] = np.nan if value is None else value
    parts[place] = outcome.figures.contributions
    said["points"][place] = outcome.points
    for name, one in zip(_WORDED, _words(outcome), strict=True):
        said[name][place] = one


def _words(outcome: Outcome) -> tuple[object, ...]:
    """Return what an outcome says in words, in the order of _WORDED."""
    return (
        outcome.grade,
        outcome.advised.advice.value,
        JOINED.join(outcome.advised.decided_by),
        outcome.quality.level.value,
        JOINED.join(note.code for note in outcome.quality.notes),
    )
