"""The figures of docs/credit-policy.md are those that the code computes."""

from datetime import date
from pathlib import Path

import pytest

from models.credit.coverage import read_coverage
from models.credit.loss_policy import loss_policy_as_of
from models.credit.trade import TradeRole, suggest_terms, trade_policy_as_of
from tests.models.credit.test_loss import AS_OF, BASE_ONLY, LEASE, loss

PAGE = (Path(__file__).parents[2] / "docs" / "credit-policy.md").read_text(encoding="utf-8")
POLICY = loss_policy_as_of(AS_OF)


def says(text: str) -> bool:
    return text in PAGE


def money(value: float) -> str:
    return f"{value:,.2f}"


def test_the_example_is_the_one_of_the_page() -> None:
    assert (LEASE["outstanding"], LEASE["collateral_value"]) == (1_200_000.0, 800_000.0)
    assert (LEASE["annual_rate"], LEASE["pd_12m"], LEASE["pd_at_origination"]) == (0.06, 0.02, 0.02)
    base = loss({}, BASE_ONLY)
    assert base.number("lgd") == pytest.approx(0.41)
    assert says("`LGD` = 0.20 × 0.25 + 0.80 × 0.45 = 0.41")
    assert says(f"= {1 - 0.98 ** (1 / 12):.8f}")
    assert says(f"12 months = {money(base.number('el_12m'))}")
    assert says(f"lifetime = {money(base.number('el_lifetime'))}")


def test_scenarios_of_the_page() -> None:
    parts = []
    for scenario in POLICY.scenario:
        alone = BASE_ONLY.model_copy(update={"scenario": (scenario.model_copy(update={"weight": 1.0}),)})
        parts.append(f"{scenario.weight:.2f} × {money(loss({}, alone).number('el_12m'))}")
    assert says(f"{' + '.join(parts)} = {money(loss({}).number('el_booked'))}")


def test_stages_of_the_page() -> None:
    second, third = loss({"pd_12m": 0.05}), loss({"days_past_due": 95})
    assert (second.number("stage"), third.number("stage")) == (2, 3)
    assert says(f"(stage 2): 存续期 lifetime = {money(second.number('el_booked'))}")
    assert says(f"{third.number('lgd'):.6f} × 1,200,000 = {money(third.number('el_booked'))}")
    assert says(f"逾期 ≥ {POLICY.default_days} 天")
    assert says(f"逾期 > {POLICY.overdue_days} 天")
    assert says(f"降 ≥ {POLICY.notches} 级")
    assert says(f"PD 低于 {POLICY.low_risk_pd * 100:.2f} %")


def test_shrinkage_of_the_page() -> None:
    assert says(f"= {(190 * 0.04 + 3) / (190 + 30) * 100:.2f} %")


def test_terms_of_trade_of_the_page() -> None:
    policy = trade_policy_as_of(date(2026, 1, 31))
    for net_assets in (1e9, 1e6):
        limit = suggest_terms("B1", TradeRole.CUSTOMER, 3_650_000.0, policy, net_assets=net_assets).limit
        assert says(f"{limit:,.0f}")


def test_routes_of_the_page() -> None:
    policy = read_coverage().route[0]
    full, thin = round(policy.full_from * 100), round(policy.thin_from * 100)
    assert says(f"≥ {full} %")
    assert says(f"{thin} % – {full} %")
    assert says(f"× {policy.new_client_factor:g}")
    assert says(f"× {policy.thin_factor:g}")
    assert says(f"× {policy.cold_factor:g}")
