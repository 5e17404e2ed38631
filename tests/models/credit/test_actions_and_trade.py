"""Actions and terms of trade by grade: every grade has them, worse grades never get more."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import PolicyError
from models.credit.actions import Monitoring, actions_as_of
from models.credit.grade import group_master_scale
from models.credit.policy import Advice
from models.credit.trade import TradeRole, suggest_terms, trade_policy_as_of
from models.errors import PolicyError as ModelPolicyError
from models.errors import RouteError

AS_OF = date(2026, 1, 31)
GRADES = [grade.name for grade in group_master_scale().grades]
ACTIONS = actions_as_of(AS_OF)
TRADE = trade_policy_as_of(AS_OF)


def test_every_grade_has_actions_and_worse_grades_are_watched_more() -> None:
    assert ACTIONS.lacking(GRADES) == ()
    assert ACTIONS.lacking(["A1", "Z9"]) == ("Z9",)
    found = [ACTIONS.of(grade) for grade in GRADES]
    months = [action.review_months for action in found]
    assert months == sorted(months, reverse=True)
    intensity = [list(Monitoring).index(action.monitoring) for action in found]
    assert intensity == sorted(intensity)
    with pytest.raises(ModelPolicyError, match="Z9"):
        ACTIONS.of("Z9")


def test_actions_are_dated() -> None:
    with pytest.raises(PolicyError, match="2025-12-31"):
        actions_as_of(date(2025, 12, 31))


def test_a_grade_named_twice_is_refused(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "models/credit/actions.toml").read_text(encoding="utf-8")
    path = tmp_path / "actions.toml"
    path.write_text(text.replace('["B1", "B2"]', '["A1", "B2"]'), encoding="utf-8")
    with pytest.raises(PolicyError, match="named twice"):
        actions_as_of(AS_OF, path)


def test_a_customers_limit_by_hand() -> None:
    terms = suggest_terms("B1", TradeRole.CUSTOMER, 3_650_000.0, TRADE, net_assets=1e9)
    assert (terms.limit, terms.term_days) == (720_000.0, 60)  # 3.65 million x 60 / 365 x 1.2
    capped = suggest_terms("B1", TradeRole.CUSTOMER, 3_650_000.0, TRADE, net_assets=1_000_000.0)
    assert capped.limit == 150_000.0
    assert "net assets" in capped.bound_by.en
    unknown = suggest_terms("B1", TradeRole.CUSTOMER, 3_650_000.0, TRADE)
    assert unknown.limit == 360_000.0
    assert "unknown" in unknown.bound_by.en


def test_a_suppliers_prepayment_by_hand() -> None:
    terms = suggest_terms("A2", TradeRole.SUPPLIER, 3_650_000.0, TRADE, net_assets=1e9)
    assert (terms.limit, terms.term_days) == (600_000.0, 60)


@pytest.mark.parametrize(("grade", "advice"), [("A1", Advice.DECLINE), ("D2", Advice.PASS)])
def test_no_credit_by_rule_or_grade(grade: str, advice: Advice) -> None:
    for role in TradeRole:
        terms = suggest_terms(grade, role, 1e6, TRADE, net_assets=1e9, advice=advice)
        assert (terms.limit, terms.term_days) == (0.0, 0)


@given(
    st.sampled_from(list(TradeRole)),
    st.floats(0, 1e10),
    st.floats(0, 1e9),
    st.one_of(st.none(), st.floats(-1e9, 1e10)),
)
def test_worse_grades_and_smaller_volumes_never_get_more(
    role: TradeRole, volume: float, more: float, net_assets: float | None
) -> None:
    limits = [suggest_terms(grade, role, volume, TRADE, net_assets=net_assets).limit for grade in GRADES]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] <= suggest_terms(GRADES[0], role, volume + more, TRADE, net_assets=net_assets).limit
    assert all(limit % 1000 == 0 and limit >= 0 for limit in limits)


def test_bad_amounts_and_grades_are_named() -> None:
    for amount in (-1.0, float("nan")):
        with pytest.raises(RouteError, match="yearly_amount"):
            suggest_terms("A1", TradeRole.CUSTOMER, amount, TRADE)
    with pytest.raises(ModelPolicyError, match="Z9"):
        suggest_terms("Z9", TradeRole.CUSTOMER, 1.0, TRADE)
