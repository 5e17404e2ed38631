"""A proposal is held against limits and concentration as if it were lent."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.credit.rules.evaluate import evaluate_rules
from models.credit.rules.facts import LimitUse
from models.credit.rules.proposal import with_proposal
from models.errors import RuleFactsError
from tests.models.credit.rules.test_evaluate import CLEAN, DAY, FILE

NEW = LimitUse(
    org_id="ORG-03",
    code="micro-loan-single",
    name_zh="同一借款人贷款余额",
    name_en="loans to one borrower",
    scope="party",
    used=0.0,
    limit=1000.0,
    used_of_limit=0.0,
    source="s",
    verified=True,
    valid_from=date(2024, 12, 31),
)
USED = NEW.model_copy(update={"used": 400.0, "used_of_limit": 0.4})
OTHER = USED.model_copy(update={"org_id": "ORG-02", "code": "finance-lease-single"})
FACTS = CLEAN.model_copy(
    update={"outstanding": 800.0, "connected_outstanding": 900.0, "limit_uses": (USED, OTHER)}
)


def test_a_first_loan_is_held_against_the_companys_limit() -> None:
    facts = with_proposal(CLEAN, [NEW], org_id="ORG-03", amount=1001.0, book_outstanding=1e6)
    assert [hit.code for hit in evaluate_rules(facts, FILE, DAY)] == ["micro-loan-single"]
    within = with_proposal(CLEAN, [NEW], org_id="ORG-03", amount=900.0, book_outstanding=1e6)
    assert evaluate_rules(within, FILE, DAY) == ()


def test_more_is_added_to_what_is_used_by_that_company_alone() -> None:
    facts = with_proposal(FACTS, [NEW, OTHER], org_id="ORG-03", amount=200.0, book_outstanding=9800.0)
    assert facts.limit_uses is not None
    assert {use.code: use.used for use in facts.limit_uses} == {
        "micro-loan-single": 600.0,
        "finance-lease-single": 400.0,
    }
    assert (facts.outstanding, facts.connected_outstanding) == (1000.0, 1100.0)
    assert facts.party_share_of_book == pytest.approx(0.1)
    assert facts.connected_share_of_book == pytest.approx(0.11)


@pytest.mark.parametrize(("tie", "held"), [(False, 1), (True, 2), (None, 2)])
def test_limits_on_related_parties_bind_those_and_whom_nobody_knows(tie: bool | None, held: int) -> None:
    related = NEW.model_copy(update={"code": "micro-loan-related", "scope": "related_party"})
    party = CLEAN.model_copy(update={"controlled_by_group": tie})
    facts = with_proposal(party, [NEW, related], org_id="ORG-03", amount=1.0, book_outstanding=1e6)
    assert facts.limit_uses is not None
    assert len(facts.limit_uses) == held


def test_what_nobody_knew_stays_unknown() -> None:
    bare = CLEAN.model_copy(update={"limit_uses": None, "outstanding": None, "connected_outstanding": None})
    facts = with_proposal(bare, [NEW], org_id="ORG-03", amount=1.0, book_outstanding=0.0)
    assert facts.limit_uses is None
    assert facts.party_share_of_book is None
    assert facts.connected_share_of_book is None


@given(st.floats(0.01, 1e9), st.floats(0, 1e9))
def test_a_larger_proposal_never_uses_less(amount: float, more: float) -> None:
    small, large = (
        with_proposal(FACTS, [NEW], org_id="ORG-03", amount=size, book_outstanding=1e6)
        for size in (amount, amount + more)
    )
    assert len(evaluate_rules(small, FILE, DAY)) <= len(evaluate_rules(large, FILE, DAY))


@pytest.mark.parametrize("amount", [0.0, -1.0, float("inf"), float("nan")])
def test_amounts_that_are_none_are_refused(amount: float) -> None:
    with pytest.raises(RuleFactsError, match="amount"):
        with_proposal(FACTS, [], org_id="ORG-03", amount=amount, book_outstanding=1.0)
