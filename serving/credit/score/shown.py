"""What a key for some companies is shown of an outcome: limits and sums of others decide the advice and are not told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from string import Formatter
from typing import Final

from models.credit.rules.evaluate import RuleHit
from models.credit.rules.policy import Rule
from serving.access.roles import ALL_COMPANIES
from serving.credit.score.basis import Basis, CarrierPath
from serving.credit.score.schemas import Carrier
from serving.credit.sources.dated_policies import DatedPolicies
from serving.schemas import Note

__all__ = ["LEFT_OUT", "OF_THE_GROUP", "PATH_LEFT_OUT", "hides_values", "shown_carrier", "shown_hits"]

LEFT_OUT: Final = Note(
    code="other_companies_left_out",
    text_zh="有规则涉及其他企业的限额或全集团的合计：它们计入了处理意见，数额不在密钥范围内，未列出。",
    text_en="Some rules rest on limits of other companies or on sums over the group: they count for the advice, and their "
    "figures are outside the key's companies and left out.",
)
PATH_LEFT_OUT: Final = Note(
    code="other_companies_left_out",
    text_zh="关系影响的路径自某一步起是其他企业的业务，不在密钥范围内，未列出；它计入了结果。",
    text_en="From some step on the path of the network effect is other companies' business, outside the key's companies, and "
    "left out; it counts for the score.",
)
OF_THE_GROUP: Final = frozenset(
    {
        "outstanding",
        "connected_outstanding",
        "party_share_of_book",
        "connected_share_of_book",
        "industry_share_of_book",
        "province_share_of_book",
        "line_share_of_book",
        "sells_to_group",
        "buys_from_group",
    }
)
"""Facts that are summed over all companies of the group."""


def hides_values(party_id: str | None, companies: Sequence[str]) -> bool:
    """Tell whether values that tell of others are withheld: from keys for some companies, but for what they sent themselves."""
    return party_id is not None and ALL_COMPANIES not in companies


def shown_hits(
    hits: Sequence[RuleHit], companies: Sequence[str], basis: Basis, policies: DatedPolicies
) -> tuple[RuleHit, ...]:
    """Return rule hits without the figures of companies that a key is not for; which rules were hit stays."""
    if ALL_COMPANIES in companies or basis.facts is None:
        return tuple(hits)
    uses = basis.facts.limit_uses
    seen = None if uses is None else tuple(use for use in uses if use.org_id in companies)
    own = frozenset(policies.hits(basis.facts.model_copy(update={"limit_uses": seen}), on=basis.day))
    summed = {rule.code: rule for rule in policies.rules.rules_on(basis.day) if _sums(rule)}
    return tuple(_without_figures(hit, summed) if _others(hit, own, summed) else hit for hit in hits)


def shown_carrier(
    carrier: Carrier | None, companies: Sequence[str], paths: Sequence[CarrierPath]
) -> Carrier | None:
    """Return a carrier without the steps that rest on other companies' business, from the first of them on."""
    if carrier is None or carrier.end_id is None or ALL_COMPANIES in companies:
        return carrier
    told = (carrier.route, carrier.end_id)
    path = next((one for one in paths if (one.channel, one.end_id) == told), None)
    steps = 0 if path is None else path.steps_for(companies)
    if path is not None and steps == len(path.path):
        return carrier
    return carrier.model_copy(
        update={
            "end_id": None,
            "parties": carrier.parties[: steps + 1] if steps else [],
            "edges": carrier.edges[:steps],
            "text_zh": PATH_LEFT_OUT.text_zh,
            "text_en": PATH_LEFT_OUT.text_en,
            "other_companies_left_out": True,
        }
    )


def _others(hit: RuleHit, own: frozenset[RuleHit], summed: Mapping[str, Rule]) -> bool:
    return hit.observed is not None and (hit not in own or hit.code in summed)


def _sums(rule: Rule) -> bool:
    """Tell whether a rule's fact, or a fact that its text names, is a sum over the group."""
    named = {
        name for text in (rule.text.zh, rule.text.en) for _, name, _, _ in Formatter().parse(text) if name
    }
    return not OF_THE_GROUP.isdisjoint({rule.fact, *named})


def _without_figures(hit: RuleHit, summed: Mapping[str, Rule]) -> RuleHit:
    rule = summed.get(hit.code)
    zh, en = (
        ("其他企业的限额", "a limit of another company") if rule is None else (rule.name.zh, rule.name.en)
    )
    return replace(
        hit,
        zh=f"{zh}（数额不在密钥范围内）",
        en=f"{en} (figures are outside the key's companies)",
        observed=None,
        limit=None if rule is None else hit.limit,
    )
