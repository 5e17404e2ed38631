"""The columns of a whole graph: equal to networkx, blind to later knowledge and to a party's own default."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.graph_parts.networkx_columns import assert_equal_columns, networkx_columns
from bench.graph_parts.seeded_graph import AS_OF, seeded_defaults, seeded_edges
from graph.columns import network_columns
from graph.errors import DefaultTableError, UnknownRelationError
from graph.measures.control import find_control
from graph.policy import policy_as_of
from graph.snapshot import Snapshot

CONTROLLED = ("control", "chain_to_controller")


def _columns(edges: pl.DataFrame, defaults: pl.DataFrame) -> pl.DataFrame:
    snapshot = Snapshot.from_edges(edges, as_of=AS_OF)
    control = find_control(snapshot, policy_as_of(AS_OF).control)
    return network_columns(snapshot, defaults, as_of=AS_OF, control=control)


def _some_defaults(parties: int, seed: int) -> pl.DataFrame:
    """Return defaults of about a third of the parties: the seeded 2 % would leave a small graph without one."""
    rng = np.random.default_rng(seed)
    chosen = [f"P{number + 1:07}" for number in np.flatnonzero(rng.random(parties) < 0.3)]
    day = AS_OF - timedelta(days=100)
    schema = {"party_id": pl.String, "default_on": pl.Date, "known_at": pl.Date}
    return pl.DataFrame(
        {"party_id": chosen, "default_on": [day] * len(chosen), "known_at": [day] * len(chosen)},
        schema=schema,
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), parties=st.integers(12, 60), edges=st.integers(20, 200))
def test_columns_equal_those_of_networkx(seed: int, parties: int, edges: int) -> None:
    table, defaults = seeded_edges(parties, edges, seed), _some_defaults(parties, seed)
    ours = _columns(table, defaults).select(~pl.selectors.starts_with(*CONTROLLED))
    peer = networkx_columns(table.lazy(), defaults, AS_OF)
    assert {*ours.columns} == {*peer.columns}
    assert_equal_columns(ours, peer)


def test_there_are_at_least_95_columns_and_each_varies() -> None:
    frame = _columns(seeded_edges(3000, 15_000, 5), seeded_defaults(3000, 5)).drop("id")
    constant = [name for name in frame.columns if frame[name].n_unique() < 2]
    assert constant == []
    repeated = {name for name in frame.columns if name.endswith("_observed")}
    assert len(frame.columns) - len(repeated) >= 95


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000), place=st.integers(0, 39))
def test_a_partys_own_default_changes_none_of_its_columns(seed: int, place: int) -> None:
    party = f"P{place + 1:07}"
    table, defaults = seeded_edges(40, 160, seed), _some_defaults(40, seed)
    without = defaults.filter(pl.col("party_id") != party)
    day = AS_OF - timedelta(days=1)
    own = pl.DataFrame({"party_id": [party], "default_on": [day], "known_at": [day]})
    rows = [_columns(table, part).filter(id=party) for part in (without, pl.concat([without, own]))]
    assert rows[0].equals(rows[1])


def test_what_became_known_later_changes_no_column() -> None:
    table, defaults = seeded_edges(300, 1500, 3), seeded_defaults(300, 3)
    later = table["known_at"] > AS_OF
    assert later.any()
    known = defaults["known_at"] <= AS_OF
    before = _columns(table, defaults)
    scrambled = table.with_columns(
        pl.when(later).then(pl.col("amount") * 7 + 1).otherwise("amount").alias("amount"),
        pl.when(later).then(pl.col("dst").shift(1)).otherwise("dst").fill_null("P0000001").alias("dst"),
        pl.when(pl.col("retracted_at") > AS_OF)
        .then(date(2031, 1, 1))
        .otherwise("retracted_at")
        .alias("retracted_at"),
    )
    assert _columns(scrambled, defaults).equals(before)
    assert _columns(table.filter(~later), defaults.filter(known)).equals(before)
    moved = defaults.with_columns(default_on=pl.when(~known).then(date(2019, 1, 1)).otherwise("default_on"))
    assert _columns(table, moved).equals(before)


def test_order_of_rows_changes_no_bit() -> None:
    table, defaults = seeded_edges(300, 1500, 4), seeded_defaults(300, 4)
    shuffled = (
        table.sample(fraction=1, shuffle=True, seed=1),
        defaults.sample(fraction=1, shuffle=True, seed=2),
    )
    assert _columns(*shuffled).equals(_columns(table, defaults))


def test_an_empty_graph_gives_no_rows_and_wrong_input_is_refused() -> None:
    table, defaults = seeded_edges(60, 300, 4), seeded_defaults(60, 4)
    empty = _columns(table.clear(), defaults)
    assert empty.height == 0
    assert empty.columns == _columns(table, defaults).columns
    snapshot = Snapshot.from_edges(table, as_of=AS_OF)
    with pytest.raises(UnknownRelationError, match="rents"):
        network_columns(snapshot, defaults, as_of=AS_OF, kinds=["rents"])
    with pytest.raises(DefaultTableError, match="known_at"):
        network_columns(snapshot, defaults.drop("known_at"), as_of=AS_OF)


def test_other_relations_can_be_asked_for() -> None:
    table, defaults = seeded_edges(60, 300, 4), seeded_defaults(60, 4)
    frame = network_columns(
        Snapshot.from_edges(table, as_of=AS_OF), defaults, as_of=AS_OF, kinds=["owns", "pays"]
    )
    assert "pays_out_weight" in frame.columns
    assert not [name for name in frame.columns if "guarantee" in name or "supplies" in name]


def test_the_group_under_one_controller() -> None:
    """X holds 60 % of Y and 70 % of Z, and Z has defaulted."""
    rows = [("E1", "X", "Y", 0.6), ("E2", "X", "Z", 0.7)]
    edges = pl.DataFrame(rows, schema=["edge_id", "src", "dst", "share"], orient="row").with_columns(
        kind=pl.lit("owns"),
        valid_from=pl.lit(date(2020, 1, 1)),
        known_at=pl.lit(date(2020, 1, 1)),
        valid_to=pl.lit(None, dtype=pl.Date),
        retracted_at=pl.lit(None, dtype=pl.Date),
    )
    day = date(2024, 1, 1)
    defaults = pl.DataFrame({"party_id": ["Z"], "default_on": [day], "known_at": [day]})
    row = _columns(edges, defaults).rows_by_key("id", named=True, unique=True)
    assert [row[party]["control_group_size"] for party in "XYZ"] == [3, 3, 3]
    assert [row[party]["control_group_defaulted"] for party in "XYZ"] == [1, 1, 0]
    assert [row[party]["chain_to_controller"] for party in "XYZ"] == [None, 1, 1]
    assert [row[party]["control_unclear"] for party in "XYZ"] == [True, False, False]
