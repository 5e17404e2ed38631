"""Import of FollowTheMoney entities."""

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.edges import EDGE_SCHEMA, visible
from graph.errors import InterchangeFileError
from graph.interchange.followthemoney import read_followthemoney
from graph.interchange.followthemoney_schemata import EDGES, more_specific, role_of
from graph.interchange.followthemoney_values import number, ratio, year_after
from graph.interchange.imported import Imported, NotCarriedError
from graph.ontology import RELATIONS
from graph.parties import PARTY_SCHEMA

Entity = dict[str, object]
RECEIVED = date(2024, 1, 2)
_CODE = "91350100M000100Y43"


def entity(entity_id: str, schema: str, **properties: str | list[str]) -> Entity:
    lists = {name: [value] if isinstance(value, str) else value for name, value in properties.items()}
    return {"id": entity_id, "schema": schema, "properties": lists, "datasets": ["示例数据集"]}


PARTIES = [
    entity("a", "Company", name=["Alpha Ltd", "阿尔法有限公司"], uscCode=_CODE),
    entity("b", "LegalEntity", name="乙"),
    entity("g", "PublicBody", name="市国资委"),
    entity("p", "Person", name="张三", idNumber=_CODE),
    entity("q", "Person", name="李四"),
    entity("v", "Vessel", name="远洋号"),
]


def read(folder: Path, *entities: Entity, known_at: date | None = RECEIVED) -> Imported:
    path = folder / "entities.ftm.json"
    lines = [json.dumps(found, ensure_ascii=False) for found in (*entities, *PARTIES[:-1])]
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_followthemoney(path, known_at=known_at)


def test_parties_carry_kind_chinese_name_and_a_valid_code(tmp_path: Path) -> None:
    result = read(tmp_path)
    assert result.left_out.is_empty()
    assert (result.parties.schema, result.edges.schema) == (PARTY_SCHEMA, EDGE_SCHEMA)
    assert result.parties.select("party_id", "kind", "name", "credit_code").rows() == [
        ("a", "company", "阿尔法有限公司", _CODE),
        ("b", "company", "乙", None),
        ("g", "government", "市国资委", None),
        ("p", "person", "张三", None),
        ("q", "person", "李四", None),
    ]
    assert set(result.parties["known_at"]) == {RECEIVED}


@pytest.mark.parametrize(
    ("found", "ends", "expected"),
    [
        (
            entity("x", "Ownership", owner="p", asset="a", percentage="37.5%"),
            ("p", "a"),
            {"kind": "owns", "share": 0.375, "confidence": 1.0},
        ),
        (
            entity("x", "Ownership", owner="p", asset="a"),
            ("p", "a"),
            {"kind": "owns", "share": None, "confidence": 0.5},
        ),
        (
            entity("x", "Directorship", director="p", organization="a", role="监事会主席"),
            ("p", "a"),
            {"kind": "holds_position", "role": "supervisor", "reason": "监事会主席"},
        ),
        (
            entity("x", "Directorship", director="p", organization="g"),
            ("p", "g"),
            {"kind": "holds_position", "role": "director", "reason": None},
        ),
        (
            entity("x", "Employment", employee="p", employer="a"),
            ("p", "a"),
            {"kind": "holds_position", "role": "employee"},
        ),
        (
            entity("x", "Family", person="p", relative="q", relationship="夫妻"),
            ("p", "q"),
            {"kind": "family_of", "reason": "夫妻"},
        ),
        (
            entity("x", "Associate", person="p", associate="q"),
            ("p", "q"),
            {"kind": "related_to", "reason": "associate"},
        ),
        (
            entity("x", "UnknownLink", subject="p", object="a", role="same address"),
            ("p", "a"),
            {"kind": "related_to", "reason": "same address", "confidence": 0.5},
        ),
        (
            entity("x", "Membership", member="a", organization="b"),
            ("a", "b"),
            {"kind": "related_to", "reason": "membership"},
        ),
        (
            entity("x", "Representation", agent="a", client="b"),
            ("a", "b"),
            {"kind": "related_to", "reason": "representation"},
        ),
        (
            entity("x", "Similar", candidate="a", match="b", confidenceScore="0.8"),
            ("a", "b"),
            {"kind": "suspected_link", "score": 0.8, "reason": "similar"},
        ),
        (
            entity("x", "Succession", predecessor="a", successor="b"),
            ("b", "a"),
            {"kind": "succeeds"},
        ),
        (
            entity("x", "Payment", payer="a", beneficiary="b", amount="1,250.5", currency="CNY"),
            ("a", "b"),
            {"kind": "pays", "amount": 1250.5},
        ),
        (
            entity("x", "Debt", debtor="a", creditor="b", amount="900", currency="CNY"),
            ("b", "a"),
            {"kind": "lends_to", "amount": 900.0},
        ),
    ],
)
def test_intervals_become_edges(
    tmp_path: Path, found: Entity, ends: tuple[str, str], expected: dict[str, object]
) -> None:
    result = read(tmp_path, found)
    assert result.left_out.is_empty()
    edge = result.edges.row(0, named=True)
    assert (edge["edge_id"], edge["src"], edge["dst"], edge["source"]) == ("x", *ends, "示例数据集")
    assert {name: edge[name] for name in expected} == expected


def test_every_edge_schema_is_a_relation_between_parties() -> None:
    assert {schema.kind for schema in EDGES.values()} <= RELATIONS.keys()


def test_periods_and_the_latest_date_of_knowledge(tmp_path: Path) -> None:
    found = entity(
        "x",
        "Ownership",
        owner="p",
        asset="a",
        startDate=["2019-05", "2019-07-01"],
        endDate="2023",
        retrievedAt=["2022-01-01", "2022-03-01T10:00:00"],
        modifiedAt="2021-12-01",
    )
    result = read(tmp_path, found)
    dates = result.edges.select("valid_from", "valid_to", "known_at").row(0)
    assert dates == (date(2019, 5, 1), date(2023, 1, 1), date(2022, 3, 1))
    assert visible(result.edges, date(2022, 2, 28)).collect().is_empty()
    assert visible(result.edges, date(2022, 3, 1)).collect().height == 1


def test_a_dated_payment_counts_for_a_year(tmp_path: Path) -> None:
    found = entity("x", "Payment", payer="a", beneficiary="b", date="2020-02-29")
    edge = read(tmp_path, found).edges.row(0, named=True)
    assert (edge["valid_from"], edge["valid_to"]) == (date(2020, 2, 29), date(2021, 3, 1))
    assert year_after(date(2021, 3, 1)) == date(2022, 3, 1)


def test_several_owners_of_one_interval_are_several_edges(tmp_path: Path) -> None:
    result = read(tmp_path, entity("x", "Ownership", owner=["p", "q"], asset="a"))
    assert result.edges["edge_id"].to_list() == ["x@p>a", "x@q>a"]


def test_fragments_of_an_id_are_joined(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        entity("a", "LegalEntity", registrationNumber="123"),
        entity("x", "Ownership", owner="p"),
        entity("x", "Ownership", asset="a", percentage="10"),
    )
    assert result.left_out.is_empty()
    assert result.edges["share"].to_list() == [0.1]
    assert result.parties["party_id"].to_list() == ["a", "b", "g", "p", "q"]
    assert result.parties["credit_code"][0] == _CODE


def test_what_cannot_be_carried_is_reported(tmp_path: Path) -> None:
    cases: list[tuple[str, Entity]] = [
        ("missing_field", {"schema": "Company", "properties": {}}),
        ("missing_field", {"id": "m", "schema": "Company"}),
        ("unknown_schema", PARTIES[-1]),
        ("not_a_party", entity("x1", "Ownership", owner="p", asset="v")),
        ("unknown_party", entity("x2", "Ownership", owner="p", asset="nobody")),
        ("missing_end", entity("x3", "Ownership", owner="p")),
        ("self_loop", entity("x4", "Ownership", owner="a", asset="a")),
        ("share_out_of_range", entity("x5", "Ownership", owner="p", asset="a", percentage="250")),
        ("bad_date", entity("x6", "Ownership", owner="p", asset="a", startDate="gestern")),
        (
            "empty_period",
            entity("x7", "Ownership", owner="p", asset="a", startDate="2020", endDate="2019"),
        ),
        ("conflicting_schema", entity("x7", "Company", name="丙")),
        ("undated_parent", entity("c", "Company", name="丁", parent="a")),
    ]
    result = read(tmp_path, *(found for _, found in cases))
    assert result.edges.is_empty()
    assert result.left_out["problem"].to_list() == [problem for problem, _ in cases]
    assert result.left_out["line"].to_list() == list(range(1, len(cases) + 1))
    assert "250" in result.left_out["zh"][7]


def test_an_amount_in_another_currency_is_reported_and_left_empty(tmp_path: Path) -> None:
    dollars = entity("x", "Debt", debtor="a", creditor="b", amount="900", currency="USD")
    unnamed = entity("y", "Debt", debtor="a", creditor="b", amount="900")
    result = read(tmp_path, dollars, unnamed)
    assert result.edges["amount"].to_list() == [None, None]
    assert result.left_out["problem"].to_list() == ["amount_not_in_cny"] * 2


def test_a_position_of_a_company_is_carried_as_related_and_reported(tmp_path: Path) -> None:
    result = read(tmp_path, entity("x", "Directorship", director="b", organization="a", role="董事"))
    edge = result.edges.row(0, named=True)
    assert (edge["kind"], edge["role"], edge["reason"]) == ("related_to", None, "directorship 董事")
    assert result.left_out["problem"].to_list() == ["carried_as_related"]


def test_without_any_date_of_knowledge_nothing_is_taken_and_the_remedy_named(tmp_path: Path) -> None:
    result = read(tmp_path, known_at=None)
    assert result.parties.is_empty()
    assert set(result.left_out["problem"]) == {"unknown_since_when"}
    assert "known_at" in result.left_out["en"][0]


@pytest.mark.parametrize(("text", "line"), [("", None), ('{"id": "a"}\n{"id"\n', 2), ("3", 1)])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "entities.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InterchangeFileError) as refused:
        read_followthemoney(path)
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25", (0.25, 1.0)),
        ("25.5 %", (0.255, 1.0)),
        ("12,5", (0.125, 1.0)),
        ("25-50", (0.25, 0.875)),
        ("25% to 50%", (0.25, 0.875)),
        (">75%", (0.75, 1.0)),
        (None, (None, 0.5)),
    ],
)
def test_percentages(text: str | None, expected: tuple[float | None, float]) -> None:
    assert ratio(text) == expected


@given(st.text(max_size=8))
def test_a_percentage_is_a_ratio_or_refused(text: str) -> None:
    try:
        share, certainty = ratio(text)
    except NotCarriedError:
        return
    assert share is not None
    assert 0 <= share <= 1
    assert 0.5 <= certainty <= 1


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234.5", 1234.5), ("1,234,567", 1234567.0), ("12,5", 12.5), ("-3", None), ("nan", None), ("", None)],
)
def test_numbers(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("董事长", "director"),
        ("Managing Director", "director"),
        ("法定代表人", "legal_representative"),
        ("总经理", "executive"),
        ("Secretary", "Secretary"),
    ],
)
def test_roles(text: str, role: str) -> None:
    assert role_of(text) == role


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ("Company", "Organization", "Company"),
        ("LegalEntity", "Person", "Person"),
        ("Organization", "LegalEntity", "Organization"),
        ("Organization", "Person", None),
        ("Company", "Person", None),
        ("Company", "Ownership", None),
    ],
)
def test_fragments_keep_the_more_specific_schema(one: str, other: str, joined: str | None) -> None:
    assert more_specific(one, other) == more_specific(other, one) == joined


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=True) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("id"), inner, max_size=1),
    max_leaves=4,
)
NAMES = st.sampled_from(
    ["owner", "asset", "percentage", "startDate", "endDate", "modifiedAt", "role", "publisher"]
)


@settings(max_examples=150)
@given(st.sampled_from(["id", "schema", "properties", "datasets", "last_change"]), NAMES, ANYTHING, ANYTHING)
def test_no_content_breaks_the_import(
    tmp_path_factory: pytest.TempPathFactory, field: str, name: str, value: object, inner: object
) -> None:
    ends: Entity = {"owner": ["p"], "asset": ["a"]}
    found: Entity = {"id": "x", "schema": "Ownership", "properties": {**ends, name: inner}}
    result = read(tmp_path_factory.mktemp("ftm"), {**found, field: value}, entity("d", "Company", name="丁"))
    assert result.edges.height + result.left_out.height >= 1
