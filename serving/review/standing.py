"""Whose advice on a decision stands now: the model's, an approved override's, or that of a re-review."""

from collections.abc import Iterable

from serving.review.appeal_schemas import Appeal, Outcome
from serving.review.override_schemas import CreditOverride, OverrideState
from serving.review.schemas import ModelAnswer, StandingAdvice, StandingBy

__all__ = ["standing_advice"]


def standing_advice(
    model: ModelAnswer, overrides: Iterable[CreditOverride], appeals: Iterable[Appeal]
) -> StandingAdvice:
    """Return the latest that a person put in place and that still counts, else what the model said."""
    found = [
        (
            one.answered.at,
            StandingAdvice(
                by=StandingBy.OVERRIDE, advice=one.advice, grade=one.grade, review_id=one.override_id
            ),
        )
        for one in overrides
        if one.status is OverrideState.ACTIVE and one.answered is not None
    ]
    found += [
        (
            one.closed.at,
            StandingAdvice(
                by=StandingBy.APPEAL, advice=one.new_advice, grade=model.grade, review_id=one.appeal_id
            ),
        )
        for one in appeals
        if one.outcome is Outcome.CHANGED and one.closed is not None and one.new_advice is not None
    ]
    if not found:
        return StandingAdvice(by=StandingBy.MODEL, advice=model.advice, grade=model.grade, review_id=None)
    return max(found, key=lambda pair: pair[0])[1]
