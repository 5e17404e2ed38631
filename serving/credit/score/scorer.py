"""Score credit without HTTP: a request is looked up into a basis, computed, and answered with the record of it."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.credit.standing import Standing
from models.errors import AdditivityError
from serving.access.caller import Caller
from serving.champions.families import Level
from serving.credit.scope import require_party
from serving.credit.score.answer import Marks, outcome_of, route_of
from serving.credit.score.basis import Basis, Bounds, Sources
from serving.credit.score.routing import Routed
from serving.credit.score.schemas import PartyOverride, ScoreRequest
from serving.credit.score.together import tried
from serving.credit.score.writing import ROUTE, Asked, Scored, Writer, record_of
from serving.credit.sources.book_store import BookStore
from serving.credit.sources.feature_store import FeatureStore
from serving.credit.sources.party_book import PartyBook
from serving.credit.terms import Terms
from serving.errors import FieldProblem, InvalidRequestError

if TYPE_CHECKING:
    # At run time this would import LightGBM before serving.lean can keep its optional partners out.
    from models.credit.model import Scores

__all__ = ["ROUTE", "CreditScorer", "OverrideOf", "record_of"]

OverrideOf = Callable[[str, Caller, datetime], PartyOverride | None]
"""Says which override of a party counts at a moment, of those the caller may see; never by a look-up that waits."""


@dataclass(frozen=True, eq=False)
class _LookedUp:
    """A request that is ready to be scored."""

    basis: Basis
    routed: Routed | None
    caller: Caller


class CreditScorer:
    """One model with the features it was trained on: a value that is made anew when either changes, never altered."""

    def __init__(
        self,
        terms: Terms,
        store: FeatureStore,
        *,
        book: BookStore | None,
        bounds: Bounds,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        override_of: OverrideOf,
        level: Level = Level.CHAMPION,
        trained_as_of: date | None = None,
    ) -> None:
        """Raise FeatureMismatchError when store and book lack features of the model."""
        model = terms.model
        self.terms, self.model = terms, model
        self.book = PartyBook(book, store, features=model.features, version=model.version)
        self.store = self.book.store
        self._companies = (
            book  # of whatever date: whose counterparties they are does not change with the model
        )
        self._writer = Writer(terms)
        self._texts = {name: terms.text(name) for name in model.features}
        self.bounds, self._clock, self._new_id = bounds, clock, new_id
        self._override_of = override_of
        self._of_stored = Sources(
            model_version=model.version,
            explainer=model.explainer,
            policy_sha256=terms.policies.sha256,
            features_sha256=store.sha256,
            book_sha256=self.book.sha256,
            data_as_of=store.data_as_of,
            graph_as_of=store.graph_as_of,
            level=level,
            trained_as_of=trained_as_of,
            graph_sha256=store.graph_sha256,
        )
        self._of_given = replace(
            self._of_stored,
            features_sha256=None,
            book_sha256=None,
            data_as_of=None,
            graph_as_of=None,
            graph_sha256=None,
        )

    def score(self, request: ScoreRequest, caller: Caller) -> Scored:
        """Answer a request.

        Raises OutsideScopeError, UnknownPartyError, InvalidRequestError, NoScoreError, NoFeaturesError, AdditivityError.
        """
        (found,) = self.score_all([(request, caller)])
        if isinstance(found, Exception):
            raise found
        return found

    def score_all(self, asked: Iterable[Asked]) -> list[Scored | Exception]:
        """Answer requests by one call of the model: each gets what `score` gives it alone, bit for bit, or raises."""
        found = [tried(self._looked_up, *one) for one in asked]
        answers = iter(self._answers([one for one in found if isinstance(one, _LookedUp)]))
        return [one if isinstance(one, Exception) else next(answers) for one in found]

    def _looked_up(self, request: ScoreRequest, caller: Caller) -> "_LookedUp":
        if request.party_id is not None:
            require_party(caller, self._companies, request.party_id)
        basis = self.basis(request, caller)
        return _LookedUp(basis, route_of(basis, self.terms), caller)

    def _answers(self, ready: Sequence["_LookedUp"]) -> list[Scored | Exception]:
        if not ready:
            return []
        try:
            scores = self.model.score_matrix(np.array([one.basis.values for one in ready]))
        except AdditivityError as error:
            # One row is enough for that: each is scored alone, so that it alone is refused.
            return [error] if len(ready) == 1 else [found for one in ready for found in self._answers([one])]
        return [tried(self._answer, one, scores, row) for row, one in enumerate(ready)]

    def _answer(self, about: "_LookedUp", scores: "Scores", row: int) -> Scored:
        basis, caller = about.basis, about.caller
        outcome = outcome_of(basis, self.terms, about.routed, scores=scores, row=row)
        marks = Marks(self._new_id(), caller.call.request_id, caller.companies)
        return self._writer.write(outcome, basis, marks, caller)

    def require(self, caller: Caller, party_id: str) -> None:
        """Refuse a party that is none of the caller's companies'. Raises OutsideScopeError, NotReadyError."""
        require_party(caller, self._companies, party_id)

    def basis(self, request: ScoreRequest, caller: Caller | None = None) -> Basis:
        """Look up all that the answer to a request depends on. Raises UnknownPartyError, InvalidRequestError.

        What people decided about the party is told to a caller alone.
        """
        party, book, now = request.party_id, self.book, self._clock()
        about = book.about(party)
        return Basis(
            party_id=party,
            line=request.line,
            stage=request.stage,
            features=self.model.features,
            values=self._given(request) if party is None else self.store.row(party),
            standing=Standing.AT_RISK if party is None else self.store.standing(party),
            facts=about.facts,
            lines=about.lines,
            pooled=about.pooled,
            neighbours_scored=book.scored or party is None,
            paths=about.paths,
            sources=self._of_given if party is None else self._of_stored,
            bounds=self.bounds,
            decided_at=now,
            override=None if party is None or caller is None else self._override_of(party, caller, now),
        )

    def _given(self, request: ScoreRequest) -> NDArray[np.float64]:
        given = request.features or {}
        problems = [problem for name, value in given.items() if (problem := self._problem(name, value))]
        if problems:
            raise InvalidRequestError(problems)
        values = [given.get(name) for name in self.model.features]
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

    def _problem(self, name: str, value: float | None) -> FieldProblem | None:
        field = f"features.{name}"
        text = self._texts.get(name)
        if text is None:
            return FieldProblem(
                field,
                "unknown_feature",
                f"模型 {self.model.version} 没有这个特征，请删去或改正名称",
                f"model {self.model.version} has no such feature; remove it or correct its name",
            )
        if value is not None and not text.lowest <= value <= text.highest:
            allowed = f"[{text.lowest:g}, {text.highest:g}] {text.unit}".rstrip()
            return FieldProblem(
                field,
                "out_of_range",
                f"{value:g} 超出取值范围 {allowed}，请核对数值与单位",
                f"{value:g} is outside {allowed}; check value and unit",
            )
        return None
