"""What the rows of a book are answered with, and where each row that asks for more than a model gets its basis from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.credit.neighbour_scores import SCORE_FEATURES
from serving.access.caller import Caller
from serving.credit.score.basis import Basis, recorded_zone
from serving.credit.score.rules_only import RULES_ONLY_VERSION, RulesOnlyScorer
from serving.credit.score.schemas import ScoreRequest
from serving.credit.score.scorer import CreditScorer
from serving.credit.sources.dated_policies import DatedPolicies
from serving.credit.terms import FeatureText, Model, Terms
from serving.errors import FieldProblem
from serving.moments import local_day

__all__ = ["Bases", "BookTerms", "LookedUpBases", "terms_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BookTerms:
    """What a book is answered with; without a `model` rules alone answer. `features` are those that a table may have."""

    version: str
    features: tuple[str, ...]
    texts: Mapping[str, FeatureText]
    policies: DatedPolicies
    model: Model | None
    zone: str | None = None

    def day_of(self, at: datetime) -> date:
        """Return the local day of a book's moment, as of a single score's. Raises BasisError."""
        return local_day(at, recorded_zone(self.zone))

    @property
    def grades(self) -> tuple[str, ...]:
        """Return the names of the grades, none without a model."""
        return () if self.model is None else tuple(grade.name for grade in self.model.scale.grades)

    def of_model(self, model: Model) -> Terms:
        """Return what a single score would be computed with."""
        return Terms(model, self.policies, self.texts)


class Bases(Protocol):
    """Finds the basis of a row."""

    def of_row(self, number: int, request: ScoreRequest, x: Floats) -> Basis | FieldProblem:
        """Return the basis of a row by its number, its words and its inputs x (k,), or why it got none.

        Raises UserError where it gets none now.
        """


class LookedUpBases:
    """Bases of the moment, for what the caller may ask about."""

    def __init__(self, scorer: CreditScorer | RulesOnlyScorer, caller: Caller) -> None:
        self._scorer, self._caller = scorer, caller

    def of_row(self, _number: int, request: ScoreRequest, _x: Floats) -> Basis | FieldProblem:
        """Look a row up. Raises OutsideScopeError, UnknownPartyError, InvalidRequestError."""
        if request.party_id is not None:
            self._scorer.require(self._caller, request.party_id)
        return self._scorer.basis(request, self._caller)


def terms_of(scorer: CreditScorer | RulesOnlyScorer) -> BookTerms:
    """Return what a book is answered with by whoever answers now.

    Rules read no feature, but a table that a model takes has to be taken by them too.
    """
    if isinstance(scorer, CreditScorer):
        model, terms = scorer.model, scorer.terms
        return BookTerms(
            model.version, model.features, terms.texts, terms.policies, model, scorer.bounds.zone
        )
    known = tuple(dict.fromkeys([*scorer.store.features, *SCORE_FEATURES]))
    return BookTerms(
        RULES_ONLY_VERSION, known, scorer.load_texts(), scorer.policies, None, scorer.bounds.zone
    )
