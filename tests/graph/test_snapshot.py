"""The graph as of a date equals networkx and brute force; bad input is named."""

import math
from collections.abc import Callable
from datetime import date

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.edges import OPTIONAL_COLUMNS
from graph.errors import EdgeTableError, UnknownMeasureError, UnknownPartyError, UnknownRelationError
from graph.neighbours import AGGREGATES, degrees, neighbour_aggregates
from graph.ontology import RELATIONS, Direction
from graph.snapshot import ANY_KIND, Snapshot

EdgeMaker = Callable[..., pl.DataFrame]
Edge = tuple[int, int, str, float | None]

KINDS = ("owns", "pays")
parties = st.integers(0, 7)
edge_lists = st.lists(
    st.tuples(parties, parties, st.sampled_from(KINDS), st.none() | st.floats(-5, 5)), max_size=40
)
values_of = st.dictionaries(parties, st.none() | st.just(float("nan")) | st.floats(-9, 9))


def _frame(edges: list[Edge]) -> pl.DataFrame:
    schema = {"src": pl.Int64, "dst": pl.Int64, "kind": pl.String, "weight": pl.Float64}
    return pl.DataFrame(edges, schema=schema, orient="row")


def _oracle(edges: list[Edge], kind: str, direction: Direction) -> "nx.MultiDiGraph[int]":
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(range(8))
    for source, target, of_kind, weight in edges:
        if of_kind == kind and source != target:
            graph.add_edge(source, target, weight=weight or 0.0)
    return graph if direction is Direction.OUT else graph.reverse()


@given(edge_lists)
def test_degrees_equal_networkx(edges: list[Edge]) -> None:
    snapshot = Snapshot.from_edges(_frame(edges), as_of=None, nodes=pl.Series(range(8)), kinds=KINDS)
    found = degrees(snapshot)
    for kind in KINDS:
        for direction in Direction:
            graph = _oracle(edges, kind, direction)
            assert found[f"{kind}_{direction}_degree"].to_list() == [graph.out_degree(n) for n in range(8)]
            neighbours = [len(set(graph.successors(n))) for n in range(8)]
            assert found[f"{kind}_{direction}_neighbours"].to_list() == neighbours
            weights = [graph.out_degree(n, weight="weight") for n in range(8)]
            np.testing.assert_allclose(found[f"{kind}_{direction}_weight"], weights, atol=1e-9)


@given(edge_lists, values_of)
def test_neighbour_aggregates_equal_brute_force(edges: list[Edge], values: dict[int, float | None]) -> None:
    snapshot = Snapshot.from_edges(_frame(edges), as_of=None, nodes=pl.Series(range(8)), kinds=KINDS)
    own = pl.DataFrame(
        {"id": list(values), "dpd": list(values.values())}, schema={"id": pl.Int64, "dpd": pl.Float64}
    )
    for kind in KINDS:
        for direction in Direction:
            found = neighbour_aggregates(snapshot, kind, direction, own)
            graph = _oracle(edges, kind, direction)
            for party in range(8):
                around = [values.get(other) for other in set(graph.successors(party))]
                expected = _aggregates(
                    [value for value in around if value is not None and not math.isnan(value)]
                )
                row = found.row(party, named=True)
                assert [row[f"{kind}_{direction}_dpd_{name}"] for name in AGGREGATES] == pytest.approx(
                    expected
                )


def _aggregates(values: list[float]) -> list[float | None]:
    if not values:
        return [None, None, None, 0.0, 0.0]
    return [sum(values) / len(values), max(values), min(values), sum(values), float(len(values))]


@given(edge_lists, st.integers(0, 99))
def test_order_of_rows_changes_no_bit(edges: list[Edge], seed: int) -> None:
    shuffled = _frame(edges).sample(fraction=1.0, shuffle=True, seed=seed)
    one, other = (degrees(Snapshot.from_edges(frame, as_of=None)) for frame in (_frame(edges), shuffled))
    assert one.equals(other)


def test_transpose_belongs_to_the_matrix(edge_table: EdgeMaker) -> None:
    edges = edge_table({"src": "A", "dst": "B", "share": 0.2}, {"src": "A", "dst": "B", "share": 0.3})
    owns = Snapshot.from_edges(edges, as_of=date(2021, 1, 1)).relation("owns")
    assert owns.weights.toarray().tolist() == [[0.0, 0.5], [0.0, 0.0]]
    assert owns.weights_t.toarray().tolist() == [[0.0, 0.0], [0.5, 0.0]]
    assert owns.edges_t.toarray().tolist() == [[0, 0], [2, 0]]


def test_weight_is_the_column_the_ontology_names(edge_table: EdgeMaker) -> None:
    edges = edge_table(
        {"src": "A", "dst": "B", "kind": "owns", "share": 0.4, "amount": 7.0},
        {"src": "A", "dst": "B", "kind": "guarantees", "amount": 9.0},
        {"src": "A", "dst": "B", "kind": "guarantees"},
        {"src": "A", "dst": "B", "kind": "holds_position"},
    )
    row = degrees(Snapshot.from_edges(edges, as_of=date(2021, 1, 1))).row(0, named=True)
    assert (row["owns_out_weight"], row["holds_position_out_weight"]) == (0.4, 1.0)
    assert (row["guarantees_out_weight"], row["guarantees_out_degree"]) == (9.0, 2.0)


def test_edges_known_later_are_not_in_the_graph(edge_table: EdgeMaker) -> None:
    edges = edge_table({"src": "A", "dst": "B"}, {"src": "A", "dst": "C", "known_at": date(2023, 1, 1)})
    snapshot = Snapshot.from_edges(edges, as_of=date(2022, 12, 31))
    assert snapshot.ids.to_list() == ["A", "B"]
    assert set(snapshot.kinds) == set(RELATIONS)


def test_plain_table_without_time_kind_and_weight() -> None:
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": [3, 1], "dst": [1, 2]}), as_of=None)
    assert snapshot.kinds == (ANY_KIND,)
    assert degrees(snapshot)["edge_in_weight"].to_list() == [1.0, 1.0, 0.0]


def test_self_loops_are_left_out_and_counted() -> None:
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": ["A", "A"], "dst": ["A", "B"]}), as_of=None)
    assert (snapshot.self_loops, degrees(snapshot)["edge_out_degree"].to_list()) == (1, [1.0, 0.0])


def test_party_that_only_occurs_in_edges_is_kept() -> None:
    edges = pl.DataFrame({"src": ["A"], "dst": ["X"]})
    snapshot = Snapshot.from_edges(edges, as_of=None, nodes=pl.Series(["A", "B"]))
    assert snapshot.ids.to_list() == ["A", "B", "X"]


def test_empty_graph_has_no_party_and_no_edge() -> None:
    empty = pl.DataFrame(schema={"src": pl.String, "dst": pl.String, "kind": pl.String})
    snapshot = Snapshot.from_edges(empty, as_of=None, kinds=["owns"])
    assert (snapshot.parties, degrees(snapshot).height) == (0, 0)
    with pytest.raises(UnknownPartyError, match="'P1'"):
        snapshot.positions(pl.Series(["P1"]))


def test_positions_are_the_order_of_the_ids() -> None:
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": [30, 10], "dst": [20, 30]}), as_of=None)
    assert snapshot.positions(pl.Series([30, 10, 20], dtype=pl.Int32)).tolist() == [2, 0, 1]


def test_unknown_party_is_named() -> None:
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": ["A"], "dst": ["B"]}), as_of=None)
    with pytest.raises(UnknownPartyError) as caught:
        snapshot.positions(pl.Series(["B", "Z"]))
    assert caught.value.party_id == "Z"


def test_unknown_relation_is_named_with_the_known_ones() -> None:
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": ["A"], "dst": ["B"]}), as_of=None)
    with pytest.raises(UnknownRelationError, match=r"'pays'\. It has: edge"):
        degrees(snapshot, ["pays"])


@pytest.mark.parametrize(
    ("edges", "column", "message"),
    [
        ({"src": ["A"]}, "dst", "is missing"),
        ({"src": ["A", None], "dst": ["B", "C"]}, "src", "is empty in row 2"),
        ({"src": ["A"], "dst": ["B"], "kind": [None]}, "kind", "is empty in row 1"),
        ({"src": [1.5], "dst": [2.5]}, "src", "must be text or integers, is Float64"),
        ({"src": ["A"], "dst": [2]}, "dst", "not of the same type as src"),
        ({"src": ["A"], "dst": ["B"], "weight": [float("inf")]}, "weight", "is infinite"),
    ],
)
def test_broken_edges_name_the_column(edges: dict[str, list[object]], column: str, message: str) -> None:
    with pytest.raises(EdgeTableError, match=message) as caught:
        Snapshot.from_edges(pl.DataFrame(edges), as_of=None)
    assert caught.value.column == column


def test_reading_as_of_a_date_needs_the_times() -> None:
    with pytest.raises(EdgeTableError, match="cannot be read as of a date"):
        Snapshot.from_edges(pl.DataFrame({"src": ["A"], "dst": ["B"]}), as_of=date(2024, 1, 1))


def test_values_of_text_cannot_be_aggregated() -> None:
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": ["A"], "dst": ["B"]}), as_of=None)
    with pytest.raises(EdgeTableError, match="must be numeric"):
        neighbour_aggregates(snapshot, "edge", Direction.OUT, pl.DataFrame({"id": ["A"], "x": ["y"]}))


def test_values_given_twice_for_a_party_are_refused() -> None:
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": ["A"], "dst": ["B"]}), as_of=None)
    with pytest.raises(EdgeTableError, match="gives 'A' more than once"):
        neighbour_aggregates(snapshot, "edge", Direction.OUT, pl.DataFrame({"id": ["A", "A"], "x": [1, 2]}))


def test_measures_sum_parallel_contracts_and_votes_follow_the_share(edge_table: EdgeMaker) -> None:
    edges = edge_table(
        {"src": "A", "dst": "C", "share": 0.2, "voting": 0.5},
        {"src": "A", "dst": "C", "share": 0.1},
        {"src": "B", "dst": "C", "share": 0.3},
        {"src": "C", "dst": "D", "kind": "supplies", "amount": 5.0, "buyer_share": 0.4},
    )
    snapshot = Snapshot.from_edges(edges, as_of=date(2024, 1, 1))
    owns, supplies = snapshot.relation("owns"), snapshot.relation("supplies")
    assert owns.measure("voting").toarray()[:, 2].tolist() == pytest.approx([0.6, 0.3, 0.0, 0.0])
    assert owns.weights.toarray()[:, 2].tolist() == pytest.approx([0.3, 0.3, 0.0, 0.0])
    assert supplies.measure("buyer_share").toarray()[2, 3] == 0.4
    assert supplies.measure("seller_share").toarray()[2, 3] == 0.0
    with pytest.raises(UnknownMeasureError, match=r"'guarantees' has no column 'voting'.*weight"):
        snapshot.relation("guarantees").measure("voting")


def test_an_older_table_without_votes_votes_by_share(edge_table: EdgeMaker) -> None:
    edges = edge_table({"src": "A", "dst": "C", "share": 0.2}).drop(OPTIONAL_COLUMNS)
    owns = Snapshot.from_edges(edges, as_of=date(2024, 1, 1)).relation("owns")
    assert owns.measure("voting").toarray()[0, 1] == 0.2
