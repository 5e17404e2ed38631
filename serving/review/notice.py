"""The notice of an adverse decision: why, by which data, that a model was used, and how to have a person look again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Final

from features.catalogue import Feature
from features.contracts import CONTRACTS
from models.credit.policy import Advice
from serving.access.caller import Caller
from serving.ledger.answered import Answered
from serving.ledger.chain import Json
from serving.ledger.json_text import text_of
from serving.moments import local_day
from serving.review.acting import Act, Acting
from serving.review.appeal_desk import AppealDesk, AppealLimits
from serving.review.errors import NoNoticeError
from serving.review.notice_reasons import MOST_REASONS, main_reasons, reason_of_override
from serving.review.notice_schemas import DataUsed, Notice, TwoLanguages, two_languages
from serving.review.override_desk import OverrideDesk
from serving.review.override_schemas import ReasonCode
from serving.review.schemas import StandingAdvice, StandingBy
from serving.review.standing import standing_advice
from serving.review.subject_decision import SubjectDecision, subject_decision

__all__ = ["NoticeDesk"]

_HEADLINES: Final = {
    Advice.DECLINE: ("本次申请未获通过。", "The application was not granted."),
    Advice.MANUAL_REVIEW: (
        "本次申请未能自动通过，已转人工审核。",
        "The application could not be granted at once; a person looks at it.",
    ),
}
_BY_MODEL: Final = (
    "本决定参考了统计模型的评分与既定规则；您可以要求由人工重新审核。",
    "A statistical model and set rules were used for this decision; you can ask for a person to look at it again.",
)
_BY_PERSON: Final = (
    "本决定由人工作出，此前参考了统计模型的评分；您可以要求由另一人重新审核。",
    "A person made this decision, after a statistical model was used; you can ask for another person to look at it again.",
)
_REVIEWED: Final = (
    "本决定最初参考了统计模型的评分与既定规则，经申诉由未参与原决定的人员复核后作出。",
    "A statistical model and set rules were used at first; on appeal a person who had no part in that decision made this one.",
)
_EDGES: Final = "edges"


@dataclass(frozen=True)
class NoticeDesk:
    """Writes notices; each is recorded."""

    acting: Acting
    overrides: OverrideDesk
    appeals: AppealDesk
    limits: AppealLimits
    contact: TwoLanguages
    load_cards: Callable[[], Mapping[str, Feature]]

    def notice(self, decision_id: str, caller: Caller) -> Answered:
        """Return the notice of a decision. Raises UnknownDecisionError, NotReviewableError, NoNoticeError."""
        act = self.acting.act(caller)
        about = subject_decision(self.acting.reader, decision_id, caller)
        overrides = self.overrides.of_decision(decision_id, act)
        stands = standing_advice(about.said, overrides, self.appeals.of_decision(decision_id, act))
        if stands.advice not in _HEADLINES:
            raise NoNoticeError(decision_id, stands.advice)
        cards = self.load_cards()
        told = main_reasons(about, cards) if about.said.advice in _HEADLINES else []
        if stands.by is StandingBy.OVERRIDE:
            code = next(one.reason_code for one in overrides if one.override_id == stands.review_id)
            told = [reason_of_override(code), *told][:MOST_REASONS]
        told = told or [reason_of_override(ReasonCode.OTHER)]
        answer = self._written(about, stands, told, act, data_used=_data_used(about, cards))
        said: Mapping[str, Json] = {"of_decision": decision_id, "notice": answer.model_dump(mode="json")}
        return act.write("credit/notice", answer, {"decision_id": decision_id}, said, about.said.party_id)

    def _written(
        self,
        about: SubjectDecision,
        stands: StandingAdvice,
        told: list[TwoLanguages],
        act: Act,
        *,
        data_used: list[DataUsed],
    ) -> Notice:
        until = _appeal_until(about, self.limits.window_days, self.acting.zone)
        days = self.limits.working_days
        return Notice(
            **act.reading,
            of_decision=about.decision.decision_id,
            party_id=about.said.party_id,
            decided_on=about.said.decided_at,
            advice=stands.advice,
            by=stands.by,
            headline=two_languages(_HEADLINES[stands.advice]),
            reasons=told,
            data_used=data_used,
            model_used=two_languages(_ABOUT[stands.by]),
            appeal=TwoLanguages(
                zh=f"如有异议，请在 {until} 前（含）向下列部门申诉，说明理由并附材料；将由未参与本决定的人员在 {days} "
                "个工作日内复核并答复。",
                en=f"If you do not agree, appeal to the department below up to {until}, with your grounds and papers. A person who "
                f"had no part in this decision looks at it again and answers within {days} working days.",
            ),
            appeal_until=until,
            answered_by=self.contact,
        )


_ABOUT: Final = {
    StandingBy.MODEL: _BY_MODEL,
    StandingBy.OVERRIDE: _BY_PERSON,
    StandingBy.APPEAL: _REVIEWED,
}


def _data_used(about: SubjectDecision, cards: Mapping[str, Feature]) -> list[DataUsed]:
    """List the tables behind the inputs that have a value, with the date they are of."""
    basis = about.decision.record.get("basis")
    given = basis.get("inputs") if isinstance(basis, Mapping) else about.decision.record.get("inputs")
    known = [name for name, value in given.items() if value is not None] if isinstance(given, Mapping) else []
    tables = {source for name in known if name in cards for source in cards[name].sources}
    data, graph = _day(about.answer.get("data_as_of")), _day(about.answer.get("graph_as_of"))
    return [
        DataUsed(
            table=name,
            name=TwoLanguages(zh=contract.label.zh, en=contract.label.en),
            as_of=graph if name == _EDGES and graph is not None else data,
        )
        for name, contract in CONTRACTS.items()
        if name in tables
    ]


def _appeal_until(about: SubjectDecision, days: int, zone: tzinfo) -> date:
    return local_day(about.said.decided_at, zone) + timedelta(days=days)


def _day(value: Json) -> date | None:
    return date.fromisoformat(text_of(value)) if text_of(value) else None
