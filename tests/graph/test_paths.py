"""The riskiest paths: exactly those of a search through all simple paths, never through a hub, nothing of the future."""

import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import networkx as nx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import QuestionError, UnknownPartyError
from graph.ontology import RELATIONS
from graph.parquet_store import ParquetStore
from graph.paths import RiskPath, riskiest_paths
from graph.store import Expansion
from tests.graph.plain_view import NO_RECORDS, START, PlainView, edge_frame, edge_rows, embedded, star_frame

Row = dict[str, object]
Told = list[tuple[float, list[str], list[str]]]


def _told(paths: Sequence[RiskPath]) -> Told:
    return [(path.strength, list(path.parties), path.edges["edge_id"].to_list()) for path in paths]


def _brute_force(edges: pl.DataFrame, ends: tuple[str, str], max_hops: int, top: int, *, hub: int) -> Told:
    graph = nx.MultiDiGraph()
    for row in edges.iter_rows(named=True):
        transmission = RELATIONS[row["kind"]].transmission
        share = row["share"] if row["kind"] == "owns" and row["share"] is not None else 1.0
        confidence = 1.0 if row["confidence"] is None else row["confidence"]
        graph.add_edge(
            row["src"], row["dst"], (row["edge_id"], 0), factor=transmission.out * confidence * share
        )
        graph.add_edge(
            row["dst"], row["src"], (row["edge_id"], 1), factor=transmission.in_ * confidence * share
        )
    if not {*ends} <= set(graph):
        return []
    # Each edge is an arc in both directions.
    hubs = {party for party in graph if graph.degree(party) / 2 > hub} - {*ends}
    found = []
    for path in nx.all_simple_edge_paths(graph, *ends, cutoff=max_hops):
        parties = [path[0][0], *(head for _, head, _ in path)]
        if hubs & {*parties}:
            continue
        strength = math.prod(sorted(graph.edges[arc]["factor"] for arc in path))
        found.append((strength, parties, [key[0] for _, _, key in path]))
    return sorted(found, key=lambda one: (-one[0], len(one[1]), one[1], one[2]))[:top]


@settings(max_examples=150)
@given(edge_rows("ABCDEFG", 18), st.integers(1, 5), st.integers(1, 6), st.integers(1, 9))
def test_paths_equal_brute_force(rows: list[Row], max_hops: int, top: int, hub: int) -> None:
    rows = [*rows, {"src": "A", "dst": "H"}, {"src": "I", "dst": "G"}]
    edges = edge_frame(rows)
    expected = _brute_force(edges, ("A", "G"), max_hops, top, hub=hub)
    for view in (embedded(edges), PlainView(edges)):
        assert _told(riskiest_paths(view, "A", "G", max_hops=max_hops, top=top, hub=hub)) == expected


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_long_paths_of_a_larger_graph_equal_brute_force(seed: int) -> None:
    plain = nx.gnm_random_graph(22, 40, seed=seed)
    kinds = ("owns", "guarantees", "supplies", "pays")
    rows: list[Row] = [
        {
            "src": f"P{one:02}",
            "dst": f"P{other:02}",
            "kind": kinds[(one + other) % 4],
            "confidence": 0.5 + one / 50,
        }
        for one, other in plain.edges
    ]
    rows += [{"src": "P00", "dst": "X"}, {"src": "P21", "dst": "Y"}]
    edges = edge_frame(rows)
    expected = _brute_force(edges, ("P00", "P21"), 6, 10, hub=5)
    assert _told(riskiest_paths(embedded(edges), "P00", "P21", max_hops=6, top=10, hub=5)) == expected


def test_direction_decides_how_far_trouble_travels() -> None:
    view = embedded([{"src": "A", "dst": "B", "kind": "guarantees", "amount": 5e6}])
    there, back = riskiest_paths(view, "A", "B")[0], riskiest_paths(view, "B", "A")[0]
    transmission = RELATIONS["guarantees"].transmission
    assert (there.strength, back.strength) == (transmission.out, transmission.in_)
    assert there.factors == (transmission.out,)


def test_share_and_confidence_weaken_a_step() -> None:
    view = embedded([{"src": "A", "dst": "B", "kind": "owns", "share": 0.5, "confidence": 0.8}])
    expected = RELATIONS["owns"].transmission.out * 0.5 * 0.8
    assert riskiest_paths(view, "A", "B")[0].strength == pytest.approx(expected)


def test_share_of_another_kind_does_not_count() -> None:
    view = embedded([{"src": "A", "dst": "B", "kind": "pays", "share": 0.5}])
    assert riskiest_paths(view, "A", "B")[0].strength == RELATIONS["pays"].transmission.out


def test_parallel_contracts_are_paths_of_their_own() -> None:
    row: Row = {"src": "A", "dst": "B", "kind": "guarantees"}
    found = riskiest_paths(embedded([row, {**row, "confidence": 0.5}, row]), "A", "B")
    assert [path.edges["edge_id"].to_list() for path in found] == [["E000"], ["E002"], ["E001"]]


def test_symmetric_kinds_carry_trouble_alike_both_ways() -> None:
    view = embedded(
        [{"src": "A", "dst": "B", "kind": "family_of"}, {"src": "C", "dst": "B", "kind": "family_of"}]
    )
    there, back = riskiest_paths(view, "A", "C")[0], riskiest_paths(view, "C", "A")[0]
    assert there.strength == back.strength == pytest.approx(RELATIONS["family_of"].transmission.out ** 2)


def test_steps_are_told_in_both_languages_with_names() -> None:
    parties = pl.DataFrame(
        [("A", "company", "甲公司", None), ("B", "company", "乙公司", None)],
        schema=NO_RECORDS.schema,
        orient="row",
    )
    rows: list[Row] = [
        {"src": "A", "dst": "B", "kind": "guarantees", "amount": 5e6},
        {"src": "C", "dst": "B", "kind": "owns", "share": 0.375},
    ]
    path = riskiest_paths(embedded(rows, parties=parties), "A", "C")[0]
    assert [said.zh for said in path.sentences] == [
        "甲公司 为 乙公司 担保 500 万元",
        "C 持有 乙公司 37.5% 股权",
    ]
    assert [said.en for said in path.sentences] == [
        "甲公司 guarantees 乙公司 for CNY 5 m",
        "C owns 37.5% of 乙公司",
    ]
    assert path.hops == 2
    told = path.to_json()
    assert told["parties"] == ["A", "B", "C"]
    assert told["as_of"] == told["valid_on"] == START.isoformat()


def test_path_does_not_pass_through_a_hub(star: pl.DataFrame) -> None:
    view = embedded(star)
    assert riskiest_paths(view, "P000001", "P000002") == []
    assert len(riskiest_paths(embedded(star.head(300)), "P000001", "P000002", hub=300)) == 1


def test_hub_in_the_middle_of_the_longest_path_is_found_out() -> None:
    chain: list[Row] = [{"src": one, "dst": other} for one, other in ("AB", "BC", "CD", "DE")]
    others: list[Row] = [{"src": "C", "dst": f"X{number}"} for number in range(5)]
    view = embedded([*chain, *others])
    assert riskiest_paths(view, "A", "E", max_hops=4, hub=6) == []
    assert len(riskiest_paths(view, "A", "E", max_hops=4, hub=7)) == 1


def test_ends_may_be_hubs_and_are_named(star: pl.DataFrame) -> None:
    found = riskiest_paths(embedded(star), "hub", "P000002")
    assert [list(path.parties) for path in found] == [["hub", "P000002"]]
    assert found[0].hub_ends == {"hub": 100_000}


def test_parties_without_a_path_give_an_empty_list() -> None:
    rows: list[Row] = [{"src": "A", "dst": "B"}, {"src": "C", "dst": "D"}, {"src": "B", "dst": "E"}]
    assert riskiest_paths(embedded(rows), "A", "D") == []
    assert riskiest_paths(embedded(rows), "A", "E", max_hops=1) == []


def test_unknown_party_is_named() -> None:
    with pytest.raises(UnknownPartyError, match="'X' is unknown"):
        riskiest_paths(embedded([{"src": "A", "dst": "B"}]), "A", "X")


def test_path_to_itself_is_refused() -> None:
    with pytest.raises(QuestionError, match=r"'target' .* is the source itself \(A\)"):
        riskiest_paths(embedded([{"src": "A", "dst": "B"}]), "A", "A")


@pytest.mark.parametrize("name", ["max_hops", "top", "hub"])
def test_bound_below_one_is_named(name: str) -> None:
    view, bounds = embedded([{"src": "A", "dst": "B"}]), {"max_hops": 4, "top": 5, "hub": 200, name: 0}
    with pytest.raises(QuestionError, match=f"'{name}' .* must be at least 1, is 0"):
        riskiest_paths(view, "A", "B", max_hops=bounds["max_hops"], top=bounds["top"], hub=bounds["hub"])


def test_a_step_asks_the_view_once() -> None:
    asked: list[list[str]] = []

    class Counting(PlainView):
        def expand(self, party_ids: Sequence[str], *, hub: int | None) -> Expansion:
            asked.append(list(party_ids))
            return super().expand(party_ids, hub=hub)

    chain: list[Row] = [{"src": one, "dst": other} for one, other in ("AB", "BC", "CD", "DE", "CX", "CY")]
    assert len(riskiest_paths(Counting(edge_frame(chain)), "A", "E")) == 1
    assert asked == [["A", "E"], ["B"], ["D"], ["C"]]


def test_paths_are_of_both_times(tmp_path: Path) -> None:
    later = START + timedelta(days=30)
    store = ParquetStore(tmp_path)
    store.append(
        edge_frame(
            [
                {"src": "A", "dst": "B", "kind": "pays", "valid_to": later},
                {"src": "A", "dst": "B", "kind": "owns", "known_at": later},
                {"src": "A", "dst": "B", "kind": "guarantees", "valid_from": later},
            ]
        )
    )
    told = [
        sorted(
            edge
            for path in riskiest_paths(store.view(known, held), "A", "B")
            for edge in path.edges["edge_id"]
        )
        for known, held in ((START, START), (later, START), (later, later), (START, later))
    ]
    assert told == [["E000"], ["E000", "E001"], ["E001", "E002"], ["E002"]]


@settings(max_examples=20)
@given(st.data())
def test_nothing_known_later_changes_a_path(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    as_of = START + timedelta(days=5)
    later = st.integers(6, 30).map(lambda number: START + timedelta(days=number))
    past: list[Row] = [{"src": "A", "dst": "B"}, {"src": "C", "dst": "D"}, *data.draw(edge_rows("ABCDE", 14))]
    told = []
    for _ in range(2):
        future = [{**row, "known_at": data.draw(later)} for row in data.draw(edge_rows("ABCDE", 8))]
        closed = [{**row, "retracted_at": data.draw(st.none() | later)} for row in past]
        store = ParquetStore(tmp_path_factory.mktemp("graph"))
        store.append(edge_frame([*closed, *future]))
        told.append([path.to_json() for path in riskiest_paths(store.view(as_of), "A", "D")])
    assert told[0] == told[1]


@pytest.fixture(scope="module")
def star() -> pl.DataFrame:
    return star_frame(100_000)
