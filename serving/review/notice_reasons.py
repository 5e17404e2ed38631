"""Main reasons of an adverse decision in plain words: rules, what is missing, and what weighed most in the model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from features.catalogue import Feature
from models.credit.policy import Advice
from models.credit.reasons import reasons
from models.credit.rules.policy import RuleFamily
from serving.ledger.chain import Json
from serving.ledger.json_text import text_of
from serving.review.notice_schemas import TwoLanguages, two_languages
from serving.review.override_schemas import ReasonCode
from serving.review.subject_decision import SubjectDecision

__all__ = ["MOST_REASONS", "main_reasons", "reason_of_override"]

MOST_REASONS: Final = 4
_GRADE: Final = frozenset({"grade", "rules_only"})
# Rules of these families speak of the party alone; the texts of others may hold names and figures of third parties, and those
# on the group's own data tell its staff what to do.
_OWN_AFFAIRS: Final = frozenset({RuleFamily.HARD_STOP, RuleFamily.FINANCE})
_OLD_DATA: Final = (
    "所依据的部分资料不是最新的，须人工审核；您可以提供最新资料。",
    "Some of the data are not recent, so a person looks at it; you can hand in newer papers.",
)
_IN_GENERAL: Final = {
    RuleFamily.LIMIT: (
        "相关业务限额已用足或接近用足。",
        "The limits for such business are used up, or nearly.",
    ),
    RuleFamily.CONCENTRATION: (
        "该类业务已较为集中，新增业务需人工审核。",
        "Business of this kind is concentrated already; new business is looked at by a person.",
    ),
    RuleFamily.GUARANTEE: (
        "担保关系带来较高的代偿风险。",
        "Guarantees given carry a high risk of having to pay.",
    ),
    RuleFamily.RELATED: (
        "与本集团存在关联关系，按关联交易审批。",
        "The party is related to the group; such business has an approval of its own.",
    ),
    RuleFamily.DATA: _OLD_DATA,
}
_UNCHECKED: Final = (
    "部分规则因缺少资料未能核查。",
    "Some rules could not be checked, as papers are missing.",
)
_OF_QUALITY: Final = {
    "already_in_default": ("存在已发生的违约。", "There is a default already."),
    "no_live_exposure": (
        "与本集团没有存续业务，须人工审核。",
        "There is no live business with the group, so a person looks at it.",
    ),
    "mostly_base_rate": ("可用资料过少。", "Too little is known."),
    "rules_not_checked": _UNCHECKED,
    "stale_data": _OLD_DATA,
    "stale_graph": _OLD_DATA,
}
# They keep a case from passing by itself; none of them declines it.
_SEND_TO_A_PERSON: Final = frozenset({"no_live_exposure", "rules_not_checked", "stale_data", "stale_graph"})
_ALIKE: Final = (
    "同类主体的历史违约率较高，须人工审核。",
    "Parties of this kind have defaulted more often, so a person looks at it.",
)
_SCORE: Final = (
    "综合评分处于较高风险区间。",
    "The overall score lies in a range of higher risk.",
)
_NO_MODEL: Final = (
    "模型暂停使用期间，所有申请均须人工审核。",
    "While the model is not in use, a person looks at every case.",
)
_OF_OVERRIDE: Final = {
    ReasonCode.NEW_INFORMATION: ("审核人掌握了新的情况。", "The reviewer knows of new circumstances."),
    ReasonCode.DATA_ERROR: (
        "部分数据有误，已由审核人更正判断。",
        "Some data were wrong; the reviewer judged without them.",
    ),
    ReasonCode.MITIGATION: ("增信或抵押情况有变化。", "Collateral or other support is different."),
    ReasonCode.MODEL_LIMIT: (
        "该情形超出模型适用范围，由人工判断。",
        "The case is beyond the model; a person judged it.",
    ),
    ReasonCode.GROUP_SUPPORT: (
        "股东或集团支持情况有变化。",
        "Support of shareholders or of a group is different.",
    ),
    ReasonCode.OTHER: ("审核人综合判断。", "The reviewer's judgement of the whole."),
}


def reason_of_override(code: ReasonCode) -> TwoLanguages:
    """Return the reason of a person's decision in words; the reviewer's own text stays inside."""
    return two_languages(_OF_OVERRIDE[code])


def main_reasons(about: SubjectDecision, cards: Mapping[str, Feature]) -> list[TwoLanguages]:
    """Return the main reasons, those of rules that decided first, then what is missing, then the model's."""
    found = [*_of_rules(about), *_of_quality(about), *_of_model(about, cards)]
    if not found:
        found = [two_languages(_overall(about))]
    once = {reason.zh: reason for reason in found}
    return list(once.values())[:MOST_REASONS]


def _overall(about: SubjectDecision) -> tuple[str, str]:
    if about.said.pd is None:
        return _NO_MODEL
    return _SCORE if about.said.advice is Advice.DECLINE else _ALIKE


def _of_rules(about: SubjectDecision) -> Iterator[TwoLanguages]:
    for rule in about.rules:
        if rule.get("code") not in about.said.decided_by:
            continue
        family = text_of(rule.get("family"))
        if rule.get("checked") is not True:
            yield two_languages(_UNCHECKED)
        elif family in _OWN_AFFAIRS:
            zh, en = text_of(rule.get("text_zh")), text_of(rule.get("text_en"))
            yield TwoLanguages(zh=f"{zh.rstrip('。')}。", en=f"{en[:1].upper()}{en[1:].rstrip('.')}.")
        elif family in _IN_GENERAL:
            yield two_languages(_IN_GENERAL[RuleFamily(family)])


def _of_quality(about: SubjectDecision) -> Iterator[TwoLanguages]:
    quality = about.answer.get("quality")
    codes = quality.get("notes") if isinstance(quality, Mapping) else None
    declined = about.said.advice is Advice.DECLINE
    for code in codes if isinstance(codes, list) else []:
        if code in _OF_QUALITY and not (declined and code in _SEND_TO_A_PERSON):
            yield two_languages(_OF_QUALITY[code])


def _of_model(about: SubjectDecision, cards: Mapping[str, Feature]) -> list[TwoLanguages]:
    parts, base = _numbers(about.decision.record.get("contributions")), about.answer.get("base_log_odds")
    if not parts or not isinstance(base, int | float) or not _GRADE & set(about.said.decided_by):
        return []
    inputs = _inputs(about)
    names: Sequence[str] = list(parts)
    zh, en = (
        reasons(
            names,
            [inputs.get(name) for name in names],
            [parts[name] or 0.0 for name in names],
            float(base),
            cards=cards,
            language=language,
            top=len(names),
        ).adverse
        for language in ("zh", "en")
    )
    # What no catalogue describes has no plain words, and nobody can tell whether it is about others.
    told = [(one, other) for one, other in zip(zh, en, strict=True) if one.feature in cards]
    if zh and not told:
        return [two_languages(_SCORE)]
    return [TwoLanguages(zh=one.notice, en=other.notice) for one, other in told]


def _inputs(about: SubjectDecision) -> Mapping[str, float | None]:
    basis = about.decision.record.get("basis")
    return _numbers(
        basis.get("inputs") if isinstance(basis, Mapping) else about.decision.record.get("inputs")
    )


def _numbers(value: Json) -> dict[str, float | None]:
    if not isinstance(value, Mapping):
        return {}
    return {name: float(part) if isinstance(part, int | float) else None for name, part in value.items()}
