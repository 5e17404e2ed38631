"""Facts as they would be with a proposed amount: limits and concentration are held against what is asked for."""

import math
from collections.abc import Sequence
from typing import Final

from models.credit.rules.facts import LimitUse, RuleFacts
from models.errors import RuleFactsError

__all__ = ["with_proposal"]

_RELATED: Final = ("related_party", "all_related")


def with_proposal(
    facts: RuleFacts, limits: Sequence[LimitUse], *, org_id: str, amount: float, book_outstanding: float
) -> RuleFacts:
    """Return the facts with `amount` more CNY lent to the party by a company of the group.

    `limits` are the company's legal limits (`features.credit.rule_facts.legal_limits`); what is used of them now comes from
    the facts. Limits on related parties are held against a party that is one, or of which nobody knows whether it is.
    `book_outstanding` is all that the group has outstanding in CNY, before the proposal. Nothing else changes: what nobody
    knew stays unknown. Raises RuleFactsError for an amount that is not a finite number above 0.
    """
    for name, value in (("amount", amount), ("book_outstanding", book_outstanding)):
        if not (math.isfinite(value) and value >= 0) or (name == "amount" and value == 0):
            raise RuleFactsError(
                name, f"应为正的有限数值，现为 {value}", f"must be a positive, finite number, is {value}"
            )
    after = book_outstanding + amount
    outstanding = _more(facts.outstanding, amount)
    connected = _more(facts.connected_outstanding, amount)
    return facts.model_copy(
        update={
            "outstanding": outstanding,
            "connected_outstanding": connected,
            "party_share_of_book": None if outstanding is None else outstanding / after,
            "connected_share_of_book": None if connected is None else connected / after,
            "limit_uses": _uses(facts, limits, org_id, amount),
        }
    )


def _more(held: float | None, amount: float) -> float | None:
    return None if held is None else held + amount


def _uses(
    facts: RuleFacts, limits: Sequence[LimitUse], org_id: str, amount: float
) -> tuple[LimitUse, ...] | None:
    if facts.limit_uses is None:
        return None
    used = {(use.org_id, use.code): use for use in facts.limit_uses}
    used |= {
        (limit.org_id, limit.code): used.get((limit.org_id, limit.code), limit)
        for limit in limits
        if limit.org_id == org_id and (limit.scope not in _RELATED or _may_be_related(facts))
    }
    return tuple(_raised(use, amount) if use.org_id == org_id else use for use in used.values())


def _may_be_related(facts: RuleFacts) -> bool:
    ties = (
        *(facts.is_group_company, facts.controlled_by_group, facts.officer_of_group),
        *(facts.family_of_group_officer, facts.controlled_by_group_officer),
    )
    return any(tie is None or tie for tie in ties)


def _raised(use: LimitUse, amount: float) -> LimitUse:
    total = use.used + amount
    return use.model_copy(update={"used": total, "used_of_limit": total / use.limit if use.limit else None})
