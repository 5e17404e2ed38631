"""Compute an answer about a party from its basis: no look-up, no clock, no id but those given."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from features.credit.standing import Standing
from models.credit.rules.evaluate import RuleHit
from models.errors import AdditivityError
from serving.access.roles import ALL_COMPANIES
from serving.champions.stand_in import stand_in_note
from serving.credit.errors import NoFeaturesError
from serving.credit.score.basis import Basis
from serving.credit.score.figures import Figures, figures_of
from serving.credit.score.quality import quality_of
from serving.credit.score.routing import Routed, take_route
from serving.credit.score.schemas import Carrier, Contribution, ScoreAnswer
from serving.credit.score.shown import LEFT_OUT, PATH_LEFT_OUT, hides_values, shown_carrier, shown_hits
from serving.credit.sources.dated_policies import Advised
from serving.credit.sources.freshness import age_notes, refuse_stale
from serving.credit.sources.party_book import carrier_of, rule_note
from serving.credit.terms import Terms
from serving.schemas import Note, Quality, QualityLevel

if TYPE_CHECKING:
    from models.credit.model import Scores

__all__ = [
    "Marks",
    "Outcome",
    "answer_from",
    "answer_of",
    "check_additive",
    "outcome_of",
    "route_of",
    "shown_to",
]

_TOLERANCE: Final = 1e-6


@dataclass(frozen=True)
class Marks:
    """What an answer bears of its occasion: ids, and the companies that the caller's key is for."""

    decision_id: str
    request_id: str
    companies: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that an answer says; contributions (k,) are in the order of the basis' features."""

    figures: Figures
    grade: str
    points: int
    advised: Advised
    hits: tuple[RuleHit, ...]
    quality: Quality
    carrier: Carrier | None
    routed: Routed | None
    warnings: tuple[Note, ...]


def answer_from(basis: Basis, terms: Terms, marks: Marks) -> ScoreAnswer:
    """Compute an answer anew: the same basis, model and policies give the same answer, bit for bit.

    The model of `terms` is to be `basis.sources.model_version`. Raises BasisError when the inputs are another model's,
    NoScoreError, NoFeaturesError, AdditivityError.
    """
    routed = route_of(basis, terms)
    values = basis.vector(terms.model.features)
    scores = terms.model.score_matrix(values.reshape(1, -1))
    outcome = outcome_of(basis, terms, routed, scores=scores)
    return answer_of(shown_to(marks.companies, outcome, basis, terms), basis, terms, marks)


def route_of(basis: Basis, terms: Terms) -> Routed | None:
    """Return who answers, None where no line and stage are named.

    Raises NoScoreError where the route refuses, NoFeaturesError when nothing is known and no like answers, StaleError where
    the policy is to refuse what is too old.
    """
    refuse_stale(basis)
    routed = take_route(basis, terms.policies.coverage, as_of=basis.day)
    if basis.known == 0 and (routed is None or routed.pooled is None):
        raise NoFeaturesError(len(basis.values))
    return routed


def outcome_of(
    basis: Basis, terms: Terms, routed: Routed | None, *, scores: "Scores", row: int = 0
) -> Outcome:
    """Return what is said on a row of scores. Raises AdditivityError when its contributions miss its log-odds."""
    check_additive(scores, row, terms.model.version)
    figures, policies, day = figures_of(scores, routed, row), terms.policies, basis.day
    hits = policies.hits(basis.facts, on=day) if basis.facts is not None else ()
    aged = age_notes(basis)
    quality = _quality(basis, routed, aged)
    grade = str(
        scores.grades[row]
        if figures.pd == scores.pd[row]
        else terms.model.scale.of(np.array([figures.pd]))[0]
    )
    advised = policies.advise(
        grade,
        hits,
        on=day,
        full_quality=quality.level is QualityLevel.FULL,
        in_default=basis.standing is Standing.IN_DEFAULT,
    )
    return Outcome(
        figures=figures,
        grade=grade,
        points=policies.points_of(figures.log_odds, on=day),
        advised=advised,
        hits=hits,
        quality=quality,
        carrier=carrier_of(terms.model.features, figures.contributions, basis.paths),
        routed=routed,
        warnings=aged,
    )


def shown_to(companies: Sequence[str], outcome: Outcome, basis: Basis, terms: Terms) -> Outcome:
    """Return what a key for some companies is shown of an outcome: limits of others, sums over the group and paths through
    others' business count and are not told, which the quality then says.
    """
    if ALL_COMPANIES in companies:
        return outcome
    hits = shown_hits(outcome.hits, companies, basis, terms.policies)
    carrier = shown_carrier(outcome.carrier, companies, basis.paths)
    notes = [
        *([LEFT_OUT] if hits != outcome.hits else []),
        *([PATH_LEFT_OUT] if carrier is not outcome.carrier else []),
    ]
    if not notes:
        return outcome
    quality = outcome.quality.model_copy(update={"notes": [*outcome.quality.notes, *notes]})
    return replace(outcome, hits=hits, carrier=carrier, quality=quality)


def answer_of(outcome: Outcome, basis: Basis, terms: Terms, marks: Marks) -> ScoreAnswer:
    """Write an outcome as the answer that a caller reads."""
    sources, figures = basis.sources, outcome.figures
    return ScoreAnswer(
        request_id=marks.request_id,
        decision_id=marks.decision_id,
        party_id=basis.party_id,
        **figures.numbers(),
        carrier=outcome.carrier,
        points=outcome.points,
        grade=outcome.grade,
        advice=outcome.advised.advice,
        grade_advice=outcome.advised.of_grade,
        decided_by=list(outcome.advised.decided_by),
        override=basis.override,
        rules=[rule_note(hit) for hit in outcome.hits],
        route=outcome.routed.told(basis) if outcome.routed is not None else None,
        policy=outcome.advised.policy,
        contributions=_contributions(
            basis, terms, figures.contributions, hide=hides_values(basis.party_id, marks.companies)
        ),
        model_version=terms.model.version,
        data_as_of=sources.data_as_of,
        graph_as_of=sources.graph_as_of,
        decided_at=basis.decided_at,
        quality=outcome.quality,
        warnings=list(outcome.warnings),
    )


def check_additive(scores: "Scores", row: int, version: str) -> None:
    """Refuse contributions that do not sum to the log-odds. Raises AdditivityError."""
    log_odds = float(scores.log_odds[row])
    gap = abs(math.fsum([scores.base_log_odds, *scores.contributions[row].tolist()]) - log_odds)
    # Written so that NaN is refused too.
    if not gap <= _TOLERANCE:
        raise AdditivityError(version, gap)


def _quality(basis: Basis, routed: Routed | None, aged: tuple[Note, ...]) -> Quality:
    quality = quality_of(
        basis.known,
        len(basis.values),
        basis.standing,
        least_known_share=basis.bounds.least_known_share,
        rules_checked=basis.facts is not None,
        neighbours_scored=basis.neighbours_scored,
        aged=aged,
    )
    note = stand_in_note(basis.sources.level, basis.sources.model_version)
    if note is not None:
        quality = quality.model_copy(update={"notes": [*quality.notes, note]})
    if note is not None or (routed is not None and not routed.full):
        return quality.model_copy(update={"level": QualityLevel.FALLBACK})
    return quality


def _contributions(
    basis: Basis, terms: Terms, parts: NDArray[np.float64], *, hide: bool
) -> list[Contribution]:
    features = terms.model.features
    rows = zip(features, basis.vector(features).tolist(), parts.tolist(), strict=True)
    by_size = sorted(rows, key=lambda row: (-abs(row[2]), row[0]))
    return [
        Contribution(
            feature=name,
            value=None if math.isnan(value) or (hide and terms.text(name).private) else value,
            unit=terms.text(name).unit,
            contribution=part,
            text_zh=terms.text(name).text_zh,
            text_en=terms.text(name).text_en,
            private=terms.text(name).private,
        )
        for name, value, part in by_size
    ]
