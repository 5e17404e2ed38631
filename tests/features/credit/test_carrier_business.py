"""Whose business the steps of a path are: told by the group's companies at their ends, never by public registers."""

from datetime import date

import polars as pl

from features.credit.carrier_business import BUSINESS_SCHEMA, with_business
from features.credit.carrier_texts import CARRIERS_SCHEMA
from features.credit.dealings import DEALINGS_SCHEMA

DAY = date(2026, 6, 30)
OWN = pl.DataFrame({"org_id": ["ORG-01", "ORG-02", "ORG-03"], "party_id": ["G1", "G2", "G1"]})
DEALT = pl.DataFrame({"party_id": ["Z"], "companies": [["ORG-02", "ORG-09"]]}, schema=DEALINGS_SCHEMA)


def edge(src: str, dst: str, kind: str) -> dict[str, object]:
    return {
        "edge_id": f"{src}{dst}",
        "src": src,
        "dst": dst,
        "kind": kind,
        "valid_from": DAY,
        "known_at": DAY,
    }


def paths(*rows: tuple[str, list[dict[str, object]]]) -> pl.DataFrame:
    told = [
        {"party_id": "A", "as_of": DAY, "channel": "anyone", "end_id": end, "brings": 0.5, "parties": ["A", end],
         "path": path, "text_zh": "", "text_en": ""}
        for end, path in rows
    ]  # fmt: skip
    return pl.DataFrame(told, schema=CARRIERS_SCHEMA)


def test_a_step_is_the_business_of_the_companies_at_its_ends_unless_registers_tell_it() -> None:
    long = [edge("A", "G1", "supplies"), edge("G1", "G2", "owns"), edge("G2", "Z", "supplies")]
    found = with_business(paths(("Z", long), ("Y", [edge("A", "Y", "guarantees")])), OWN, DEALT)
    assert found["business"].to_list() == [[["ORG-01", "ORG-03"], [], ["ORG-02"]], [[]]]
    assert found["end_companies"].to_list() == [["ORG-02", "ORG-09"], []]
    assert found.select(CARRIERS_SCHEMA.names()).equals(
        paths(("Z", long), ("Y", [edge("A", "Y", "guarantees")]))
    )


def test_a_company_of_the_group_knows_itself() -> None:
    found = with_business(paths(("G2", [edge("A", "G2", "owns")])), OWN, DEALT)
    assert found["end_companies"].to_list() == [["ORG-02"]]


def test_nobody_s_business_without_companies_or_dealings() -> None:
    nothing = with_business(paths(("Z", [edge("A", "Z", "supplies")])), OWN.clear(), DEALT.clear())
    assert (nothing["business"].to_list(), nothing["end_companies"].to_list()) == ([[[]]], [[]])
    empty = with_business(paths(), OWN, DEALT)
    assert dict(empty.schema) == {**CARRIERS_SCHEMA, **BUSINESS_SCHEMA}
