"""Default rates among neighbours: equal to counting by hand in networkx, blind to later knowledge and to oneself."""

from datetime import date, timedelta

import networkx as nx
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import DefaultTableError, UnknownRelationError
from graph.measures.default_rates import (
    PRIOR_WEIGHT,
    default_rates,
    group_default_rates,
    known_outcomes,
    shrunk_rates,
    two_hop_default_rates,
)
from graph.ontology import Direction
from graph.snapshot import Snapshot

AS_OF = date(2024, 6, 30)
PARTIES = [f"P{number}" for number in range(9)]
KINDS = ("supplies", "guarantees", "family_of")
EDGES = st.lists(
    st.tuples(st.sampled_from(PARTIES), st.sampled_from(PARTIES), st.sampled_from(KINDS)), max_size=40
)
SOME = st.sets(st.sampled_from(PARTIES))
OUT, IN = Direction.OUT, Direction.IN
WALKS = (
    (("supplies", OUT), ("supplies", OUT)),
    (("guarantees", IN), ("guarantees", OUT)),
    (("supplies", OUT), ("guarantees", IN)),
)


def _snapshot(edges: list[tuple[str, str, str]]) -> Snapshot:
    table = pl.DataFrame(edges, schema=["src", "dst", "kind"], orient="row").cast(pl.String)
    return Snapshot.from_edges(table, as_of=None, nodes=pl.Series(PARTIES), kinds=KINDS)


def _defaults(parties: set[str], on: date = date(2024, 1, 1), known: date = date(2024, 2, 1)) -> pl.DataFrame:
    rows = {
        "party_id": sorted(parties),
        "default_on": [on] * len(parties),
        "known_at": [known] * len(parties),
    }
    schema = {"party_id": pl.String, "default_on": pl.Date, "known_at": pl.Date}
    return pl.DataFrame(rows, schema=schema)


def _graph(edges: list[tuple[str, str, str]], kind: str) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(PARTIES)
    graph.add_edges_from(
        (source, target) for source, target, name in edges if name == kind and source != target
    )
    return graph


def _neighbours(graph: nx.DiGraph, party: str, way: Direction) -> list[str]:
    return list(graph.successors(party) if way is OUT else graph.predecessors(party))


def _expected(
    ends: list[str], party: str, failed: set[str], observed: set[str]
) -> tuple[int, int, float | None]:
    """Count by hand: defaults and observed among `ends`, shrunk to the rate of everybody but the party."""
    bad, seen = sum(end in failed for end in ends), sum(end in observed for end in ends)
    others = observed - {party}
    overall = len((failed & observed) - {party}) / len(others) if others else 0.0
    rate = (bad + PRIOR_WEIGHT * overall) / (seen + PRIOR_WEIGHT) if seen else None
    return bad, seen, rate


def _assert_row(row: dict[str, float | None], name: str, expected: tuple[int, int, float | None]) -> None:
    assert (row[f"{name}_defaulted"], row[f"{name}_observed"]) == expected[:2]
    rate = row[f"{name}_default_rate"]
    assert rate is None if expected[2] is None else rate == pytest.approx(expected[2], abs=1e-12)


@settings(max_examples=60)
@given(edges=EDGES, failed=SOME, watched=SOME)
def test_rates_equal_counting_in_networkx(
    edges: list[tuple[str, str, str]], failed: set[str], watched: set[str]
) -> None:
    snapshot = _snapshot(edges)
    outcomes = known_outcomes(
        snapshot, _defaults(failed), as_of=AS_OF, observed=pl.Series(sorted(watched), dtype=pl.String)
    )
    rows = default_rates(snapshot, outcomes, KINDS).rows_by_key("id", named=True, unique=True)
    observed = failed | watched
    for party in PARTIES:
        for kind in ("supplies", "guarantees"):
            for way in Direction:
                ends = _neighbours(_graph(edges, kind), party, way)
                _assert_row(rows[party], f"{kind}_{way}", _expected(ends, party, failed, observed))
        family = list(_graph(edges, "family_of").to_undirected().neighbors(party))
        _assert_row(rows[party], "family_of", _expected(family, party, failed, observed))


@settings(max_examples=60)
@given(edges=EDGES, failed=SOME)
def test_two_hop_rates_equal_walking_in_networkx(edges: list[tuple[str, str, str]], failed: set[str]) -> None:
    snapshot = _snapshot(edges)
    outcomes = known_outcomes(snapshot, _defaults(failed), as_of=AS_OF)
    rows = two_hop_default_rates(snapshot, outcomes, WALKS).rows_by_key("id", named=True, unique=True)
    for (kind, way), (onward, onward_way) in WALKS:
        first, second = _graph(edges, kind), _graph(edges, onward)
        for party in PARTIES:
            ends = [
                end
                for middle in _neighbours(first, party, way)
                for end in _neighbours(second, middle, onward_way)
                if end != party
            ]
            name = f"{kind}_{way}_{onward}_{onward_way}"
            _assert_row(rows[party], name, _expected(ends, party, failed, set(PARTIES)))


@settings(max_examples=40)
@given(edges=EDGES, failed=SOME, party=st.sampled_from(PARTIES))
def test_a_partys_own_default_changes_nothing_in_its_row(
    edges: list[tuple[str, str, str]], failed: set[str], party: str
) -> None:
    snapshot = _snapshot(edges)
    rows = []
    for who in (failed | {party}, failed - {party}):
        outcomes = known_outcomes(snapshot, _defaults(who), as_of=AS_OF)
        one, two = default_rates(snapshot, outcomes, KINDS), two_hop_default_rates(snapshot, outcomes, WALKS)
        rows.append((one.filter(id=party), two.filter(id=party)))
    assert rows[0][0].equals(rows[1][0])
    assert rows[0][1].equals(rows[1][1])


def test_what_became_known_later_changes_nothing() -> None:
    snapshot = _snapshot([("P0", "P1", "supplies"), ("P0", "P2", "supplies")])
    known = _defaults({"P1"})
    later = pl.concat(
        [
            known,
            _defaults({"P2"}, known=AS_OF + timedelta(days=1)),
            _defaults({"P3"}, on=AS_OF + timedelta(days=1), known=AS_OF),
            _defaults({"P1"}, on=date(2020, 1, 1), known=AS_OF + timedelta(days=9)),
        ]
    )
    before = default_rates(snapshot, known_outcomes(snapshot, known, as_of=AS_OF), ["supplies"])
    after = default_rates(snapshot, known_outcomes(snapshot, later, as_of=AS_OF), ["supplies"])
    assert before.equals(after)
    much_later = known_outcomes(snapshot, later, as_of=AS_OF + timedelta(days=30))
    assert not default_rates(snapshot, much_later, ["supplies"]).equals(before)


def test_a_default_counts_from_its_day_and_from_the_day_it_is_known() -> None:
    snapshot = _snapshot([("P0", "P1", "supplies")])
    for on, known, counted in (
        (AS_OF, AS_OF, 1.0),
        (AS_OF + timedelta(days=1), AS_OF, 0.0),
        (AS_OF, AS_OF + timedelta(days=1), 0.0),
    ):
        assert known_outcomes(snapshot, _defaults({"P1"}, on, known), as_of=AS_OF).failed.sum() == counted


@settings(max_examples=30)
@given(SOME, st.lists(st.integers(0, 3), min_size=9, max_size=9))
def test_group_rates_count_the_other_members_and_never_the_own_default(
    failed: set[str], numbers: list[int]
) -> None:
    snapshot, groups = _snapshot([]), np.array(numbers)

    def rows(parties: set[str]) -> list[dict[str, object]]:
        outcomes = known_outcomes(snapshot, _defaults(parties), as_of=AS_OF)
        return group_default_rates(snapshot, outcomes, "g", groups).to_dicts()

    found = rows(failed)
    for place, party in enumerate(PARTIES):
        others = [other for n, other in enumerate(PARTIES) if numbers[n] == numbers[place] and n != place]
        row = found[place]
        assert (row["g_size"], row["g_observed"]) == (len(others) + 1, len(others))
        assert row["g_defaulted"] == len(failed & set(others))
        assert (row["g_default_rate"] is None) == (not others)
        assert rows(failed ^ {party})[place] == row


def test_an_old_default_is_neither_good_nor_bad() -> None:
    snapshot = _snapshot([("P0", "P1", "supplies"), ("P0", "P2", "supplies")])
    outcomes = known_outcomes(snapshot, _defaults({"P1"}), as_of=AS_OF, since=date(2024, 1, 1))
    row = default_rates(snapshot, outcomes, ["supplies"]).row(0, named=True)
    assert (row["supplies_out_defaulted"], row["supplies_out_observed"]) == (0, 1)


def test_shrinkage_by_hand() -> None:
    rates = shrunk_rates(np.array([1.0, 0.0]), np.array([4.0, 0.0]), np.array([0.1, 0.1]), 6.0)
    assert rates[0] == pytest.approx((1 + 0.6) / 10)
    assert np.isnan(rates[1])


def test_an_empty_graph_gives_empty_rows_and_unknown_kinds_are_refused() -> None:
    snapshot = Snapshot.from_edges(
        pl.DataFrame(schema={"src": pl.String, "dst": pl.String, "kind": pl.String}), as_of=None, kinds=KINDS
    )
    outcomes = known_outcomes(snapshot, _defaults({"P1"}), as_of=AS_OF)
    assert default_rates(snapshot, outcomes, KINDS).height == 0
    assert two_hop_default_rates(snapshot, outcomes, WALKS).height == 0
    with pytest.raises(UnknownRelationError, match="rents"):
        default_rates(snapshot, outcomes, ["rents"])


@pytest.mark.parametrize("column", ["party_id", "default_on", "known_at"])
def test_a_table_of_defaults_that_cannot_be_read_is_refused(column: str) -> None:
    snapshot, table = _snapshot([]), _defaults({"P1", "P2"})
    with pytest.raises(DefaultTableError, match=f"'{column}': is missing"):
        known_outcomes(snapshot, table.drop(column), as_of=AS_OF)
    holed = table.with_columns(pl.when(pl.int_range(pl.len()) == 0).then(pl.col(column)).alias(column))
    with pytest.raises(DefaultTableError, match=f"'{column}': is empty in row 2"):
        known_outcomes(snapshot, holed, as_of=AS_OF)
