"""Articulation points and what falls off equal networkx on random graphs."""

import networkx as nx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import UnknownRelationError
from graph.measures.cut_points import cut_points
from graph.snapshot import Snapshot

Edge = tuple[int, int]

SIZE = 10
parties = st.integers(0, SIZE - 1)
edge_lists = st.lists(st.tuples(parties, parties), max_size=16)


def _snapshot(edges: list[Edge], nodes: int) -> Snapshot:
    schema = {"src": pl.Int64, "dst": pl.Int64}
    table = pl.DataFrame(edges, schema=schema, orient="row").with_columns(kind=pl.lit("supplies"))
    return Snapshot.from_edges(table, as_of=None, nodes=pl.Series(range(nodes)), kinds=["supplies"])


def _without(graph: "nx.Graph[int]", party: int) -> tuple[int, int, int]:
    component = nx.node_connected_component(graph, party)
    parts = [len(part) for part in nx.connected_components(graph.subgraph(component - {party}))]
    return len(parts), sum(parts) - max(parts, default=0), len(component)


@given(edge_lists)
def test_cut_points_equal_networkx(edges: list[Edge]) -> None:
    graph: nx.Graph[int] = nx.Graph(edge for edge in edges if edge[0] != edge[1])
    graph.add_nodes_from(range(SIZE))
    found = cut_points(_snapshot(edges, SIZE))
    cuts = set(found.filter(pl.col("supplies_pieces") > 1)["id"])
    assert cuts == set(nx.articulation_points(graph))
    assert [row[1:] for row in found.rows()] == [_without(graph, party) for party in range(SIZE)]


def test_long_chain_needs_no_recursion() -> None:
    size = 20_000
    found = cut_points(_snapshot([(place, place + 1) for place in range(size - 1)], size))
    assert found["supplies_pieces"].to_list() == [1, *[2] * (size - 2), 1]
    assert found["supplies_cut_off"].max() == size // 2 - 1


def test_hub_of_a_star_holds_everybody_together() -> None:
    found = cut_points(_snapshot([(0, place) for place in range(1, 1001)], 1002))
    assert found.row(0) == (0, 1000, 999, 1001)
    assert found.row(1) == (1, 1, 0, 1001)
    assert found.row(1001) == (1001, 0, 0, 1)


def test_leaves_of_a_node_are_parts_of_their_own() -> None:
    # 0 and 1 stand in a ring with 2; 3 and 4 hang on 0, and 5, with 6 beyond it, on 1.
    found = cut_points(_snapshot([(0, 1), (1, 2), (2, 0), (0, 3), (4, 0), (1, 5), (5, 6)], 8))
    assert [row[1:3] for row in found.rows()] == [
        (3, 2),
        (2, 2),
        (1, 0),
        (1, 0),
        (1, 0),
        (2, 1),
        (1, 0),
        (0, 0),
    ]


def test_many_networks_and_a_hub_of_branches_are_searched_in_their_size() -> None:
    # Read again for each branch, the hub's row or that of a common start would take minutes, not a moment.
    size = 400_000
    star = [(0, place) for place in range(1, size)]
    threes = [
        (size + 3 * place + step, size + 3 * place + step + 1) for place in range(size) for step in (0, 1)
    ]
    found = cut_points(_snapshot(star + threes, 4 * size))
    assert found.row(0) == (0, size - 1, size - 2, size)
    assert found["supplies_pieces"].sum() == size - 1 + size - 1 + 4 * size


def test_graph_without_edges_or_parties() -> None:
    assert cut_points(_snapshot([], 0)).height == 0
    assert cut_points(_snapshot([(1, 1)], 2)).rows() == [(0, 0, 0, 1), (1, 0, 0, 1)]
    with pytest.raises(UnknownRelationError, match="'pays'"):
        cut_points(_snapshot([], 1), "pays")
