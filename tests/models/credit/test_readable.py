"""Values as a person reads them: every feature of the catalogue, every unit, both languages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import Feature, Unit, catalogue
from models.credit.readable import noun_phrase, readable_money, readable_value

CARDS = {item.name: item for item in catalogue()}


@pytest.mark.parametrize(
    ("name", "value", "zh", "en"),
    [
        ("leverage", 0.7184, "71.8%", "71.8%"),
        ("leverage", 0.0004, "0.04%", "0.04%"),
        ("revenue_growth", -0.25, "−25.0%", "−25.0%"),
        ("interest_cover", 3.2, "3.20", "3.20"),
        ("log_total_assets", 20.7232658, "10.00 亿元", "CNY 1.00 billion"),
        ("log_outstanding", 16.3250, "1,229.9 万元", "CNY 12.30 million"),
        ("log_guarantees_given", 0.0, "0 元", "CNY 0"),
        ("log_employees", 4.615121, "100", "100"),
        ("days_past_due", 30, "30 天", "30 days"),
        ("days_past_due", 1, "1 天", "1 day"),
        ("mean_days_late_12m", 2.54, "2.5 天", "2.5 days"),
        ("months_since_late", 5, "5 个月", "5 months"),
        ("age_years", 12.5, "12.5 年", "12.5 years"),
        ("shareholders", 3, "3", "3"),
        ("is_listed", 1, "是", "yes"),
        ("is_listed", 0, "否", "no"),
        ("size_rank", 2, "小型", "small"),
        ("audit_opinion_rank", 3, "无法表示意见", "disclaimer"),
        ("industry_code", 5, "E", "E"),
        ("leverage", None, "未知（没有数据）", "unknown (no data)"),
        ("leverage", float("nan"), "未知（没有数据）", "unknown (no data)"),
    ],
)
def test_value_has_its_unit(name: str, value: float | None, zh: str, en: str) -> None:
    assert readable_value(CARDS[name], value, "zh") == zh
    assert readable_value(CARDS[name], value, "en") == en


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("leverage", "资产负债率", "Total liabilities over total assets in the latest statement"),
        ("is_company", "是否为企业", "Whether the party is a company"),
        ("log_registered_capital", "注册资本", "Registered capital"),
        ("log_employees", "职工人数", "Number of employees"),
        ("late_share_3m", "近 3 个月到期各期中逾期的比例", None),
        ("is_construction_or_property", None, "Whether the company is in construction or real estate"),
    ],
)
def test_noun_phrase_is_the_text_before_the_explanation(name: str, zh: str | None, en: str | None) -> None:
    assert zh is None or noun_phrase(CARDS[name], "zh") == zh
    assert en is None or noun_phrase(CARDS[name], "en") == en


@pytest.mark.parametrize("item", CARDS.values(), ids=CARDS)
def test_every_feature_has_a_phrase_and_readable_values_in_both_languages(item: Feature) -> None:
    zh, en = noun_phrase(item, "zh"), noun_phrase(item, "en")
    assert re.search(r"[\u4e00-\u9fff]", zh)
    assert not re.search(r"[\u4e00-\u9fff]", en)
    assert not re.search(r"[。；：（）]", zh)
    assert not re.search(r"[.;:()]", en)
    assert len(zh) >= 3
    assert en[0] == en[0].upper()
    if item.unit in (Unit.LOG_CNY, Unit.LOG_COUNT):
        assert "对数" not in zh
        assert "ogarithm" not in en
    for value in (item.low, item.high, item.low + (item.high - item.low) / 3):
        for text in (readable_value(item, value, "zh"), readable_value(item, value, "en")):
            assert text
            assert "e+" not in text


@given(st.floats(-1e13, 1e13))
def test_money_is_told_in_the_size_it_has_when_rounded(yuan: float) -> None:
    sizes = {"元": 1.0, "万元": 1e4, "亿元": 1e8}
    amount, unit = readable_money(yuan, "zh").split(" ")
    number = float(amount.replace(",", "").replace("−", "-"))
    assert unit == "亿元" or abs(number) < 1e4
    digits = {"元": 0, "万元": 1, "亿元": 2}[unit]
    assert abs(number * sizes[unit] - yuan) <= 0.51 * sizes[unit] * 10**-digits
    assert not readable_money(yuan, "en").startswith("CNY −0 ")


def test_money_does_not_reach_ten_thousand_of_a_size() -> None:
    assert readable_money(99_999_999, "zh") == "1.00 亿元"
    assert readable_money(9_999.6, "zh") == "1.0 万元"
    assert readable_money(999_999, "en") == "CNY 1.00 million"
    assert readable_money(-1234.0, "zh") == "−1,234 元"
    assert readable_money(-0.2, "zh") == "0 元"
