"""Reasons: sentences from the catalogue, sums by dimension that add up exactly, only what raises the PD in a refusal."""

import math
from datetime import date
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import Dimension, catalogue
from models.credit.points import PointScale
from models.credit.reasons import Reasons, reasons
from models.errors import ReasonsError

CARDS: Final = {item.name: item for item in catalogue()}
SCALE = PointScale(name="t", valid_from=date(2026, 1, 1), source="t", base_points=600, base_odds=50, pdo=40)
NAMES = ("leverage", "days_past_due", "customers_max_days_past_due", "is_listed", "cash_ratio")
VALUES = (0.889, 12.0, 45.0, 0.0, math.nan)
PARTS = (0.42, 0.8, 0.3, 0.0, -0.25)
BASE = -3.4


def explain(language: str = "zh", **changed: object) -> Reasons:
    given_: dict[str, object] = {"cards": CARDS, "language": language, "scale": SCALE, **changed}
    return reasons(NAMES, VALUES, PARTS, BASE, **given_)  # type: ignore[arg-type]


def test_largest_contribution_comes_first_and_zero_is_no_reason() -> None:
    found = explain(top=10)
    assert [reason.feature for reason in found.top] == [
        "days_past_due",
        "leverage",
        "customers_max_days_past_due",
        "cash_ratio",
    ]
    assert [reason.feature for reason in explain(top=2).top] == ["days_past_due", "leverage"]


def test_sentence_in_chinese_gives_value_direction_and_size() -> None:
    text = explain().top[1].text
    assert text.startswith("资产负债率：88.9%，推高违约概率（对数几率 +0.42，违约概率 +3.")
    assert "分数 -2" in text
    assert text.endswith("）。")
    assert explain(top=10).top[-1].text.startswith("现金比率：未知（没有数据），压低违约概率（对数几率 -0.25")


def test_sentence_in_english_gives_value_direction_and_size() -> None:
    text = explain("en").top[0].text
    assert text.startswith(
        "Days past due today: 12 days. It raises the probability of default (log-odds +0.80, PD +"
    )
    assert "points -4" in text


def test_log_odds_and_pd_are_those_of_the_sum() -> None:
    found = explain()
    assert found.log_odds == pytest.approx(BASE + sum(PARTS), abs=1e-12)
    assert found.pd == pytest.approx(1 / (1 + math.exp(-found.log_odds)))
    without = 1 / (1 + math.exp(-(found.log_odds - 0.42)))
    assert found.top[1].pd_change == pytest.approx(found.pd - without)


def test_a_refusal_names_only_what_raises_the_pd() -> None:
    found = explain(top=10)
    assert [reason.feature for reason in found.adverse] == [
        "days_past_due",
        "leverage",
        "customers_max_days_past_due",
    ]
    assert all(reason.raises for reason in found.adverse)
    favourable = reasons(NAMES, VALUES, [-0.1] * 5, BASE, cards=CARDS, language="en")
    assert favourable.adverse == ()
    assert len(favourable.top) == 5


def test_a_letter_to_the_party_gives_its_own_figures_and_nobody_elses() -> None:
    assert explain(top=10).notice == (
        "当前逾期天数：12 天。",
        "资产负债率：88.9%。",
        "客户当前最大逾期天数。",
    )
    english = explain("en", top=10).notice
    assert english[0] == "Days past due today: 12 days."
    assert english[2] == "Highest number of days past due among its customers."


@pytest.mark.parametrize("name", ["officers_max_days_past_due", "family_members", "guarantors_default_share"])
def test_figures_of_other_people_stay_out_of_letters(name: str) -> None:
    found = reasons([name], [0.17], [1.0], BASE, cards=CARDS, language="zh")
    figure = found.top[0].value_text
    assert f"：{figure}，" in found.top[0].text
    assert figure not in found.notice[0]


@given(
    st.lists(st.tuples(st.sampled_from(sorted(CARDS)), st.floats(-4, 4)), unique_by=lambda t: t[0]),
    st.floats(-6, 2),
)
def test_sums_by_dimension_add_up_exactly(parts: list[tuple[str, float]], base: float) -> None:
    names, sizes = [name for name, _ in parts], [size for _, size in parts]
    found = reasons(
        names, [None] * len(names), sizes, base, cards=CARDS, language="en", scale=SCALE if names else None
    )
    sums = [part.contribution for part in found.dimensions]
    assert math.fsum([base, *sums]) == pytest.approx(found.log_odds, abs=1e-12)
    shown = [round(100 * part.shown) for part in found.dimensions]
    assert round(100 * found.shown_base) + sum(shown) == round(100 * found.shown_log_odds) or not names
    assert abs(found.shown_log_odds - found.log_odds) <= 0.005 + 1e-9
    assert sum(part.features for part in found.dimensions) == len(names)
    for part in found.dimensions:
        assert abs(part.shown - part.contribution) < 0.01 + 1e-9
        assert part.raised + part.lowered == pytest.approx(part.contribution, abs=1e-9)
        assert part.raised >= 0 >= part.lowered
    if found.points is not None and found.base_points is not None:
        assert found.base_points + sum(part.points or 0 for part in found.dimensions) == found.points
        assert found.points == math.floor(float(SCALE.points(np.array(found.log_odds))) + 0.5)


def test_dimensions_stand_in_the_order_of_the_catalogue_with_their_names() -> None:
    found = explain()
    assert [part.dimension for part in found.dimensions] == [
        Dimension.PROFILE,
        Dimension.FINANCE,
        Dimension.BEHAVIOUR,
        Dimension.SUPPLY,
    ]
    assert [part.name for part in found.dimensions] == ["主体概况", "财务", "履约行为", "供应链"]


def test_features_of_no_catalogue_go_by_their_name() -> None:
    found = reasons(["col_7"], [3.14159], [0.5], BASE, cards={}, language="zh")
    assert found.top[0].text.startswith("col_7：3.142，推高违约概率")
    assert [part.name for part in found.dimensions] == ["其他"]
    assert found.dimensions[0].dimension is None


def test_lines_show_sums_that_a_reader_can_add() -> None:
    lines = explain("en").lines()
    assert lines[0].startswith("Probability of default ")
    assert lines[1].startswith("  base: -3.40 (")
    numbers = [round(100 * float(line.split(": ")[1].split(" ")[0])) for line in lines[1:7]]
    assert sum(numbers[:-1]) == numbers[-1]
    points = [int(line.split("(")[1].rstrip(")")) for line in lines[1:7]]
    assert sum(points[:-1]) == points[-1]
    assert explain("zh", scale=None).lines()[1] == "  基准: -3.40"


def test_a_change_too_small_to_show_is_said_to_be_small() -> None:
    found = reasons(["leverage"], [0.5], [1e-5], -5.0, cards=CARDS, language="zh")
    assert "+不足 0.01 个百分点" in found.top[0].text


def test_lengths_that_differ_and_parts_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ReasonsError, match="2 features, 1 values and 2 contributions"):
        reasons(["a", "b"], [1.0], [0.1, 0.2], 0.0, cards={}, language="en")
    with pytest.raises(ReasonsError, match="'b'") as caught:
        reasons(["a", "b"], [1.0, 2.0], [0.1, math.nan], 0.0, cards={}, language="en")
    assert "b" in caught.value.message("zh")
