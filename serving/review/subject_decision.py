"""The credit score that an override, an appeal or a notice is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.credit.policy import Advice
from models.credit.rules.policy import RuleFamily, Severity
from serving.access.caller import Caller
from serving.decisions.reading import DecisionReader, subject_of
from serving.errors import FieldProblem, InvalidRequestError
from serving.ledger.chain import Decision, Json
from serving.ledger.json_text import text_of
from serving.review.errors import NotReviewableError
from serving.review.schemas import ModelAnswer

__all__ = ["SubjectDecision", "check_advice", "subject_decision"]

_ROUTE: Final = "credit/score"
_ADVICES: Final = frozenset(Advice)


@dataclass(frozen=True)
class SubjectDecision:
    """A score of a party as it was recorded, and what was said in it."""

    decision: Decision
    said: ModelAnswer

    @property
    def answer(self) -> Mapping[str, Json]:
        """Return the answer as the record holds it."""
        given = self.decision.record.get("answer")
        return given if isinstance(given, Mapping) else {}

    @property
    def companies(self) -> Sequence[str] | None:
        """Return the companies of the record: who covers them sees what people do about it."""
        given = self.decision.record.get("companies")
        return [str(one) for one in given] if isinstance(given, list) else None

    @property
    def rules(self) -> list[Mapping[str, Json]]:
        """Return the rules that the party broke, or that could not be checked."""
        return _rules(self.answer)


def check_advice(model: ModelAnswer, field: str, wanted: Advice) -> None:
    """Refuse to pass what a hard stop declined: its fact has to be corrected, not set aside.

    Raises InvalidRequestError naming the field.
    """
    if model.hard_stops and wanted is Advice.PASS:
        codes = ", ".join(model.hard_stops)
        zh = f"命中硬性禁止规则 {codes}，最多改为 manual_review；事实有误的，请先更正数据再重新评分"
        en = (
            f"is declined by the hard stop {codes}: manual_review at best; where its fact is wrong, correct the data and score "
            "again"
        )
        raise InvalidRequestError([FieldProblem(field, "hard_stop", zh, en)])


def subject_decision(reader: DecisionReader, decision_id: str, caller: Caller) -> SubjectDecision:
    """Return the score of that id.

    Raises UnknownDecisionError, also where the caller may not see it, and NotReviewableError where it is no score of a
    party.
    """
    decision = reader.get(decision_id, caller)
    route, party = text_of(decision.record.get("route")), subject_of(decision.record)
    answer = decision.record.get("answer")
    if (
        route != _ROUTE
        or not party
        or not isinstance(answer, Mapping)
        or text_of(answer.get("advice")) not in _ADVICES
    ):
        raise NotReviewableError(decision_id, route)
    return SubjectDecision(decision, _said(decision, answer, party))


def _said(decision: Decision, answer: Mapping[str, Json], party: str) -> ModelAnswer:
    pd, decided_by = answer.get("pd"), answer.get("decided_by")
    return ModelAnswer(
        decision_id=decision.decision_id,
        route=_ROUTE,
        party_id=party,
        pd=float(pd) if isinstance(pd, int | float) else None,
        grade=text_of(answer.get("grade")) or None,
        advice=Advice(text_of(answer.get("advice"))),
        decided_by=[str(one) for one in decided_by] if isinstance(decided_by, list) else [],
        hard_stops=[text_of(rule.get("code")) for rule in _rules(answer) if _stops(rule)],
        key_id=text_of(decision.record.get("key_id")),
        model_version=text_of(answer.get("model_version")) or None,
        policy=text_of(answer.get("policy")) or None,
        decided_at=datetime.fromisoformat(decision.recorded_at),
    )


def _rules(answer: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    given = answer.get("rules")
    return [rule for rule in given if isinstance(rule, Mapping)] if isinstance(given, list) else []


def _stops(rule: Mapping[str, Json]) -> bool:
    return (
        rule.get("family") == RuleFamily.HARD_STOP
        and rule.get("severity") == Severity.DECLINE
        and rule.get("checked") is True
    )
