"""The ontology: what its data must hold, and what a broken one says."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from graph.edges import EDGE_SCHEMA
from graph.ontology import NODES, PARTY_RELATIONS, RELATIONS, Direction, PartyKind, read_ontology

KIND = """
[[node]]
name = "company"
label = { zh = "企业", en = "company" }
[[relation]]
name = "owns"
label = { zh = "持股", en = "owns" }
inverse = "owned_by"
inverse_label = { zh = "被持股", en = "is owned by" }
neighbour_out = { zh = "被投资企业", en = "companies it owns" }
neighbour_in = { zh = "股东", en = "shareholders" }
source = ["company"]
target = ["company"]
transmission = { out = 0.5, in = 0.5 }
"""


def _read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "ontology.toml"
    path.write_text(text, encoding="utf-8")
    read_ontology(path)


def test_every_property_is_a_column_of_the_edge_table() -> None:
    assert {column for kind in RELATIONS.values() for column in kind.properties} <= set(EDGE_SCHEMA)


def test_the_kinds_the_group_needs_are_there() -> None:
    assert set(PartyKind) == {name for name, kind in NODES.items() if kind.party}
    assert {"facility", "collateral", "case", "event", "plant", "line", "material"} <= set(NODES)
    between_parties = {
        *("owns", "controls", "acts_in_concert", "holds_position", "family_of", "guarantees", "lends_to"),
        *("leases_to", "supplies", "pays", "related_to", "suspected_link", "succeeds", "same_as"),
    }
    assert set(PARTY_RELATIONS) == between_parties


def test_texts_and_inverse_names_differ_between_relations() -> None:
    for kind in RELATIONS.values():
        assert (kind.inverse == kind.name) is kind.symmetric
        assert kind.label.zh
        assert kind.label.en
        assert (kind.neighbour(Direction.OUT) == kind.neighbour(Direction.IN)) is kind.symmetric
    names = [kind.name for kind in RELATIONS.values()]
    names += [kind.inverse for kind in RELATIONS.values() if not kind.symmetric]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('target = ["company"]', 'target = ["planet"]', "no such kind of node: planet"),
        ("out = 0.5", "out = 1.5", "less than or equal to 1"),
        ('source = ["company"]', 'source = ["company"]\nweight = "share"', "not among its properties: share"),
        ('source = ["company"]', 'source = ["company"]\nsymmetric = true', "its own inverse"),
        ('source = ["company"]', 'source = ["company"]\ncolour = "red"', "colour"),
    ],
)
def test_a_broken_ontology_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    _read(KIND, tmp_path)
    with pytest.raises(ValidationError, match=message):
        _read(KIND.replace(old, new), tmp_path)


def test_a_kind_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="given more than once: owns"):
        _read(KIND + KIND[KIND.index("[[relation]]") :], tmp_path)
