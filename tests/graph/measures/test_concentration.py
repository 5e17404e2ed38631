"""Concentration equals its definition; a recorded share speaks before a computed one; a sole source is found."""

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import MeasureArgumentError, UnknownRelationError
from graph.measures.concentration import concentration, concentration_columns, dependence, single_sources
from graph.ontology import Direction
from graph.snapshot import Snapshot

EdgeMaker = Callable[..., pl.DataFrame]
Edge = tuple[int, int, float | None]

parties = st.integers(0, 5)
edge_lists = st.lists(st.tuples(parties, parties, st.none() | st.floats(0, 1e6)), max_size=25)


def _snapshot(edges: Sequence[Edge]) -> Snapshot:
    schema = {"src": pl.Int64, "dst": pl.Int64, "weight": pl.Float64}
    table = pl.DataFrame(list(edges), schema=schema, orient="row").with_columns(kind=pl.lit("supplies"))
    return Snapshot.from_edges(table, as_of=None, nodes=pl.Series(range(6)), kinds=["supplies"])


def _expected(edges: list[Edge], party: int, place: int) -> list[float | None]:
    amounts: dict[int, float] = {}
    for source, target, amount in edges:
        ends = (source, target)
        if ends[place] == party and source != target:
            other = ends[1 - place]
            amounts[other] = amounts.get(other, 0.0) + (amount or 0.0)
    total, largest = sum(amounts.values()), max(amounts.values(), default=0.0)
    if not total:
        return [float(len(amounts)), largest, None, None]
    return [float(len(amounts)), largest, largest / total, sum((x / total) ** 2 for x in amounts.values())]


@given(edge_lists)
def test_concentration_equals_its_definition(edges: list[Edge]) -> None:
    found = concentration(_snapshot(edges))
    for direction, place in ((Direction.OUT, 0), (Direction.IN, 1)):
        table = found.select(concentration_columns("supplies", direction))
        for party in range(6):
            assert list(table.row(party)) == pytest.approx(_expected(edges, party, place))


@given(edge_lists)
def test_without_recorded_shares_dependence_is_the_largest_share(edges: list[Edge]) -> None:
    snapshot = _snapshot(edges)
    shares, depends = concentration(snapshot), dependence(snapshot)
    for direction in Direction:
        expected = shares[f"supplies_{direction}_largest_share"].to_list()
        assert depends[f"supplies_{direction}_dependence"].to_list() == pytest.approx(expected)


def test_equal_shares_give_one_over_their_number() -> None:
    row = concentration(_snapshot([(0, 1, 5.0), (0, 2, 5.0), (0, 3, 5.0), (0, 4, 5.0)])).row(0, named=True)
    assert (row["supplies_out_hhi"], row["supplies_out_largest_share"]) == (0.25, 0.25)
    assert (row["supplies_in_hhi"], row["supplies_in_counterparties"]) == (None, 0.0)


def test_what_was_taken_back_is_no_share() -> None:
    snapshot = _snapshot([(1, 0, -4.0), (2, 0, 3.0), (3, 0, 1.0), (0, 4, -1.0)])
    row = concentration(snapshot).row(0, named=True)
    assert (row["supplies_in_largest_share"], row["supplies_in_hhi"]) == (0.75, 0.625)
    assert (row["supplies_out_largest"], row["supplies_out_largest_share"]) == (0.0, None)
    named = single_sources(snapshot).filter((pl.col("id") == 0) & (pl.col("direction") == "in"))
    assert named.select("party", "share").rows() == [(2, 0.75)]


@pytest.fixture
def recorded(edge_table: EdgeMaker) -> Snapshot:
    """Return A and B supplying C with recorded shares of C's purchases, and A supplying D and E without."""
    kind = {"kind": "supplies"}
    edges = edge_table(
        {"src": "A", "dst": "C", "amount": 90.0, "buyer_share": 0.2, **kind},
        {"src": "B", "dst": "C", "amount": 10.0, "buyer_share": 0.7, **kind},
        {"src": "A", "dst": "D", "amount": 10.0, **kind},
        {"src": "A", "dst": "E", **kind},
    )
    return Snapshot.from_edges(edges, as_of=date(2021, 1, 1))


def test_recorded_shares_speak_before_computed_ones(recorded: Snapshot) -> None:
    found = single_sources(recorded)
    assert found.filter(pl.col("direction") == "in").drop("direction").rows() == [
        ("C", "B", 0.7, True, False),
        ("D", "A", 1.0, False, True),
        ("E", "A", None, False, True),
    ]
    assert found.filter(pl.col("direction") == "out").drop("direction").rows() == [
        ("A", "C", pytest.approx(0.9), False, False),
        ("B", "C", 1.0, False, True),
    ]
    depends = dict(dependence(recorded).select("id", "supplies_in_dependence").rows())
    assert depends == {"A": None, "B": None, "C": 0.7, "D": 1.0, "E": None}


def test_threshold_decides_who_is_a_single_source(recorded: Snapshot) -> None:
    strict = single_sources(recorded, threshold=0.8).filter(~pl.col("only_one"))
    assert strict.select("id", "party").rows() == [("A", "C")]
    loose = single_sources(recorded, threshold=0.2).filter(pl.col("id") == "C")
    assert loose["party"].to_list() == ["B", "A"]


def test_hub_and_empty_graph() -> None:
    hub = _snapshot([(0, party, 1.0) for party in range(1, 6)] * 1000)
    assert concentration(hub)["supplies_out_hhi"][0] == pytest.approx(0.2)
    empty = Snapshot.from_edges(pl.DataFrame({"src": [], "dst": []}), as_of=None, kinds=["supplies"])
    assert (concentration(empty).height, dependence(empty).height, single_sources(empty).height) == (0, 0, 0)


def test_bad_arguments_are_named() -> None:
    snapshot = _snapshot([])
    with pytest.raises(MeasureArgumentError, match="'threshold' must be above 0"):
        single_sources(snapshot, threshold=np.nan)
    with pytest.raises(UnknownRelationError, match="'pays'"):
        concentration(snapshot, "pays")
