"""The portrait of a party: equal to a plain search, hubs closed, nothing cut in silence, nothing of the future."""

import json
from datetime import timedelta
from pathlib import Path

import networkx as nx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import QuestionError, UnknownPartyError, UnknownRelationError
from graph.ontology import RELATIONS
from graph.parquet_store import ParquetStore
from graph.portrait import LeftOut, Portrait, Ring, portrait
from tests.graph.plain_view import (
    NO_RECORDS,
    NO_SCORES,
    START,
    PlainView,
    edge_frame,
    edge_rows,
    embedded,
    star_frame,
)

Row = dict[str, object]
HUB_EDGES = 100_000
RECORDS = pl.DataFrame(
    [("A", "company", "甲公司", "91"), ("B", "person", "张三", None)], schema=NO_RECORDS.schema, orient="row"
)
SCORES = pl.DataFrame(
    [
        ("A", START, START, "pd_12m", 0.01, "7"),
        ("B", START, START, "pd_12m", 0.02, "7"),
        ("B", START, START, "lgd", 0.4, "7"),
    ],
    schema=NO_SCORES.schema,
    orient="row",
)


def _ids(picture: Portrait) -> set[str]:
    return {edge_id for _, _, edge_id in picture.graph.edges(keys=True)}


@given(edge_rows("ABCDEFGH", 20), st.integers(0, 4), st.integers(1, 6))
def test_portrait_without_a_cut_equals_networkx(rows: list[Row], hops: int, hub: int) -> None:
    rows = [{"src": "A", "dst": "B"}, *rows]
    plain = nx.MultiGraph([(row["src"], row["dst"], f"E{number:03}") for number, row in enumerate(rows)])
    if plain.degree("A") > hub:
        return
    followed = nx.MultiGraph(
        (one, other, key)
        for one, other, key in plain.edges(keys=True)
        if min(plain.degree(one), plain.degree(other)) <= hub
    )
    # A hub ends a walk: without its own edges it is a leaf of everybody it is joined to.
    split = nx.MultiGraph(followed)
    hubs = [party for party, degree in plain.degree if degree > hub]
    for party in hubs:
        for one, other, key in list(split.edges(party, keys=True)):
            split.remove_edge(one, other, key)
            split.add_edge(other, (party, key), key)
    distance: dict[object, int] = nx.single_source_shortest_path_length(split, "A", cutoff=hops)
    hop_of: dict[str, int] = {}
    for place, hop in distance.items():
        party = place[0] if isinstance(place, tuple) else str(place)
        hop_of[party] = min(hop, hop_of.get(party, hop))
    near = {party for party, hop in hop_of.items() if hop < hops and party not in hubs}
    picture = portrait(embedded(rows), "A", hops=hops, hub=hub)
    assert {party: held["hop"] for party, held in picture.graph.nodes(data=True)} == hop_of
    assert _ids(picture) == {key for one, other, key in plain.edges(keys=True) if {one, other} & near}
    closed = {party: plain.degree(party) for party in hubs if hop_of.get(party, hops) < hops}
    assert picture.left_out == LeftOut(closed, 0, ())


def test_edges_of_a_hub_are_shown_from_the_parties_that_later_rings_follow() -> None:
    ends = ["AB", "AB", "AB", "AE", "EC", "CB", "CB"]
    rows: list[Row] = [{"src": pair[0], "dst": pair[1]} for pair in ends]
    picture = portrait(embedded(rows), "A", hops=3, hub=4)
    assert _ids(picture) == {f"E{number:03}" for number in range(7)}
    assert picture.left_out == LeftOut({"B": 5}, 0, ())


@settings(max_examples=60)
@given(edge_rows("ABCDEFGH", 30), st.integers(1, 3), st.integers(1, 8), st.integers(1, 8))
def test_caps_keep_near_rings_first_and_count_the_rest(
    rows: list[Row], hops: int, hub: int, max_nodes: int
) -> None:
    rows = [{"src": "A", "dst": "B"}, *rows]
    edges = edge_frame(rows)
    picture = portrait(embedded(rows), "A", hops=hops, hub=hub, max_nodes=max_nodes)
    free = portrait(embedded(rows), "A", hops=hops, hub=hub, max_nodes=100)
    graph, cut = picture.graph, picture.left_out.rings
    assert graph.number_of_nodes() == min(max_nodes, free.graph.number_of_nodes()) or cut
    assert set(graph.edges(keys=True)) <= set(free.graph.edges(keys=True))
    for hop in range(min((ring.hop for ring in cut), default=hops + 1)):
        kept = {party for party, held in graph.nodes(data=True) if held["hop"] == hop}
        assert kept == {party for party, held in free.graph.nodes(data=True) if held["hop"] == hop}
    assert bool(cut) == (free.graph.number_of_nodes() > max_nodes)
    if cut:
        assert graph.number_of_nodes() == max_nodes
        first = cut[0]
        everybody = sum(held["hop"] <= first.hop for _, held in free.graph.nodes(data=True))
        assert everybody == max_nodes + first.parties
    shuffled = edges.sample(fraction=1.0, shuffle=True, seed=3)
    again = portrait(PlainView(shuffled), "A", hops=hops, hub=hub, max_nodes=max_nodes)
    assert again.to_json() == picture.to_json()


def test_nodes_and_edges_carry_what_is_known_of_them() -> None:
    rows: list[Row] = [
        {"src": "A", "dst": "B", "kind": "owns", "share": 0.4, "source": "registry", "confidence": 0.9},
        {"src": "B", "dst": "A", "kind": "holds_position", "role": "director"},
    ]
    picture = portrait(embedded(rows, parties=RECORDS, scores=SCORES), "A")
    assert picture.graph.nodes["B"] == {
        "kind": "person",
        "name": "张三",
        "credit_code": None,
        "hop": 1,
        "hub": None,
        "scores": {"lgd": 0.4, "pd_12m": 0.02},
    }
    assert picture.graph.edges["A", "B", "E000"] == {
        "kind": "owns",
        "properties": {"share": 0.4},
        "valid_from": START,
        "valid_to": None,
        "known_at": START,
        "source": "registry",
        "confidence": 0.9,
    }
    assert picture.graph.edges["B", "A", "E001"]["properties"] == {"role": "director"}
    assert (picture.centre, picture.as_of, picture.valid_on) == ("A", START, START)


def test_parallel_contracts_and_symmetric_kinds_are_all_shown() -> None:
    rows: list[Row] = [
        {"src": "A", "dst": "B", "kind": "guarantees", "amount": 1.0},
        {"src": "A", "dst": "B", "kind": "guarantees", "amount": 2.0},
        {"src": "C", "dst": "A", "kind": "family_of"},
        {"src": "C", "dst": "D", "kind": "acts_in_concert"},
    ]
    picture = portrait(embedded(rows), "A")
    assert picture.graph.number_of_edges("A", "B") == 2
    assert {party: held["hop"] for party, held in picture.graph.nodes(data=True)} == {
        "A": 0,
        "B": 1,
        "C": 1,
        "D": 2,
    }
    assert [edge["symmetric"] for edge in _edges(picture)] == [False, False, True, True]


def test_parties_of_a_ring_are_kept_by_transmission_then_weight_then_id() -> None:
    rows: list[Row] = [
        {"src": "A", "dst": "E", "kind": "related_to"},
        {"src": "A", "dst": "D", "kind": "guarantees", "amount": 5.0},
        {"src": "A", "dst": "C", "kind": "guarantees", "amount": 9.0},
        {"src": "A", "dst": "B", "kind": "guarantees"},
        {"src": "A", "dst": "G", "kind": "guarantees", "amount": 5.0},
        {"src": "E", "dst": "C", "kind": "owns"},
    ]
    kept = [set(portrait(embedded(rows), "A", max_nodes=size).graph) - {"A"} for size in (1, 2, 3, 4, 5, 6)]
    assert kept == [
        set(),
        {"C"},
        {"C", "D"},
        {"C", "D", "G"},
        {"B", "C", "D", "G"},
        {"B", "C", "D", "E", "G"},
    ]
    picture = portrait(embedded(rows), "A", max_nodes=2)
    # E is met again behind C; a party is counted once, the edges that lead to it each time.
    assert picture.left_out.rings == (Ring(1, 4, 4), Ring(2, 0, 1))


def test_kinds_restrict_what_is_followed() -> None:
    rows: list[Row] = [
        {"src": "A", "dst": "B", "kind": "owns"},
        {"src": "B", "dst": "C", "kind": "supplies"},
        {"src": "B", "dst": "D", "kind": "owns"},
    ]
    assert set(portrait(embedded(rows), "A", kinds=["owns"]).graph) == {"A", "B", "D"}
    assert set(portrait(embedded(rows), "A", kinds=[]).graph) == {"A"}


def test_hub_is_shown_but_not_followed(star: pl.DataFrame) -> None:
    picture = portrait(embedded(star), "P000007")
    assert set(picture.graph) == {"P000007", "hub"}
    assert picture.graph.nodes["hub"]["hub"] == HUB_EDGES
    assert picture.left_out == LeftOut({"hub": HUB_EDGES}, 0, ())
    assert "hub (100,000)" in picture.summary().en


def test_centre_that_is_a_hub_is_followed_along_its_first_edges(star: pl.DataFrame) -> None:
    picture = portrait(embedded(star), "hub")
    shown = sorted(_ids(picture))
    assert picture.left_out == LeftOut({}, HUB_EDGES - 200, ())
    # The largest guarantees are those of the highest numbers.
    assert shown == [f"E{number:06}" for number in range(HUB_EDGES - 200, HUB_EDGES)]
    assert "略去其中 99,800 条" in picture.summary().zh


def test_party_without_edges_is_a_single_node() -> None:
    picture = portrait(embedded([], parties=RECORDS), "A")
    assert (list(picture.graph), picture.graph.number_of_edges()) == (["A"], 0)
    assert not picture.left_out
    assert "“甲公司”2 步之内" in picture.summary().zh
    assert "没有略去内容" in picture.summary().zh


def test_unknown_party_is_named() -> None:
    with pytest.raises(UnknownPartyError, match="'X' is unknown"):
        portrait(embedded([{"src": "A", "dst": "B"}]), "X")


def test_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownRelationError, match="no relation 'likes'"):
        portrait(embedded([{"src": "A", "dst": "B"}]), "A", kinds=["likes"])


@pytest.mark.parametrize(("name", "value"), [("hops", -1), ("hub", 0), ("max_nodes", 0)])
def test_bound_that_is_too_small_is_named(name: str, value: int) -> None:
    view, bounds = (
        embedded([{"src": "A", "dst": "B"}]),
        {"hops": 2, "hub": 200, "max_nodes": 500, name: value},
    )
    with pytest.raises(QuestionError, match=f"'{name}' .* is {value}"):
        portrait(view, "A", hops=bounds["hops"], hub=bounds["hub"], max_nodes=bounds["max_nodes"])


def test_json_is_plain_and_reads_back_as_the_same_graph() -> None:
    rows: list[Row] = [{"src": "A", "dst": "B", "share": 0.4}, {"src": "B", "dst": "A", "kind": "guarantees"}]
    picture = portrait(embedded(rows, parties=RECORDS, scores=SCORES), "A")
    held = json.loads(json.dumps(picture.to_json()))
    again = nx.node_link_graph(
        held, source="src", target="dst", name="party_id", key="edge_id", edges="edges"
    )
    assert set(again.edges(keys=True)) == set(picture.graph.edges(keys=True))
    assert again.nodes["B"]["scores"] == {"lgd": 0.4, "pd_12m": 0.02}
    assert again.edges["A", "B", "E000"]["label"] == RELATIONS["owns"].label.model_dump()
    assert held["left_out"] == {"hubs": {}, "centre_edges": 0, "rings": []}


def test_portrait_is_of_both_times(tmp_path: Path) -> None:
    later = START + timedelta(days=30)
    rows: list[Row] = [
        {"src": "A", "dst": "B", "valid_from": START, "valid_to": later, "known_at": later},
        {"src": "A", "dst": "C", "valid_from": later, "known_at": START},
    ]
    store = ParquetStore(tmp_path)
    store.append(edge_frame(rows))
    shown = [
        set(portrait(store.view(known, held), "A").graph)
        for known, held in ((later, START), (later, later), (START, later))
    ]
    assert shown == [{"A", "B"}, {"A", "C"}, {"A", "C"}]
    with pytest.raises(UnknownPartyError):
        portrait(store.view(START, START), "A")


@settings(max_examples=20)
@given(st.data())
def test_nothing_known_later_changes_a_portrait(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    as_of = START + timedelta(days=5)
    past = [{**row, "retracted_at": None} for row in data.draw(edge_rows("ABCDE", 12))]
    past = [{"src": "A", "dst": "B"}, *past]
    later = st.integers(6, 30).map(lambda number: START + timedelta(days=number))
    pictures = []
    for _ in range(2):
        future = [{**row, "known_at": data.draw(later)} for row in data.draw(edge_rows("ABCDE", 8))]
        closed = [{**row, "retracted_at": data.draw(st.none() | later)} for row in past]
        store = ParquetStore(tmp_path_factory.mktemp("graph"))
        store.append(edge_frame(past))
        store.append(edge_frame([*closed, *future]))
        store.append_parties(
            pl.DataFrame(
                {
                    "party_id": ["A", "A"],
                    "kind": ["company", "company"],
                    "name": ["old", data.draw(st.sampled_from("xyz"))],
                    "valid_from": [START, START],
                    "known_at": [START, data.draw(later)],
                }
            )
        )
        score = {
            "party_id": ["A"],
            "name": ["pd_12m"],
            "value": [data.draw(st.floats(0, 1))],
            "model_version": ["1"],
        }
        known = data.draw(later)
        of_day = data.draw(st.sampled_from([START, known]))
        store.write_scores(pl.DataFrame({**score, "as_of": [of_day], "known_at": [known]}))
        pictures.append(portrait(store.view(as_of), "A").to_json())
    assert pictures[0] == pictures[1]


def _edges(picture: Portrait) -> list[dict[str, object]]:
    edges = picture.to_json()["edges"]
    assert isinstance(edges, list)
    return sorted(edges, key=lambda edge: str(edge["edge_id"]))


@pytest.fixture(scope="module")
def star() -> pl.DataFrame:
    """Return a hub that guarantees 100,000 parties, the higher their number the more."""
    return star_frame(HUB_EDGES)
