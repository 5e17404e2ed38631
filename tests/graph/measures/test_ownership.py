"""Look-through equals the dense inverse, sums over paths and hitting probabilities; unsound shares give no answer."""

import itertools
import math

import networkx as nx
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import MeasureArgumentError, UnknownPartyError, UnknownRelationError
from graph.measures.ownership import Ownership, ShareProblem
from graph.snapshot import Snapshot

Shares = dict[tuple[int, int], float]
SIZE = 6
TOLERANCE = 1.0001

pairs = st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).filter(lambda pair: pair[0] != pair[1])
raw_shares = st.dictionaries(pairs, st.floats(0.01, 1), max_size=14)


def _ownership(shares: Shares, size: int = SIZE, tolerance: float = TOLERANCE) -> Ownership:
    rows = [(source, target, "owns", share) for (source, target), share in shares.items()]
    schema = {"src": pl.Int64, "dst": pl.Int64, "kind": pl.String, "weight": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    snapshot = Snapshot.from_edges(frame, as_of=None, nodes=pl.Series(range(size)), kinds=("owns",))
    return Ownership.of(snapshot, tolerance=tolerance)


def _leaky(shares: Shares) -> Shares:
    """Scale the shares in each company to sum to at most 0.9, so that no loop is closed."""
    sums = {target: sum(s for (_, t), s in shares.items() if t == target) for _, target in shares}
    return {pair: share * 0.9 / max(sums[pair[1]], 0.9) for pair, share in shares.items()}


def _matrix(shares: Shares, size: int = SIZE) -> npt.NDArray[np.float64]:
    matrix = np.zeros((size, size))
    for (source, target), share in shares.items():
        matrix[source, target] = share
    return matrix


def _integrated(frame: pl.DataFrame) -> dict[int, float]:
    return dict(zip(frame["id"], frame["integrated"], strict=True))


@settings(max_examples=30)
@given(raw_shares.map(_leaky))
def test_owners_and_holdings_equal_the_dense_inverse(shares: Shares) -> None:
    ownership = _ownership(shares)
    inverse = np.linalg.inv(np.eye(SIZE) - _matrix(shares))
    flow = inverse.diagonal()
    expected = inverse / flow[:, None]
    np.fill_diagonal(expected, 1 - 1 / flow)
    for party in range(SIZE):
        owners, holdings = _integrated(ownership.owners_of(party)), _integrated(ownership.holdings_of(party))
        np.testing.assert_allclose([owners.get(i, 0.0) for i in range(SIZE)], expected[:, party], atol=1e-10)
        np.testing.assert_allclose([holdings.get(j, 0.0) for j in range(SIZE)], expected[party], atol=1e-10)


@settings(max_examples=30)
@given(raw_shares.map(_leaky))
def test_a_share_is_the_chance_that_a_unit_of_profit_ever_arrives(shares: Shares) -> None:
    ownership = _ownership(shares)
    for owner in range(SIZE):
        arrived, alive = np.zeros(SIZE), np.eye(SIZE)
        for _ in range(400):
            alive = _matrix(shares) @ alive
            arrived += alive[owner]
            alive[owner] = 0.0
        found = _integrated(ownership.holdings_of(owner))
        np.testing.assert_allclose([found.get(j, 0.0) for j in range(SIZE)], arrived, atol=1e-9)


@settings(max_examples=30)
@given(raw_shares)
def test_without_cycles_it_is_the_sum_of_products_over_paths(shares: Shares) -> None:
    down = _leaky({pair: share for pair, share in shares.items() if pair[0] < pair[1]})
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(SIZE))
    graph.add_edges_from(down)
    ownership = _ownership(down)
    for company in range(SIZE):
        found = _integrated(ownership.owners_of(company))
        for owner in range(company):
            paths = nx.all_simple_paths(graph, owner, company)
            total = sum(math.prod(down[step] for step in itertools.pairwise(path)) for path in paths)
            assert found.get(owner, 0.0) == pytest.approx(total, abs=1e-12)


@settings(max_examples=30)
@given(raw_shares)
def test_ultimate_owners_of_fully_known_companies_share_all_of_them(shares: Shares) -> None:
    sums = _matrix(shares).sum(axis=0)
    companies = [company for company in range(SIZE) if sums[company] > 0]
    # Every company also has an owner outside (SIZE + company), who holds what makes its shares sum to 1.
    full = {pair: share * 0.8 / sums[pair[1]] for pair, share in shares.items()}
    full |= {(SIZE + company, company): 0.2 for company in companies}
    ownership = _ownership(full, 2 * SIZE)
    ultimate = [party for party in range(2 * SIZE) if party not in companies]
    for company in companies:
        found = _integrated(ownership.owners_of(company))
        assert sum(found.get(party, 0.0) for party in ultimate) == pytest.approx(1.0)


def test_cross_holdings_of_two_companies() -> None:
    # 2 holds half of 0, 3 half of 1, and 0 and 1 half of each other: profit of 0 goes 2/3 to 2 and 1/3 to 3.
    ownership = _ownership({(2, 0): 0.5, (1, 0): 0.5, (3, 1): 0.5, (0, 1): 0.5}, 4)
    found = _integrated(ownership.owners_of(0))
    assert found == pytest.approx({2: 2 / 3, 1: 0.5, 3: 1 / 3, 0: 0.25})
    assert ownership.problems.is_empty()


@settings(max_examples=30)
@given(raw_shares.map(_leaky), st.lists(st.floats(-5, 5), min_size=SIZE, max_size=SIZE))
def test_held_values_sum_shares_times_values(shares: Shares, values: list[float]) -> None:
    ownership = _ownership(shares)
    held = ownership.held_values(np.array(values))
    for owner in range(SIZE):
        found = _integrated(ownership.holdings_of(owner))
        expected = sum(share * values[company] for company, share in found.items() if company != owner)
        assert held[owner] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("chords", [(1,), (1, 7, 31, 101)])
def test_a_large_cycle_gives_the_same_as_the_dense_inverse(chords: tuple[int, ...]) -> None:
    size = 300
    ring = {(i, (i * step + step) % size): 0.9 / len(chords) for step in chords for i in range(size)}
    ring = {pair: share for pair, share in ring.items() if pair[0] != pair[1]}
    ownership = _ownership(ring, size)
    inverse = np.linalg.inv(np.eye(size) - _matrix(ring, size))
    found = _integrated(ownership.owners_of(7))
    for owner in (0, 6, 150, 299):
        assert found.get(owner, 0.0) == pytest.approx(inverse[owner, 7] / inverse[owner, owner], abs=1e-11)


def test_very_many_small_cycles_are_looked_through_at_once() -> None:
    # In threes: 0 and 1 hold each other, 1 and 2 too; in pairs: both hold each other, each pair with its own shares.
    count = 100_000
    first = 3 * count + 2 * np.arange(count)
    threes = 3 * np.arange(count)
    share = np.linspace(0.1, 0.6, count)
    source = np.concatenate([first, first + 1, threes, threes + 1, threes + 1, threes + 2])
    target = np.concatenate([first + 1, first, threes + 1, threes, threes + 2, threes + 1])
    size = 5 * count
    weight = np.concatenate([share, np.full(count, 0.5), *np.full((4, count), 0.3)])
    edges = pl.DataFrame({"src": source, "dst": target, "kind": "owns", "weight": weight})
    held = Ownership.of(Snapshot.from_edges(edges, as_of=None), tolerance=1.0001).held_values(np.ones(size))
    np.testing.assert_allclose(held[first], share)
    np.testing.assert_allclose(held[first + 1], 0.5)
    block = np.array([[0, 0.3, 0], [0.3, 0, 0.3], [0, 0.3, 0]])
    inverse = np.linalg.inv(np.eye(3) - block)
    expected = inverse.sum(axis=1) / inverse.diagonal() - 1
    np.testing.assert_allclose(held[: 3 * count].reshape(-1, 3), np.tile(expected, (count, 1)))


def test_shares_above_one_are_named_with_sum_and_remedy_and_give_no_answer() -> None:
    # 0 → 1 → 2 → 3, but the shares in 1 sum to 1.2; 4 holds part of 2 beside 1.
    ownership = _ownership({(0, 1): 0.7, (5, 1): 0.5, (1, 2): 0.6, (4, 2): 0.4, (2, 3): 1.0})
    problem = ownership.problems.row(0, named=True)
    assert (problem["id"], problem["problem"]) == (1, ShareProblem.SHARES_ABOVE_ONE)
    assert problem["share_sum"] == pytest.approx(1.2)
    assert "1.2000" in problem["zh"]
    assert "retract" in problem["en"]
    assert _integrated(ownership.owners_of(3)) == {2: 1.0, 1: 0.6, 4: 0.4, 0: None, 5: None}
    assert _integrated(ownership.holdings_of(0)) == {1: None, 2: None, 3: None}
    held = ownership.held_values(np.ones(SIZE))
    assert np.isnan(held[[0, 5]]).all()
    np.testing.assert_allclose(held[[1, 2, 4]], [1.2, 1.0, 0.8])


def test_sums_within_the_tolerance_are_rounding() -> None:
    ownership = _ownership({(0, 1): 0.50003, (2, 1): 0.50003})
    assert ownership.problems.is_empty()
    assert _integrated(ownership.owners_of(1)) == pytest.approx({0: 0.5, 2: 0.5})
    assert not _ownership({(0, 1): 0.50003, (2, 1): 0.50003}, tolerance=1.0).problems.is_empty()


def test_a_loop_that_holds_all_of_itself_is_flagged_not_solved() -> None:
    ownership = _ownership({(0, 1): 1.0, (1, 0): 1.0, (1, 2): 0.5, (3, 2): 0.5, (4, 0): 0.0})
    flagged = ownership.problems.filter(pl.col("problem") == ShareProblem.CLOSED_LOOP)
    assert flagged["id"].to_list() == [0, 1]
    assert _integrated(ownership.owners_of(2)) == {3: 0.5, 0: None, 1: None, 4: None}
    assert set(ownership.owners_of(0)["flag"]) == {"unsound_path"}


def test_a_loop_with_a_small_leak_is_solved() -> None:
    ownership = _ownership({(0, 1): 1.0, (1, 0): 0.99, (2, 0): 0.01})
    assert ownership.problems.is_empty()
    assert _integrated(ownership.owners_of(1))[2] == pytest.approx(1.0)


def test_unknown_and_negative_shares_are_named() -> None:
    ownership = _ownership({(0, 1): 0.0, (2, 3): -0.1})
    found = {(row["id"], row["problem"]) for row in ownership.problems.iter_rows(named=True)}
    assert found == {(1, "missing_share"), (3, "negative_share")}


def test_look_through_lists_many_companies() -> None:
    ownership = _ownership({(0, 1): 0.6, (1, 2): 0.5, (3, 2): 0.1})
    frame = ownership.look_through(pl.Series([1, 2]), least=0.2)
    assert frame.select("company", "owner").rows() == [(1, 0), (2, 1), (2, 0)]
    assert ownership.look_through(pl.Series([], dtype=pl.Int64)).columns == frame.columns


def test_beneficial_owners_are_persons_from_a_quarter_on() -> None:
    ownership = _ownership({(0, 1): 0.5, (1, 2): 0.5, (3, 2): 0.24, (4, 2): 0.26})
    found = ownership.beneficial_owners(2, pl.Series([0, 3]), least=0.25)
    assert found["id"].to_list() == [0]


def test_an_empty_graph_has_no_owners() -> None:
    ownership = _ownership({}, 0)
    assert ownership.problems.is_empty()
    assert ownership.held_values(np.zeros(0)).shape == (0,)
    with pytest.raises(UnknownPartyError):
        ownership.owners_of(1)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(MeasureArgumentError, match="tolerance"):
        _ownership({}, tolerance=0.9)
    with pytest.raises(MeasureArgumentError, match="values"):
        _ownership({}).held_values(np.full(SIZE, np.nan))
    with pytest.raises(UnknownRelationError):
        Ownership.of(Snapshot.from_edges(pl.DataFrame({"src": [1], "dst": [2]}), as_of=None), tolerance=1.0)
