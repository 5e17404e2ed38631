"""Guarantee circles equal networkx, the numba kernel equals NumPy, and what a limit leaves out is said."""

from collections.abc import Iterator
from datetime import date

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError, MissingExtraError, UnknownRelationError
from graph.measures.circles import Circles, CirclesLeftOutWarning, circle_columns, circles, mutual
from graph.measures.engine import Engine, takes_numba
from graph.measures.simple_cycles import Cycles, find_cycles, strong_components
from graph.snapshot import Snapshot

Edges = set[tuple[int, int]]
Row = tuple[int, ...]

nodes = st.integers(0, 7)
edge_sets = st.sets(st.tuples(nodes, nodes), max_size=30)
lengths = st.integers(2, 7)
ENGINES = (Engine.PURE, Engine.NUMBA)


def _matrix(edges: Edges, size: int = 8) -> csr_array:
    dense = np.zeros((size, size), dtype=np.int64)
    for source, target in edges:
        dense[source, target] = 1
    return csr_array(dense)


def _found(edges: Edges, longest: int, limit: int, engine: Engine) -> tuple[list[Row], int]:
    matrix = _matrix(edges)
    cycles = find_cycles(matrix, strong_components(matrix), longest=longest, limit=limit, engine=engine)
    return _rows(cycles), cycles.complete_to


def _rows(cycles: Cycles) -> list[Row]:
    return [tuple(row) for _, rows in sorted(cycles.by_length.items()) for row in rows.tolist()]


def _oracle(edges: Edges, longest: int) -> list[Row]:
    graph = nx.DiGraph(edge for edge in edges if edge[0] != edge[1])
    return sorted(_turned(graph, longest), key=lambda row: (len(row), row))


def _turned(graph: "nx.DiGraph[int]", longest: int) -> Iterator[Row]:
    for cycle in nx.simple_cycles(graph, length_bound=longest):
        start = cycle.index(min(cycle))
        yield (*cycle[start:], *cycle[:start])


def _snapshot(*edges: tuple[str, str, float | None]) -> Snapshot:
    schema = {"src": pl.String, "dst": pl.String, "weight": pl.Float64}
    table = pl.DataFrame(list(edges), schema=schema, orient="row").with_columns(kind=pl.lit("guarantees"))
    return Snapshot.from_edges(table, as_of=None, kinds=["guarantees"])


@pytest.mark.parametrize("engine", ENGINES)
@given(edges=edge_sets, longest=lengths)
def test_cycles_equal_networkx(engine: Engine, edges: Edges, longest: int) -> None:
    assert _found(edges, longest, 10**6, engine) == (_oracle(edges, longest), longest)


@given(edge_sets, lengths, st.integers(0, 25))
def test_limit_keeps_the_shortest_and_says_how_far_it_is_complete(
    edges: Edges, longest: int, limit: int
) -> None:
    every = _oracle(edges, longest)
    found, complete_to = _found(edges, longest, limit, Engine.PURE)
    assert (found, complete_to) == _found(edges, longest, limit, Engine.NUMBA)
    assert len(found) == min(limit, len(every))
    assert set(found) <= set(every)
    assert (complete_to == longest) == (len(every) <= limit)
    assert [row for row in every if len(row) <= complete_to] == [
        row for row in found if len(row) <= complete_to
    ]


@settings(max_examples=10)
@given(st.integers(0, 99))
def test_engines_agree_where_paths_are_cut_into_blocks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = csr_array((rng.random((60, 60)) < 0.09).astype(np.int64))
    labels = strong_components(matrix)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graph.measures.simple_cycles._BLOCK", 50)
        patch.setattr("graph.measures.simple_cycles._PAIRS", 200)
        cut = find_cycles(matrix, labels, longest=5, limit=500, engine=Engine.PURE)
    whole = find_cycles(matrix, labels, longest=5, limit=500, engine=Engine.PURE)
    fast = find_cycles(matrix, labels, longest=5, limit=500, engine=Engine.NUMBA)
    assert _rows(cut) == _rows(whole) == _rows(fast)
    assert cut.complete_to == whole.complete_to == fast.complete_to


@pytest.mark.parametrize("engine", ENGINES)
def test_hub_and_dense_core_end_early_under_a_limit(engine: Engine) -> None:
    matrix = csr_array(np.ones((80, 80), dtype=np.int64))
    cycles = find_cycles(matrix, strong_components(matrix), longest=6, limit=4_000, engine=engine)
    assert (len(cycles.by_length[2]), len(cycles.by_length[3]), cycles.complete_to) == (3160, 840, 2)


@pytest.fixture
def ring() -> Circles:
    """Return the circles of A→B→C→A (amounts 30, 10, 20) and B⇄D (5 and unknown), with E outside."""
    edges = [("A", "B", 30.0), ("B", "C", 10.0), ("C", "A", 20.0), ("B", "D", 5.0), ("D", "B", None)]
    return circles(_snapshot(*edges, ("E", "A", 1.0)))


def test_circles_carry_amounts_and_members(ring: Circles) -> None:
    assert ring.circles.rows() == [(0, 2, None, 5.0, 1), (1, 3, 10.0, 60.0, 3)]
    assert ring.members.rows() == [(0, 0, "B"), (0, 1, "D"), (1, 0, "A"), (1, 1, "B"), (1, 2, "C")]
    assert (ring.left_out, ring.complete_to) == (None, 6)


def test_parties_say_what_circles_they_stand_in(ring: Circles) -> None:
    assert ring.parties.columns == ["id", *circle_columns("guarantees")]
    short = ring.parties.select("id", pl.selectors.matches("_2$|_3$|shortest|amount|component"))
    assert short.rows() == [
        ("A", 0.0, 1.0, 3.0, 10.0, 4.0),
        ("B", 1.0, 1.0, 2.0, 10.0, 4.0),
        ("C", 0.0, 1.0, 3.0, 10.0, 4.0),
        ("D", 1.0, 0.0, 2.0, None, 4.0),
        ("E", 0.0, 0.0, None, None, 1.0),
    ]


def test_parallel_contracts_are_one_edge_with_summed_amounts() -> None:
    found = circles(_snapshot(("A", "B", 1.0), ("A", "B", 2.0), ("B", "A", 9.0)))
    assert found.circles.rows() == [(0, 2, 3.0, 12.0, 2)]


def test_circle_known_later_is_not_there() -> None:
    dates = {"valid_from": date(2020, 1, 1), "valid_to": None, "retracted_at": None, "kind": "guarantees"}
    later = [{"edge_id": "1", "src": "A", "dst": "B", "known_at": date(2020, 2, 1), "amount": 1.0, **dates}]
    later.append({**later[0], "edge_id": "2", "src": "B", "dst": "A", "known_at": date(2022, 1, 1)})
    edges = pl.DataFrame(later, schema_overrides={"valid_to": pl.Date, "retracted_at": pl.Date})
    counts = [
        circles(Snapshot.from_edges(edges, as_of=date(year, 6, 1))).circles.height for year in (2021, 2022)
    ]
    assert counts == [0, 1]


def test_left_out_circles_are_told_in_both_languages() -> None:
    edges = [(a, b, 1.0) for a in "ABCDE" for b in "ABCDE" if a != b]
    with pytest.warns(CirclesLeftOutWarning, match="more than 12 circles: those of up to 2 parties"):
        found = circles(_snapshot(*edges), limit=12)
    assert found.left_out is not None
    assert "不超过 2 个主体的圈已全部列出" in found.left_out.zh
    assert found.circles["length"].to_list() == [2] * 10 + [3] * 2


def test_mutual_guarantees_have_both_amounts() -> None:
    pairs = mutual(
        _snapshot(("B", "A", 3.0), ("A", "B", 7.0), ("A", "C", 1.0), ("C", "D", None), ("D", "C", 2.0))
    )
    assert pairs.rows() == [("A", "B", 7.0, 3.0), ("C", "D", None, 2.0)]


@pytest.mark.parametrize("edges", [[], [("A", "B", 1.0)], [("A", "A", 1.0)]])
def test_graph_without_circles_has_empty_tables(edges: list[tuple[str, str, float | None]]) -> None:
    snapshot = _snapshot(*edges)
    found = circles(snapshot)
    assert (found.circles.height, found.members.height, mutual(snapshot).height) == (0, 0, 0)
    assert found.parties["id"].to_list() == snapshot.ids.to_list()
    assert found.parties["guarantees_component"].to_list() == [1.0] * snapshot.parties


def test_wrong_arguments_are_refused() -> None:
    snapshot = _snapshot(("A", "B", 1.0))
    with pytest.raises(MeasureArgumentError, match="'longest' must be 2 or more, is 1"):
        circles(snapshot, longest=1)
    with pytest.raises(MeasureArgumentError, match="'limit' must be 1 or more, is 0"):
        circles(snapshot, limit=0)
    with pytest.raises(UnknownRelationError, match="'pays'"):
        circles(snapshot, "pays")


def test_numba_is_refused_loudly_or_done_without() -> None:
    assert not takes_numba(Engine.AUTO, 10**9, "graph.measures.no_such_kernel")
    with pytest.raises(MissingExtraError, match=r"numba.*no_such_kernel"):
        takes_numba(Engine.NUMBA, 1, "graph.measures.no_such_kernel")
