"""Hold a party's facts against the rules of a day, and join the hits with the advice of its grade."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from string import Formatter
from typing import Final

from models.credit.policy import Advice
from models.credit.rules.facts import FACT_UNITS, FactUnit, LimitUse, RuleFacts, told
from models.credit.rules.policy import LimitRule, Rule, RuleFamily, RuleFile, Severity
from models.errors import RuleFactsError

__all__ = ["GRADE", "Decision", "RuleHit", "decide", "evaluate_rules"]

GRADE: Final = "grade"
"""What `Decision.decided_by` calls the advice of the grade."""

_RANK: Final = {Severity.DECLINE: 0, Severity.MANUAL_REVIEW: 1, Severity.NOTE: 2}
_ADVICE: Final = {Severity.DECLINE: Advice.DECLINE, Severity.MANUAL_REVIEW: Advice.MANUAL_REVIEW}
_WORST_FIRST: Final = (Advice.DECLINE, Advice.MANUAL_REVIEW, Advice.PASS)


@dataclass(frozen=True)
class RuleHit:
    """A rule that a party breaks, or (`checked` false) that could not be checked because a fact is unknown."""

    code: str
    family: RuleFamily
    severity: Severity
    checked: bool
    zh: str
    en: str
    observed: float | None
    limit: float | None
    unit: FactUnit
    source: str
    verified: bool
    valid_from: date

    def text(self, language: str) -> str:
        """Return the sentence in the language asked for ("zh…" is Chinese, anything else English)."""
        return self.zh if language.lower().startswith("zh") else self.en


@dataclass(frozen=True)
class Decision:
    """The final advice and what decided it: `GRADE`, or the codes of rules."""

    advice: Advice
    decided_by: tuple[str, ...]


def evaluate_rules(facts: RuleFacts, policy: RuleFile, as_of: date) -> tuple[RuleHit, ...]:
    """Return the hits of a party under the rules in force on a day, worst first, those not checked after those that were.

    Rules do not see the model and change no PD. A rule whose fact is unknown is listed as not checked, with the severity
    that it names for that case; limits without a base likewise. Raises RuleFactsError for facts that are later than the day
    (they would show the future) and PolicyError when no rule of limits or of age is in force.
    """
    if facts.as_of > as_of:
        raise RuleFactsError(
            "as_of",
            f"事实截至 {facts.as_of}，晚于 {as_of}；请用该日或更早的事实",
            f"the facts are of {facts.as_of}, later than {as_of}; use facts of that day or earlier",
        )
    bound = [rule for rule in policy.rules_on(as_of) if _binds(rule, facts)]
    found = [hit for rule in bound if (hit := _against(rule, facts)) is not None]
    found += _limits(facts, policy.limit_rule_on(as_of))
    found += _age(facts, policy, as_of)
    return tuple(sorted(found, key=lambda hit: (_RANK[hit.severity], not hit.checked)))


def decide(grade_advice: Advice, hits: Iterable[RuleHit]) -> Decision:
    """Return the worst of the grade's advice and the hits, with everything that asks for no less.

    A note changes nothing, so more hits never make an advice better.
    """
    asked = [(GRADE, grade_advice)] + [
        (hit.code, _ADVICE[hit.severity]) for hit in hits if hit.severity in _ADVICE
    ]
    worst = min((advice for _, advice in asked), key=_WORST_FIRST.index)
    deciding = (code for code, advice in asked if advice is worst)
    return Decision(worst, tuple(dict.fromkeys(deciding)))


def _binds(rule: Rule, facts: RuleFacts) -> bool:
    return not rule.kinds or facts.kind is None or facts.kind in rule.kinds


def _against(rule: Rule, facts: RuleFacts) -> RuleHit | None:
    value = getattr(facts, rule.fact)
    observed = None if value is None else float(value)
    if observed is not None and not rule.when.hits(observed, rule.limit):
        return None
    unit = FACT_UNITS[rule.fact]
    if observed is None:
        zh, en = f"未核查：{rule.name.zh}（缺少该项数据）", f"not checked: {rule.name.en} (no such data)"
    else:
        own = {"observed": told(observed, unit), "limit": told(rule.limit, unit)}
        zh, en = (_written(text, own, facts) for text in (rule.text.zh, rule.text.en))
    return RuleHit(
        code=rule.code,
        family=rule.family,
        severity=rule.if_unknown if observed is None else rule.severity,
        checked=observed is not None,
        zh=zh,
        en=en,
        observed=observed,
        limit=rule.limit,
        unit=unit,
        source=rule.cited,
        verified=rule.verified,
        valid_from=rule.valid_from,
    )


def _written(text: str, own: Mapping[str, str], facts: RuleFacts) -> str:
    names = _names(text) - own.keys()
    return text.format(**own, **{name: told(getattr(facts, name), FACT_UNITS[name]) for name in names})


@lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[str]:
    """Return what a text names; the same few texts are written for every party of a book."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def _limits(facts: RuleFacts, rule: LimitRule) -> list[RuleHit]:
    if facts.limit_uses is None:
        text = (
            "未核查：监管集中度限额（未计算敞口）",
            "not checked: legal limits (exposure was not computed)",
        )
        return [_limit_hit(rule, rule.if_unknown, text, code=rule.code, source=rule.cited)]
    return [hit for use in facts.limit_uses if (hit := _limit(use, rule)) is not None]


def _limit(use: LimitUse, rule: LimitRule) -> RuleHit | None:
    if use.limit is None or use.used_of_limit is None:
        if use.limit is not None and use.used <= use.limit:
            return None
        if use.limit is None:
            text = (
                f"未核查：{use.org_id} 的{use.name_zh}（缺少计算限额的基数）",
                f"not checked: {use.name_en} of {use.org_id} (the base of the limit is unknown)",
            )
            return _limit_hit(rule, rule.if_unknown, text, code=use.code, source=use.source, use=use)
    # A limit of zero has no ratio: any use of it is a breach.
    part = float("inf") if use.used_of_limit is None else use.used_of_limit
    if part <= rule.near:
        return None
    over = part > 1
    share = "" if use.used_of_limit is None else f" ({use.used_of_limit:.0%})"
    words_zh, words_en = ("超过限额", "above the limit") if over else ("接近限额", "near the limit")
    text = (
        f"{use.org_id} 的{use.name_zh}{words_zh}：已用 {use.used:,.0f} 元，限额 {use.limit:,.0f} 元{share}",
        f"{use.name_en} of {use.org_id} is {words_en}: CNY {use.used:,.0f} used of {use.limit:,.0f}{share}",
    )
    severity = rule.breach if over else rule.near_severity
    return _limit_hit(rule, severity, text, code=use.code, source=use.source, use=use)


def _limit_hit(
    rule: LimitRule,
    severity: Severity,
    text: tuple[str, str],
    *,
    code: str,
    source: str,
    use: LimitUse | None = None,
) -> RuleHit:
    limit = None if use is None else use.limit
    return RuleHit(
        code=code,
        family=RuleFamily.LIMIT,
        severity=severity,
        checked=limit is not None,
        zh=text[0],
        en=text[1],
        observed=None if use is None else use.used,
        limit=limit,
        unit=FactUnit.CNY,
        source=source,
        verified=rule.verified if use is None else use.verified,
        valid_from=rule.valid_from if use is None else use.valid_from,
    )


def _age(facts: RuleFacts, policy: RuleFile, as_of: date) -> list[RuleHit]:
    rule, days = policy.fact_age_on(as_of), (as_of - facts.as_of).days
    if days <= rule.days:
        return []
    return [
        RuleHit(
            code=rule.code,
            family=RuleFamily.DATA,
            severity=rule.severity,
            checked=True,
            zh=f"规则所用事实截至 {facts.as_of}，已有 {days} 天（上限 {rule.days} 天），请更新",
            en=f"the facts that rules were held against are of {facts.as_of}, {days} days old (at most {rule.days}); renew them",
            observed=float(days),
            limit=float(rule.days),
            unit=FactUnit.DAYS,
            source=rule.cited,
            verified=rule.verified,
            valid_from=rule.valid_from,
        )
    ]
