"""Personalised PageRank equals networkx; nearness to defaults never changes with a party's own default."""

import networkx as nx
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.pagerank import default_nearness, personalised_pagerank, transitions, walks_from_defaults
from graph.ontology import Direction
from graph.snapshot import Snapshot

SIZE = 8
weights = st.lists(st.sampled_from([0.0, 0.0, 0.3, 1.0, 2.5]), min_size=SIZE * SIZE, max_size=SIZE * SIZE)
marks = st.lists(st.booleans(), min_size=SIZE, max_size=SIZE)
Floats = npt.NDArray[np.float64]


def _dense(values: list[float]) -> Floats:
    dense = np.array(values).reshape(SIZE, SIZE)
    np.fill_diagonal(dense, 0.0)
    return dense


@given(weights, marks.filter(any))
def test_pagerank_equals_networkx(values: list[float], seeded: list[bool]) -> None:
    dense, seeds = _dense(values), np.array(seeded, dtype=np.float64)
    graph = nx.from_numpy_array(dense, create_using=nx.DiGraph)
    expected = nx.pagerank(graph, personalization=dict(enumerate(seeds)), tol=1e-12, max_iter=1000)
    found = personalised_pagerank(csr_array(dense), seeds, tolerance=1e-12)
    np.testing.assert_allclose(found, [expected[node] for node in range(SIZE)], atol=1e-9)


@given(weights, marks, st.integers(1, 4))
def test_nearness_equals_brute_force(values: list[float], defaulted: list[bool], steps: int) -> None:
    dense = _dense(values)
    sums = dense.sum(axis=1, keepdims=True)
    chances = np.divide(dense, sums, out=np.zeros_like(dense), where=sums > 0)
    visits = sum(0.85**step * np.linalg.matrix_power(chances, step) for step in range(1, steps + 1))
    visits = np.asarray(visits) - np.diag(np.diag(visits))
    found = default_nearness(csr_array(dense), np.flatnonzero(defaulted), steps=steps, smallest=0.0)
    np.testing.assert_allclose(found, visits[defaulted].sum(axis=0), atol=1e-12)


@given(weights, marks, st.sampled_from([0.0, 1e-4, 0.05]))
def test_own_default_changes_no_bit_of_the_own_value(
    values: list[float], defaulted: list[bool], smallest: float
) -> None:
    walk = csr_array(_dense(values))
    before = default_nearness(walk, np.flatnonzero(defaulted), smallest=smallest)
    for party in range(SIZE):
        flipped = [mark != (place == party) for place, mark in enumerate(defaulted)]
        after = default_nearness(walk, np.flatnonzero(flipped), smallest=smallest)
        assert after[party] == before[party]


def test_own_default_changes_no_bit_where_walks_come_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    walk = csr_array(rng.random((60, 60)) * (rng.random((60, 60)) < 0.2))
    defaulted = np.flatnonzero(rng.random(60) < 0.5)
    whole = default_nearness(walk, defaulted)
    monkeypatch.setattr("graph.measures.pagerank._ENTRIES", 8_000)  # about four walks a stretch
    for party in range(60):
        flipped = np.setxor1d(defaulted, [party])
        cut = default_nearness(walk, flipped)
        assert cut[party] == whole[party]
        assert not np.array_equal(cut, whole)


def test_trouble_walks_the_way_it_is_told() -> None:
    edges = pl.DataFrame({"src": ["A", "B"], "dst": ["B", "C"], "kind": ["guarantees"] * 2})
    snapshot = Snapshot.from_edges(edges, as_of=None)
    found = {}
    for direction in Direction:
        walk = transitions(snapshot, {"guarantees": 1.0}, direction)
        found[direction] = default_nearness(walk, np.array([1])).tolist()
    assert found == {Direction.OUT: [0.0, 0.0, 0.85], Direction.IN: [0.85, 0.0, 0.0]}


def test_kinds_are_mixed_by_their_shares_and_weights_by_amount() -> None:
    edges = pl.DataFrame(
        {"src": ["A", "A", "A"], "dst": ["B", "C", "D"], "kind": ["x", "x", "y"], "weight": [3.0, 1.0, None]}
    )
    snapshot = Snapshot.from_edges(edges, as_of=None)
    even = transitions(snapshot, {"x": 0.6, "y": 0.4}, Direction.OUT).toarray()[0]
    np.testing.assert_allclose(even, [0.0, 0.3, 0.3, 0.4])
    # The only weight of kind y is unknown, so x takes its share.
    weighted = transitions(snapshot, {"x": 0.6, "y": 0.4}, Direction.OUT, weighted=True).toarray()[0]
    np.testing.assert_allclose(weighted, [0.0, 0.75, 0.25, 0.0])


def test_no_default_or_no_edge_gives_zero_not_null() -> None:
    empty = Snapshot.from_edges(pl.DataFrame({"src": [], "dst": []}), as_of=None, nodes=pl.Series(["A", "B"]))
    nobody = pl.Series([], dtype=pl.String)
    assert walks_from_defaults(empty, nobody, {}, Direction.OUT)["pagerank"].to_list() == [0.0, 0.0]
    assert default_nearness(csr_array((2, 2)), np.array([0, 1])).tolist() == [0.0, 0.0]


def test_defaulted_party_outside_the_graph_is_left_out() -> None:
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": ["A"], "dst": ["B"]}), as_of=None)
    found = walks_from_defaults(snapshot, pl.Series(["A", "X", None]), {"edge": 1.0}, Direction.OUT)
    assert found["pagerank"].sum() == pytest.approx(1.0)
    assert found["pagerank"][0] > found["pagerank"][1] > 0


def test_bad_weights_and_arguments_are_named() -> None:
    walk, seeds = csr_array(np.array([[0.0, np.nan], [1.0, 0.0]])), np.ones(2)
    with pytest.raises(MeasureArgumentError, match="'walk' holds a value that is negative or not finite"):
        personalised_pagerank(walk, seeds)
    ring = csr_array(np.array([[0.0, 1.0], [1.0, 0.0]]))
    with pytest.raises(MeasureArgumentError, match="'seeds' holds"):
        personalised_pagerank(ring, np.array([1.0, -1.0]))
    with pytest.raises(MeasureArgumentError, match="'max_rounds' is 2"):
        personalised_pagerank(ring, np.array([1.0, 0.0]), max_rounds=2)
    with pytest.raises(MeasureArgumentError, match="'steps' must be 1 or more"):
        default_nearness(ring, np.array([0]), steps=0)
    snapshot = Snapshot.from_edges(pl.DataFrame({"src": ["A"], "dst": ["B"]}), as_of=None)
    with pytest.raises(MeasureArgumentError, match=r"kinds\[edge\]"):
        transitions(snapshot, {"edge": float("nan")}, Direction.OUT)
