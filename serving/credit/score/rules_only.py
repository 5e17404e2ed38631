"""What rules alone say of a party when every model is switched off: advice, never a figure."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from features.credit.standing import Standing
from models.credit.policy import Advice
from models.credit.rules.evaluate import GRADE, decide
from serving.access.caller import Caller
from serving.champions.families import Level
from serving.champions.stand_in import stand_in_note
from serving.credit.scope import require_party
from serving.credit.score.answer import Marks
from serving.credit.score.basis import Basis, Sources
from serving.credit.score.quality import rules_unchecked
from serving.credit.score.schemas import ScoreAnswer, ScoreRequest
from serving.credit.score.shown import LEFT_OUT, shown_hits
from serving.credit.score.together import tried
from serving.credit.score.writing import Asked, Scored, written
from serving.credit.sources.book_store import BookStore
from serving.credit.sources.dated_policies import DatedPolicies
from serving.credit.sources.feature_store import FeatureStore
from serving.credit.sources.freshness import age_notes, refuse_stale
from serving.credit.sources.party_book import PartyBook, rule_note
from serving.schemas import Note, Quality, QualityLevel

if TYPE_CHECKING:
    from serving.credit.sources.home import CreditSources

__all__ = ["RULES_ONLY_VERSION", "RulesOnlyScorer", "rules_answer"]

RULES_ONLY_VERSION: Final = "rules-only"
DECIDED_BY: Final = "rules_only"
"""What `decided_by` names where no rule asks for more than the review that the missing model calls for."""


class RulesOnlyScorer:
    """Answers as a scorer does, from the book's facts alone."""

    def __init__(self, sources: "CreditSources", store: FeatureStore, book: BookStore | None) -> None:
        self.policies = sources.policies
        self.store, self.bounds = store, sources.bounds
        self.book = PartyBook(book, store, features=(), version=RULES_ONLY_VERSION)
        self._companies, self.load_texts = book, sources.load_texts
        self._clock: Callable[[], datetime] = sources.clock
        self._new_id: Callable[[], str] = sources.new_id
        self._override_of = sources.override_of

    def score(self, request: ScoreRequest, caller: Caller) -> Scored:
        """Answer a request. Raises OutsideScopeError, UnknownPartyError, StaleError."""
        if request.party_id is not None:
            self.require(caller, request.party_id)
        basis = self.basis(request, caller)
        marks = Marks(self._new_id(), caller.call.request_id, caller.companies)
        answer = rules_answer(basis, self.policies, marks)
        return written(answer, basis, caller)

    def score_all(self, asked: Iterable[Asked]) -> list[Scored | Exception]:
        """Answer requests; each gets what `score` gives it, or what `score` raises."""
        return [tried(self.score, *one) for one in asked]

    def require(self, caller: Caller, party_id: str) -> None:
        """Refuse a party that is none of the caller's companies'. Raises OutsideScopeError, NotReadyError."""
        require_party(caller, self._companies, party_id)

    def basis(self, request: ScoreRequest, caller: Caller | None = None) -> Basis:
        """Look up what the rules need of a party; its override is told to a caller alone. Raises UnknownPartyError."""
        party, known, now = request.party_id, request.party_id is not None, self._clock()
        return Basis(
            party_id=party,
            line=request.line,
            stage=request.stage,
            features=(),
            values=np.empty(0),
            standing=Standing.AT_RISK if party is None else self.store.standing(party),
            facts=self.book.about(party).facts,
            lines=None,
            pooled=None,
            neighbours_scored=False,
            paths=(),
            sources=Sources(
                model_version=RULES_ONLY_VERSION,
                explainer=DECIDED_BY,
                policy_sha256=self.policies.sha256,
                features_sha256=self.store.sha256 if known else None,
                book_sha256=self.book.sha256 if known else None,
                data_as_of=self.store.data_as_of if known else None,
                graph_as_of=self.store.graph_as_of if known else None,
                level=Level.RULES_ONLY,
                graph_sha256=self.store.graph_sha256 if known else None,
            ),
            bounds=self.bounds,
            decided_at=now,
            override=None if party is None or caller is None else self._override_of(party, caller, now),
        )


def rules_answer(basis: Basis, policies: DatedPolicies, marks: Marks) -> ScoreAnswer:
    """Say what the rules say on a basis, to a key of the marks' companies: the same basis and policies give the same answer.

    Raises StaleError.
    """
    refuse_stale(basis)
    aged = age_notes(basis)
    hits = policies.hits(basis.facts, on=basis.day) if basis.facts is not None else ()
    in_default = basis.standing is Standing.IN_DEFAULT
    shown = shown_hits(hits, marks.companies, basis, policies)
    decision = decide(Advice.DECLINE if in_default else Advice.MANUAL_REVIEW, hits)
    return ScoreAnswer(
        request_id=marks.request_id,
        decision_id=marks.decision_id,
        party_id=basis.party_id,
        pd=None,
        pd_low=None,
        pd_high=None,
        log_odds=None,
        base_log_odds=None,
        own_pd=None,
        own_log_odds=None,
        network_log_odds=None,
        carrier=None,
        points=None,
        grade=None,
        advice=decision.advice,
        grade_advice=None,
        decided_by=_named(decision.decided_by),
        override=basis.override,
        rules=[rule_note(hit) for hit in shown],
        route=None,
        policy=policies.advice.on(basis.day).name,
        contributions=[],
        model_version=basis.sources.model_version,
        data_as_of=basis.sources.data_as_of,
        graph_as_of=basis.sources.graph_as_of,
        decided_at=basis.decided_at,
        quality=_quality(basis, [*aged, *([LEFT_OUT] if shown != tuple(hits) else [])]),
        warnings=list(aged),
    )


def _named(decided_by: Sequence[str]) -> list[str]:
    return [DECIDED_BY if one == GRADE else one for one in decided_by]


def _quality(basis: Basis, aged: Sequence[Note]) -> Quality:
    notes: list[Note] = []
    switched_off = stand_in_note(Level.RULES_ONLY, RULES_ONLY_VERSION)
    if switched_off is not None:
        notes.append(switched_off)
    if basis.facts is None:
        notes.append(rules_unchecked())
    notes += aged
    return Quality(level=QualityLevel.RULES_ONLY, features_known=0, features_total=0, notes=notes)
