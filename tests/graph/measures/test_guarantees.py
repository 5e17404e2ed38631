"""Steps to defaults and chains equal networkx; limits, shareholding and unknown figures are told apart."""

from datetime import date

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import EdgeTableError, MeasureArgumentError, UnknownPartyError
from graph.measures.guarantees import (
    beyond_shareholding,
    chain_lengths,
    default_distances,
    group_load,
    guarantee_load,
)
from graph.policy import policy_as_of
from graph.snapshot import Snapshot

Edge = tuple[int, int]

SIZE = 8
parties = st.integers(0, SIZE - 1)
edge_sets = st.sets(st.tuples(parties, parties).filter(lambda edge: edge[0] != edge[1]), max_size=24)
defaults = st.sets(parties)


def _numbered(edges: set[Edge]) -> Snapshot:
    schema = {"src": pl.Int64, "dst": pl.Int64}
    table = pl.DataFrame(sorted(edges), schema=schema, orient="row").with_columns(kind=pl.lit("guarantees"))
    return Snapshot.from_edges(table, as_of=None, nodes=pl.Series(range(SIZE)), kinds=["guarantees"])


def _named(*edges: tuple[str, str, str, float | None]) -> Snapshot:
    schema = {"kind": pl.String, "src": pl.String, "dst": pl.String, "weight": pl.Float64}
    table = pl.DataFrame(list(edges), schema=schema, orient="row")
    return Snapshot.from_edges(table, as_of=None, kinds=["guarantees", "owns"])


def _ids(defaulted: set[int]) -> pl.Series:
    return pl.Series(sorted(defaulted), dtype=pl.Int64)


def _nearest(graph: "nx.DiGraph[int]", party: int, defaulted: set[int]) -> float | None:
    reached = nx.single_source_shortest_path_length(graph, party)
    steps = [float(reached[other]) for other in defaulted - {party} if other in reached]
    return min(steps, default=None)


@given(edge_sets, defaults)
def test_steps_to_other_defaults_equal_networkx(edges: set[Edge], defaulted: set[int]) -> None:
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(range(SIZE))
    found = default_distances(_numbered(edges), _ids(defaulted))
    down = [_nearest(graph, party, defaulted) for party in range(SIZE)]
    up = [_nearest(graph.reverse(), party, defaulted) for party in range(SIZE)]
    assert found["steps_to_guaranteed_default"].to_list() == down
    assert found["steps_to_guarantor_default"].to_list() == up


@given(edge_sets, defaults)
def test_own_default_does_not_change_the_own_steps(edges: set[Edge], defaulted: set[int]) -> None:
    snapshot = _numbered(edges)
    before = default_distances(snapshot, _ids(defaulted))
    for party in range(SIZE):
        after = default_distances(snapshot, _ids(defaulted ^ {party}))
        assert after.row(party) == before.row(party)


@given(edge_sets)
def test_chains_are_the_longest_paths_between_circles(edges: set[Edge]) -> None:
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(range(SIZE))
    joined = nx.condensation(graph)
    found = chain_lengths(_numbered(edges))
    for party in range(SIZE):
        link = joined.graph["mapping"][party]
        upper = joined.subgraph(nx.ancestors(joined, link) | {link})
        lower = joined.subgraph(nx.descendants(joined, link) | {link})
        expected = (party, float(nx.dag_longest_path_length(upper)), float(nx.dag_longest_path_length(lower)))
        assert found.row(party) == expected


def test_guarantor_is_called_down_the_chain_and_cover_falls_away_up_it() -> None:
    snapshot = _named(("guarantees", "A", "B", 1.0), ("guarantees", "B", "C", 1.0))
    found = default_distances(snapshot, pl.Series(["C", "not in the graph"]))
    assert found["steps_to_guaranteed_default"].to_list() == [2.0, 1.0, None]
    assert found["steps_to_guarantor_default"].to_list() == [None, None, None]


def test_load_is_held_against_net_assets() -> None:
    edges = [("A", "X", 60.0), ("B", "X", 60.0), ("C", "X", 1.0), ("D", "X", 5.0), ("E", "X", None)]
    snapshot = _named(*(("guarantees", *edge) for edge in edges))
    held = pl.DataFrame({"id": ["A", "B", "C", "E"], "net_assets": [100.0, 50.0, -3.0, 10.0]})
    found = {row["id"]: row for row in guarantee_load(snapshot, held, limit=0.5).to_dicts()}
    assert (
        found["A"] | {"ratio": 0.6, "excess": 10.0, "above_limit": True, "above_net_assets": False}
        == found["A"]
    )
    assert (found["B"]["excess"], found["B"]["above_net_assets"]) == (35.0, True)
    assert (found["C"]["ratio"], found["C"]["allowed"], found["C"]["above_limit"]) == (None, 0.0, True)
    assert [found["D"][name] for name in ("ratio", "excess", "above_limit")] == [None, None, None]
    assert (found["E"]["given"], found["E"]["unknown_amounts"], found["E"]["above_limit"]) == (0.0, 1, False)
    assert (found["X"]["received"], found["X"]["above_limit"]) == (126.0, None)
    minus = guarantee_load(snapshot, pl.DataFrame({"id": ["X"], "net_assets": [-1.0]}), limit=0.5)
    given_nothing = minus.filter(pl.col("id") == "X").row(0, named=True)
    assert (given_nothing["given"], given_nothing["above_net_assets"]) == (0.0, False)


def test_group_load_tells_members_from_outsiders() -> None:
    edges = [("M", "N", 30.0), ("N", "X", 20.0), ("X", "M", 99.0), ("M", "Y", None)]
    snapshot = _named(*(("guarantees", *edge) for edge in edges))
    found = group_load(snapshot, pl.Series(["M", "N"]), 100.0, limit=0.4)
    assert (found.given, found.within, found.outside, found.unknown_amounts) == (50.0, 30.0, 20.0, 1)
    assert (found.ratio, found.excess, found.breach) == (0.5, 10.0, True)
    full = group_load(snapshot, pl.Series(["M", "N"]), 100.0, limit=0.5)
    assert (full.excess, full.breach) == (0.0, False)
    broke = group_load(snapshot, pl.Series(["M"]), -1.0, limit=0.4)
    assert (broke.ratio, broke.allowed, broke.breach) == (None, 0.0, True)


def test_limits_on_guarantees_are_dated_data() -> None:
    rule = policy_as_of(date(2024, 12, 31)).guarantee
    assert rule is not None
    assert (rule.group, rule.single) == (0.4, 0.5)
    assert "75号" in rule.source
    assert policy_as_of(date(2020, 12, 31)).guarantee is None


def test_guarantees_beyond_the_share_held_are_flagged() -> None:
    snapshot = _named(
        ("owns", "A", "J", 0.4),
        ("owns", "B", "J", 0.6),
        ("owns", "A", "K", 0.4),
        ("guarantees", "A", "J", 40.0),
        ("guarantees", "B", "J", 60.0),
        ("guarantees", "A", "K", 80.0),
        ("guarantees", "A", "Z", 5.0),
        ("guarantees", "B", "A", None),
        ("owns", "B", "A", 0.1),
    )
    found = beyond_shareholding(snapshot)
    assert found.select("guarantor", "guaranteed", "excess", "standing").rows() == [
        ("A", "J", 0.0, "within"),
        ("A", "K", 48.0, "beyond_share"),
        ("A", "Z", 5.0, "no_equity"),
        ("B", "A", None, "unknown"),
        ("B", "J", 0.0, "within"),
    ]
    borrowed = pl.DataFrame({"id": ["K"], "financing": [200.0]})
    own = beyond_shareholding(snapshot, borrowed, guarantors=pl.Series(["A"])).row(1, named=True)
    assert (own["base"], own["base_is_financing"], own["allowed"], own["standing"]) == (
        200.0,
        True,
        80.0,
        "within",
    )


def test_looked_through_shares_replace_the_direct_ones() -> None:
    snapshot = _named(("guarantees", "A", "B", 10.0), ("owns", "A", "C", 1.0), ("owns", "C", "B", 0.8))
    owns = snapshot.relation("owns").weights
    direct, through = (
        beyond_shareholding(snapshot),
        beyond_shareholding(snapshot, shares=(owns @ owns).tocsr()),
    )
    assert (direct["standing"][0], through["standing"][0], through["excess"][0]) == (
        "no_equity",
        "beyond_share",
        2.0,
    )


def test_empty_graph_gives_no_rows() -> None:
    snapshot = _named()
    assert default_distances(snapshot, pl.Series([], dtype=pl.String)).height == 0
    assert chain_lengths(snapshot).height == 0
    assert beyond_shareholding(snapshot).height == 0
    none = pl.DataFrame(schema={"id": pl.String, "net_assets": pl.Float64})
    assert guarantee_load(snapshot, none, limit=0.5).height == 0


def test_bad_arguments_are_named() -> None:
    snapshot = _named(("guarantees", "A", "B", 1.0))
    twice = pl.DataFrame({"id": ["A", "A"], "net_assets": [1.0, 2.0]})
    with pytest.raises(EdgeTableError, match="gives 'A' more than once"):
        guarantee_load(snapshot, twice, limit=0.5)
    with pytest.raises(MeasureArgumentError, match="'limit' must be positive"):
        guarantee_load(snapshot, twice.head(1), limit=0.0)
    with pytest.raises(MeasureArgumentError, match="'net_assets' must be finite"):
        group_load(snapshot, pl.Series(["A"]), np.nan, limit=0.4)
    with pytest.raises(UnknownPartyError, match="'Z'"):
        group_load(snapshot, pl.Series(["Z"]), 1.0, limit=0.4)
