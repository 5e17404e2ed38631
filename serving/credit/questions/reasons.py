"""Answer why a score is what it is: of a party now, or of a score that the ledger keeps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.failures import MASK
from models.credit.points import PointScales
from models.credit.readable import Language
from models.credit.reasons import Reason, Reasons
from models.credit.reasons import reasons as explain
from serving.access.caller import Caller
from serving.credit.errors import BasisError
from serving.credit.questions.desk import QuestionDesk
from serving.credit.questions.reasons_schemas import ReasonLine, ReasonsAnswer, ReasonsQuery, SideSum
from serving.credit.questions.schemas import QuestionQuality
from serving.credit.score.answer import check_additive, outcome_of, route_of
from serving.credit.score.basis import Basis, basis_of
from serving.credit.score.schemas import ScoreRequest
from serving.credit.score.shown import hides_values
from serving.credit.sources.feature_cards import feature_cards
from serving.decisions.errors import UnknownDecisionError
from serving.ledger.answered import Answered
from serving.ledger.chain import Decision, Json
from serving.ledger.quality_codes import quality_codes
from serving.schemas import Note, QualityLevel

__all__ = ["ReasonsDesk"]

_SCORE: Final = "credit/score"
_PAST: Final = Note(
    code="past_decision",
    text_zh="解释的是台账中的一次评分，数据与模型均为当时的。",
    text_en="This explains a score kept in the ledger, by the data and the model of that time.",
)


@dataclass(frozen=True, eq=False)
class _Explained:
    """What is explained: inputs and contributions in one order, where they come from, how far they can be relied on."""

    basis: Basis
    contributions: Sequence[float]
    base: float
    decision_id: str | None
    quality: QuestionQuality


class ReasonsDesk:
    """Turns contributions into reasons; those of a kept score are taken from its record."""

    def __init__(
        self,
        desk: QuestionDesk,
        *,
        decision: Callable[[str], Decision],
        may_see: Callable[[Caller, Mapping[str, Json]], bool],
        points: PointScales,
    ) -> None:
        self._desk, self._decision, self._may_see, self._points = desk, decision, may_see, points

    def reasons(self, query: ReasonsQuery, caller: Caller) -> Answered:
        """Answer a query.

        Raises OutsideScopeError, UnknownPartyError, UnknownDecisionError, BasisError, AdditivityError, StaleError and what keeps
        a model from answering.
        """
        found = self._now(query.party_id, caller) if query.party_id is not None else self._kept(query, caller)
        answer = self._answer(found, query, caller)
        said = {
            "of_decision": answer.of_decision,
            "party_id": answer.party_id,
            "pd": answer.pd,
            "log_odds": answer.log_odds,
            "reasons": [line.feature for line in answer.reasons],
            "adverse": [line.feature for line in answer.adverse],
            "model_version": answer.model_version,
            "quality": quality_codes(found.quality),
        }
        asked = query.model_dump(mode="json", exclude_none=True)
        return self._desk.write(
            "credit/reasons", answer, asked, caller, said=said, subject=found.basis.party_id or ""
        )

    def _now(self, party_id: str, caller: Caller) -> _Explained:
        self._desk.require_party(caller, party_id)
        scorer = self._desk.credit.scorer()
        basis = scorer.basis(ScoreRequest(party_id=party_id))
        routed = route_of(basis, scorer.terms)
        scores = scorer.model.score_matrix(basis.values.reshape(1, -1))
        check_additive(scores, 0, scorer.model.version)
        stands = outcome_of(basis, scorer.terms, routed, scores=scores)
        quality = QuestionQuality(level=stands.quality.level, notes=list(stands.quality.notes))
        return _Explained(
            basis, np.asarray(scores.contributions[0]).tolist(), scores.base_log_odds, None, quality
        )

    def _kept(self, query: ReasonsQuery, caller: Caller) -> _Explained:
        wanted = query.decision_id or ""
        record = self._decision(wanted).record
        # Another kind of record is as unknown as one of other companies: which ids there are is not told.
        if record.get("route") != _SCORE or not self._may_see(caller, record):
            raise UnknownDecisionError(wanted)
        basis, parts, answer = record.get("basis"), record.get("contributions"), record.get("answer")
        if not (isinstance(basis, Mapping) and isinstance(parts, Mapping) and isinstance(answer, Mapping)):
            raise BasisError(
                "basis", "缺失（旧版本的记录）", "is missing (an older version wrote the record)"
            )
        read = basis_of(basis)
        values = [_number(parts.get(name), f"contributions.{name}") for name in read.features]
        base = _number(answer.get("base_log_odds"), "answer.base_log_odds")
        given = answer.get("quality")
        level = given.get("level") if isinstance(given, Mapping) else None
        quality = QuestionQuality(level=QualityLevel(str(level)), notes=[_PAST])
        return _Explained(read, values, base, wanted, quality)

    def _answer(self, found: _Explained, query: ReasonsQuery, caller: Caller) -> ReasonsAnswer:
        zh, en = (self._told(found, query.top, language) for language in ("zh", "en"))
        basis = found.basis
        hide = hides_values(basis.party_id, caller.companies)
        return ReasonsAnswer(
            request_id=caller.call.request_id,
            decision_id=self._desk.new_id(),
            answered_at=self._desk.now(),
            model_version=basis.sources.model_version,
            data_as_of=basis.sources.data_as_of,
            graph_as_of=basis.sources.graph_as_of,
            quality=found.quality,
            party_id=basis.party_id,
            of_decision=found.decision_id,
            pd=zh.pd,
            log_odds=zh.log_odds,
            base_log_odds=zh.base_log_odds,
            shown_log_odds=zh.shown_log_odds,
            shown_base=zh.shown_base,
            points=zh.points,
            base_points=zh.base_points,
            reasons=[_line(*both, hide=hide) for both in zip(zh.top, en.top, strict=True)],
            adverse=[_line(*both, hide=hide) for both in zip(zh.adverse, en.adverse, strict=True)],
            dimensions=_sides(zh, en),
        )

    def _told(self, found: _Explained, top: int, language: Language) -> Reasons:
        basis = found.basis
        return explain(
            basis.features,
            basis.values,
            found.contributions,
            found.base,
            cards=feature_cards(),
            language=language,
            top=top,
            scale=self._points.on(basis.day),
        )


def _number(value: Json, field: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BasisError(field, "不是数值", "is no number")
    return float(value)


def _line(zh: Reason, en: Reason, *, hide: bool) -> ReasonLine:
    hidden = zh.private and hide
    return ReasonLine(
        feature=zh.feature,
        dimension=None if zh.dimension is None else zh.dimension.value,
        name_zh=zh.phrase,
        name_en=en.phrase,
        value=None if hidden else zh.value,
        value_text_zh=MASK if hidden else zh.value_text,
        value_text_en=MASK if hidden else en.value_text,
        private=zh.private,
        contribution=zh.contribution,
        pd_change=zh.pd_change,
        points=zh.points,
        text_zh=zh.masked if hidden else zh.text,
        text_en=en.masked if hidden else en.text,
        notice_zh=zh.notice,
        notice_en=en.notice,
    )


def _sides(zh: Reasons, en: Reasons) -> list[SideSum]:
    return [
        SideSum(
            dimension=None if one.dimension is None else one.dimension.value,
            name_zh=one.name,
            name_en=other.name,
            features=one.features,
            contribution=one.contribution,
            raised=one.raised,
            lowered=one.lowered,
            shown=one.shown,
            points=one.points,
        )
        for one, other in zip(zh.dimensions, en.dimensions, strict=True)
    ]
