"""Score the rows of a book: rows about parties as single requests are, rows of features all at once, with the same figures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from graph.errors import UserError
from models.credit.book_scores import contribution_columns
from models.credit.coverage import LendingStage, Line
from serving.access.caller import Caller
from serving.credit.answer import Outcome, outcome_of, route_of
from serving.credit.basis import Basis
from serving.credit.book_reasons import ReasonTexts, reason_columns
from serving.credit.book_rows import BookRows
from serving.credit.dated_policies import day_of
from serving.credit.routing import Routed
from serving.credit.schemas import ScoreRequest
from serving.credit.scorer import CreditScorer
from serving.errors import FieldProblem, NoFeaturesError, OutsideScopeError
from serving.http.language import Language
from serving.http.problem_table import problem_of
from serving.schemas import Note

if TYPE_CHECKING:
    from models.credit.model import Scores

__all__ = ["FIGURES", "BookScorer", "RowStatus"]

FIGURES: Final = (
    *("pd", "pd_low", "pd_high", "log_odds", "base_log_odds", "own_pd", "own_log_odds"),
    "network_log_odds",
)
"""The numbers of a row, under the names that single answers have for them."""

_SAID: Final[Mapping[str, type[pl.DataType]]] = {
    "grade": pl.String,
    "points": pl.Int64,
    "advice": pl.String,
    "decided_by": pl.String,
    "quality": pl.String,
    "quality_notes": pl.String,
    "features_known": pl.Int64,
}
_WORDED: Final = ("grade", "advice", "decided_by", "quality", "quality_notes")
_JOINED: Final = ";"
_MOST_OUTSIDE: Final = 1_000

Floats = NDArray[np.float64]


class RowStatus:
    """Whether a row was answered; every row is one of the two."""

    ANSWERED: Final = "answered"
    FAILED: Final = "failed"


@dataclass(frozen=True, eq=False)
class _LookedUp:
    """A row that is answered from a basis of its own, and its place among the scored rows."""

    basis: Basis
    routed: Routed | None


class BookScorer:
    """Scores pieces of one book for one caller at one moment; keeps which parties it has seen, to flag those given twice."""

    def __init__(
        self, scorer: CreditScorer, caller: Caller, *, texts: ReasonTexts, language: Language, at: datetime
    ) -> None:
        self._scorer, self._caller, self._texts, self._language, self._at = (
            scorer,
            caller,
            texts,
            language,
            at,
        )
        self._seen: dict[tuple[str, ...], int] = {}
        self._alike: dict[tuple[str, int], tuple[object, ...]] = {}
        self.first: dict[str, Basis] = {}
        """The first basis of a row of features (given) and of one about a party (stored): their sources are those of all."""
        self.outside: set[str] = set()
        """Parties of others' companies that were asked about, as many as say that somebody tries."""
        self.notes: dict[str, Note] = {}
        """What single answers would be warned of, by code."""

    @property
    def model_version(self) -> str:
        """Return the version that answers."""
        return self._scorer.model.version

    def score(self, rows: BookRows, *, num_threads: int = 1, one_by_one: bool = False) -> pl.DataFrame:
        """Return one row for each row in their order: answered, or failed with what is wrong.

        `one_by_one` answers rows of features as single requests are answered too; the figures are the same. Raises
        AdditivityError: a model whose explanation does not add up answers nobody.
        """
        bases = self._look_up(rows, one_by_one=one_by_one)
        for place, found in bases.items():
            rows.x[place] = found.basis.values
        answered = np.array([place not in rows.problems for place in range(len(rows))], dtype=np.bool_)
        self._refuse_unknown(rows, answered, bases)
        places = np.flatnonzero(answered)
        scores = self._scorer.model.score_matrix(
            np.ascontiguousarray(rows.x[places]), num_threads=num_threads
        )
        figures, said, parts = self._together(rows, places, scores, bases)
        for at, place in enumerate(places.tolist()):
            if place in bases:
                found = bases[place]
                outcome = outcome_of(found.basis, self._scorer.terms, found.routed, scores=scores, row=at)
                self.notes |= {note.code: note for note in outcome.warnings}
                _set_outcome(place, outcome, figures, said, parts)
        return self._frame(rows, answered, figures=figures, said=said, parts=parts)

    def _look_up(self, rows: BookRows, *, one_by_one: bool) -> dict[int, _LookedUp]:
        """Return the bases of rows about parties and of those with a line, and note why others get none."""
        asked = rows.words.select(party=pl.col("party_id").is_not_null(), line=pl.col("line").is_not_null())
        wanted = (asked["party"] | asked["line"] | one_by_one).to_list()
        found: dict[int, _LookedUp] = {}
        for place, (party, _, line, stage) in enumerate(rows.words.iter_rows()):
            if not wanted[place] or place in rows.problems:
                continue
            try:
                found[place] = self._basis(rows.x[place], party, line, stage)
            except UserError as error:
                if isinstance(error, OutsideScopeError) and party and len(self.outside) < _MOST_OUTSIDE:
                    self.outside.add(party)
                rows.fail(place, self._told(error, party))
        return found

    def _basis(self, x: Floats, party: str | None, line: str | None, stage: str | None) -> _LookedUp:
        if party is not None:
            self._scorer.require(self._caller, party)
        given = None if party is not None else {
            name: value
            for name, value in zip(self._scorer.model.features, x.tolist(), strict=True)
            if value == value  # noqa: PLR0124 - NaN alone differs from itself
        }  # fmt: skip
        request = ScoreRequest.model_construct(
            party_id=party,
            features=given,
            line=None if line is None else Line(line),
            stage=None if stage is None else LendingStage(stage),
        )
        basis = replace(self._scorer.basis(request), decided_at=self._at)
        self.first.setdefault("given" if party is None else "stored", basis)
        return _LookedUp(basis, route_of(basis, self._scorer.terms))

    def _told(self, error: UserError, party: str | None) -> FieldProblem:
        field = "party_id" if party is not None else "features"
        return FieldProblem(field, problem_of(error).slug, error.zh, error.en)

    def _refuse_unknown(
        self, rows: BookRows, answered: NDArray[np.bool_], bases: Mapping[int, _LookedUp]
    ) -> None:
        """Refuse rows without a single value: their score would say nothing of them."""
        empty = answered & np.isnan(rows.x).all(axis=1)
        for place in np.flatnonzero(empty).tolist():
            if place not in bases:
                rows.fail(place, self._told(NoFeaturesError(rows.x.shape[1]), None))
                answered[place] = False

    def _together(
        self, rows: BookRows, places: NDArray[np.int64], scores: "Scores", bases: Mapping[int, _LookedUp]
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
        points = self._scorer.terms.policies.points.on(day_of(self._at)).points(scores.log_odds)
        known = np.count_nonzero(~np.isnan(rows.x), axis=1).tolist()
        said: dict[str, list[object]] = {name: [None] * count for name in _SAID}
        whole = np.floor(points + 0.5).astype(np.int64).tolist()
        for at, place in enumerate(places.tolist()):
            said["points"][place], said["features_known"][place] = whole[at], known[place]
            if place not in bases:
                for name, value in zip(_WORDED, self._like(rows, place, scores, at), strict=True):
                    said[name][place] = value
        return figures, said, parts

    def _like(self, rows: BookRows, place: int, scores: "Scores", at: int) -> tuple[object, ...]:
        """Return what is said in words of a row of features, which depends on its grade and how much of it is known.

        The first row of each such pair is answered as a single request is, the rest are told the same.
        """
        pair = (str(scores.grades[at]), int(np.count_nonzero(~np.isnan(rows.x[place]))))
        if pair not in self._alike:
            found = self._basis(rows.x[place], None, None, None)
            outcome = outcome_of(found.basis, self._scorer.terms, found.routed, scores=scores, row=at)
            self._alike[pair] = _words(outcome)
        return self._alike[pair]

    def _frame(
        self,
        rows: BookRows,
        answered: NDArray[np.bool_],
        *,
        figures: Mapping[str, Floats],
        said: Mapping[str, list[object]],
        parts: Floats,
    ) -> pl.DataFrame:
        status = np.where(answered, RowStatus.ANSWERED, RowStatus.FAILED)
        head = pl.DataFrame([rows.numbers.cast(pl.Int64).alias("row"), *rows.words.get_columns()])
        contributions = contribution_columns(
            self._scorer.model.features, np.where(answered[:, None], parts, np.nan)
        )
        columns = [
            head,
            pl.DataFrame({"status": status.tolist()}, schema={"status": pl.String}),
            pl.DataFrame({name: pl.Series(values).fill_nan(None) for name, values in figures.items()}),
            pl.DataFrame({name: pl.Series(values, dtype=_SAID[name]) for name, values in said.items()}),
            pl.DataFrame({"duplicate_of": self._duplicates(rows)}),
            reason_columns(parts, answered, self._texts),
            self._errors(rows),
            contributions.select(pl.all().fill_nan(None)),
        ]
        return pl.concat(columns, how="horizontal")

    def _duplicates(self, rows: BookRows) -> pl.Series:
        """Return for each row the first row that asks the same of the same party, null for the first itself."""
        firsts: list[int | None] = []
        numbers = rows.numbers.to_list()
        for number, (party, _, line, stage) in zip(numbers, rows.words.iter_rows(), strict=True):
            first = (
                number if party is None else self._seen.setdefault((party, line or "", stage or ""), number)
            )
            firsts.append(None if first == number else first)
        return pl.Series("duplicate_of", firsts, dtype=pl.Int64)

    def _errors(self, rows: BookRows) -> pl.DataFrame:
        zh = self._language == "zh"
        found: dict[str, list[str | None]] = {
            name: [None] * len(rows) for name in ("error_field", "error_rule", "error_message")
        }
        for place, problems in rows.problems.items():
            told = [f"{one.field}：{one.zh}" if zh else f"{one.field}: {one.en}" for one in problems]
            found["error_field"][place] = problems[0].field
            found["error_rule"][place] = problems[0].rule
            found["error_message"][place] = ("；" if zh else "; ").join(told)
        return pl.DataFrame(found, schema=dict.fromkeys(found, pl.String))


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
        _JOINED.join(outcome.advised.decided_by),
        outcome.quality.level.value,
        _JOINED.join(note.code for note in outcome.quality.notes),
    )
