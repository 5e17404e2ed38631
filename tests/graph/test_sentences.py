"""What an edge says, in the words of both languages."""

import pytest

from graph.interchange.bods_interests import Ends, claims_of
from graph.ontology import RELATIONS
from graph.sentences import amount_text, edge_sentence

ENDS = {"src": "A", "dst": "B"}
CONTROLS_OF_BODS = (
    "appointmentOfBoard",
    "otherInfluenceOrControl",
    "settlor",
    "trustee",
    "protector",
    "nominator",
    "rightsGrantedByContract",
    "conditionalRightsGrantedByContract",
    "controlViaCompanyRulesOrArticles",
    "controlByLegalFramework",
)


@pytest.mark.parametrize(
    ("yuan", "zh", "en"),
    [
        (5e6, "500 万元", "CNY 5 m"),
        (123_456_789.0, "1.23 亿元", "CNY 123.46 m"),
        (2.5e9, "25 亿元", "CNY 2.5 bn"),
        (9_999.0, "9,999 元", "CNY 10 k"),
        (12.0, "12 元", "CNY 12"),
        (0.0, "0 元", "CNY 0"),
    ],
)
def test_amounts_are_in_the_unit_that_fits(yuan: float, zh: str, en: str) -> None:
    assert (amount_text(yuan).zh, amount_text(yuan).en) == (zh, en)


@pytest.mark.parametrize(
    ("edge", "zh", "en"),
    [
        ({"kind": "guarantees", "amount": 5e6}, "甲 为 B 担保 500 万元", "甲 guarantees B for CNY 5 m"),
        ({"kind": "guarantees", "amount": None}, "甲 为 B 担保", "甲 guarantees B"),
        ({"kind": "owns", "share": 0.51}, "甲 持有 B 51% 股权", "甲 owns 51% of B"),
        ({"kind": "owns", "share": 1.0}, "甲 持有 B 100% 股权", "甲 owns 100% of B"),
        ({"kind": "owns", "share": 0.0}, "甲 持有 B 0% 股权", "甲 owns 0% of B"),
        ({"kind": "owns", "share": None}, "甲 持有 B 股权", "甲 owns B"),
        (
            {"kind": "holds_position", "role": "director"},
            "甲 在 B 任职（董事）",
            "甲 holds a position in B (director)",
        ),
        (
            {"kind": "guarantees", "guarantee_kind": "joint", "contract": "K_1"},
            "甲 为 B 担保（连带责任保证，K_1）",
            "甲 guarantees B (joint, K_1)",
        ),
        (
            {"kind": "controls", "basis": "appointment_of_board"},
            "甲 控制 B（有权任免董事）",
            "甲 controls B (appointment of board)",
        ),
        ({"kind": "pledges"}, "甲 以 B 作押品", "甲 puts up B as collateral"),
        ({"kind": "secures", "amount": 5e6}, "甲 为 B 提供抵质押担保 500 万元", "甲 secures B for CNY 5 m"),
        ({"kind": "related_to", "reason": "同址"}, "甲 与 B 关联（同址）", "甲 is related to B (同址)"),
    ],
)
def test_sentence_says_what_the_edge_says(edge: dict[str, object], zh: str, en: str) -> None:
    said = edge_sentence({**ENDS, **edge}, {"A": "甲"})
    assert (said.zh, said.en) == (zh, en)


@pytest.mark.parametrize("kind", RELATIONS)
def test_every_kind_of_the_ontology_is_told_with_both_ends(kind: str) -> None:
    said = edge_sentence({**ENDS, "kind": kind, "amount": 1e4, "share": 0.5}, {})
    for text in (said.zh, said.en):
        assert "A " in text
        assert "B" in text
        assert "{" not in text


@pytest.mark.parametrize("interest", CONTROLS_OF_BODS)
def test_every_control_of_a_register_is_told_in_chinese(interest: str) -> None:
    (claim,), _ = claims_of([{"type": interest}], Ends("A", "B", "company", "company"))
    assert claim.basis is not None
    said = edge_sentence({**ENDS, "kind": "controls", "basis": claim.basis}, {})
    assert claim.basis not in said.zh
    assert "_" not in said.en


def test_braces_in_a_name_are_left_alone() -> None:
    assert edge_sentence({**ENDS, "kind": "controls"}, {"A": "{x}"}).zh == "{x} 控制 B"
