"""Components equal networkx; Leiden is well connected, finds planted groups and is the same for the same seed."""

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import MeasureArgumentError, MissingExtraError, UnknownRelationError
from graph.measures.communities import Communities, components, leiden
from graph.snapshot import Snapshot

Edge = tuple[int, int]

SIZE = 9
parties = st.integers(0, SIZE - 1)
edge_lists = st.lists(st.tuples(parties, parties), max_size=14)


def _snapshot(edges: list[Edge], nodes: int = SIZE) -> Snapshot:
    schema = {"src": pl.Int64, "dst": pl.Int64}
    table = pl.DataFrame(edges, schema=schema, orient="row").with_columns(kind=pl.lit("supplies"))
    return Snapshot.from_edges(table, as_of=None, nodes=pl.Series(range(nodes)), kinds=["supplies"])


def _groups(found: Communities) -> list[set[int]]:
    parts = found.parties.group_by("community").agg("id").sort("community")
    return [set(ids) for ids in parts["id"]]


def _undirected(edges: list[Edge]) -> "nx.Graph[int]":
    graph: nx.Graph[int] = nx.Graph(edge for edge in edges if edge[0] != edge[1])
    graph.add_nodes_from(range(SIZE))
    return graph


@given(edge_lists)
def test_components_equal_networkx(edges: list[Edge]) -> None:
    found = components(_snapshot(edges))
    expected = sorted(
        nx.connected_components(_undirected(edges)), key=lambda group: (-len(group), min(group))
    )
    assert _groups(found) == expected
    sizes = {party: len(group) for group in expected for party in group}
    assert dict(found.parties.select("id", "size").rows()) == sizes


@given(edge_lists, st.integers(0, 5))
def test_leiden_communities_are_connected_and_repeatable(edges: list[Edge], seed: int) -> None:
    pytest.importorskip("graspologic_native", reason="the extra [communities] is not installed")
    found = leiden(_snapshot(edges), {"supplies": 1.0}, seed=seed)
    again = leiden(_snapshot(edges), {"supplies": 1.0}, seed=seed)
    assert found.parties.equals(again.parties)
    assert found.modularity == again.modularity
    graph = _undirected(edges)
    assert all(nx.is_connected(graph.subgraph(group)) for group in _groups(found))


def test_leiden_finds_planted_groups_and_their_modularity() -> None:
    pytest.importorskip("graspologic_native", reason="the extra [communities] is not installed")
    rng = np.random.default_rng(3)
    group = np.arange(90) // 30
    close = rng.random((90, 90)) < np.where(group[:, None] == group, 0.3, 0.01)
    edges = [(int(a), int(b)) for a, b in np.argwhere(np.triu(close, 1))]
    found = leiden(_snapshot(edges, 91), {"supplies": 2.0}, seed=7)
    planted = [set(range(30)), set(range(30, 60)), set(range(60, 90))]
    assert _groups(found) == [*planted, {90}]
    assert found.modularity == pytest.approx(nx.community.modularity(nx.Graph(edges), planted))


def test_higher_resolution_gives_smaller_communities() -> None:
    pytest.importorskip("graspologic_native", reason="the extra [communities] is not installed")
    ring = [(place, (place + 1) % 60) for place in range(60)]
    coarse, fine = (
        leiden(_snapshot(ring, 60), {"supplies": 1.0}, seed=1, resolution=resolution)
        for resolution in (0.2, 5.0)
    )
    assert coarse.parties["community"].n_unique() < fine.parties["community"].n_unique()


def test_graph_without_edges_is_one_party_each() -> None:
    alone = _snapshot([(1, 1)], 3)
    assert components(alone).parties.rows() == [(0, 0, 1), (1, 1, 1), (2, 2, 1)]
    assert leiden(alone, {"supplies": 1.0}, seed=0).parties.rows() == [(0, 0, 1), (1, 1, 1), (2, 2, 1)]
    assert components(_snapshot([], 0)).parties.height == 0


def test_bad_arguments_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = _snapshot([(0, 1)])
    with pytest.raises(MeasureArgumentError, match=r"kinds\[supplies\]' must be positive"):
        leiden(snapshot, {"supplies": float("nan")}, seed=0)
    with pytest.raises(MeasureArgumentError, match="'resolution' must be positive"):
        leiden(snapshot, {"supplies": 1.0}, seed=0, resolution=0.0)
    with pytest.raises(MeasureArgumentError, match="'seed' must be 0 or more"):
        leiden(snapshot, {"supplies": 1.0}, seed=-1)
    with pytest.raises(UnknownRelationError):
        components(snapshot, ["pays"])
    monkeypatch.setattr("graph.measures.communities._PACKAGE", "no_such_package")
    with pytest.raises(MissingExtraError, match=r"graspologic-native.*communities"):
        leiden(snapshot, {"supplies": 1.0}, seed=0)
