"""The deeper network by hand: circles, chains, groups, look-through, supply two steps away, and what is no relation."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from features.credit.build import NETWORK_FEATURES, credit_features
from features.credit.default_share import PRIOR_RATE, PRIOR_WEIGHT
from features.credit.network import KINDS, NEIGHBOUR_KINDS
from graph.ontology import RELATIONS
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]
Row = dict[str, object]
Features = dict[str, dict[str, float | None]]

AS_OF = date(2024, 6, 30)

NONE_OF_TWO = PRIOR_WEIGHT * PRIOR_RATE / (2 + PRIOR_WEIGHT)


def _features(tables: Tables) -> Features:
    frame = credit_features(tables, Snapshot.from_edges(tables["edges"], as_of=AS_OF), AS_OF)
    return {row["party_id"]: row for row in frame.iter_rows(named=True)}


def _parties(names: str) -> list[Row]:
    return [{"party_id": name} for name in names]


def _edges(kind: str, *pairs: str, **content: object) -> list[Row]:
    return [{"src": pair[0], "dst": pair[1], "kind": kind, **content} for pair in pairs]


def _book(failed: str, names: str) -> dict[str, list[Row]]:
    """Give everybody an exposure and let some file for bankruptcy."""
    return {
        "exposures": [{"exposure_id": f"X-{name}", "party_id": name} for name in names],
        "court_events": [
            {"party_id": name, "kind": "bankruptcy_filing", "occurred_on": date(2024, 3, 1)}
            for name in failed
        ],
    }


def test_circles_and_mutual_guarantees(make_tables: TableMaker) -> None:
    """A, B and C guarantee round and round, A and B each other too; D stands behind the circle, E outside."""
    edges = _edges("guarantees", "AB", "BC", "CA", "BA", "DA", amount=10.0)
    edges += _edges("guarantees", "AE", amount=30.0)
    row = _features(make_tables(parties=_parties("ABCDEF"), edges=edges, **_book("C", "ABCDEF")))
    names = ("mutual_guarantees", "in_guarantee_circle", "guarantee_circle_members", "guarantee_circles")
    assert [row["A"][name] for name in names] == [1, 1, 3, 2]
    assert [row["C"][name] for name in names] == [0, 1, 3, 1]
    assert [row["D"][name] for name in names] == [0, 0, 1, 0]
    assert [row["F"][name] for name in names] == [0, 0, 1, 0]  # it has no edge at all
    assert [row[name]["shortest_guarantee_circle"] for name in "ABCD"] == [2, 2, 3, None]
    assert row["A"]["mutual_guarantee_share"] == pytest.approx(10 / 40)
    assert [row[name]["guarantee_network_members"] for name in "ADEF"] == [5, 5, 5, 1]
    assert row["A"]["guarantee_circle_default_share"] == pytest.approx(
        (1 + PRIOR_WEIGHT * PRIOR_RATE) / (2 + PRIOR_WEIGHT)
    )
    assert row["C"]["guarantee_circle_default_share"] == pytest.approx(
        NONE_OF_TWO
    )  # the others of its circle, and all others, are healthy
    assert row["D"]["guarantee_circle_default_share"] is None


def test_chains_to_the_nearest_default(make_tables: TableMaker) -> None:
    """A guarantees B, B guarantees C, C guarantees D; D has defaulted and guarantees nobody."""
    edges = _edges("guarantees", "AB", "BC", "CD", amount=10.0)
    row = _features(make_tables(parties=_parties("ABCD"), edges=edges, **_book("D", "ABCD")))
    assert [row[name]["guarantee_steps_to_guaranteed_default"] for name in "ABCD"] == [3, 2, 1, None]
    assert [row[name]["guarantee_steps_to_guarantor_default"] for name in "ABCD"] == [None] * 4
    assert [row[name]["guarantee_chain_ahead"] for name in "ABCD"] == [3, 2, 1, 0]
    assert [row[name]["guarantee_chain_behind"] for name in "ABCD"] == [0, 1, 2, 3]
    assert row["C"]["guarantees_for_defaulted_share"] == 1
    assert row["B"]["guaranteed_two_steps_default_share"] == pytest.approx(
        (1 + PRIOR_WEIGHT * PRIOR_RATE) / (1 + PRIOR_WEIGHT)
    )
    near = [row[name]["default_nearness_of_dependents"] for name in "ABCD"]
    assert near[3] == 0
    assert 0 < (near[0] or 0) < (near[1] or 0) < (near[2] or 0)


def test_guarantees_without_shareholding_and_net_guarantees(make_tables: TableMaker) -> None:
    edges = _edges("guarantees", "AB", amount=30.0) + _edges("guarantees", "AC", amount=10.0)
    edges += _edges("guarantees", "CA", amount=15.0) + _edges("owns", "AB", share=0.6)
    parties = [{"party_id": "A", "registered_capital": 50.0}, *_parties("BC")]
    row = _features(make_tables(parties=parties, edges=edges))
    assert row["A"]["guarantees_without_shareholding_share"] == pytest.approx(10 / 40)
    assert row["A"]["net_guarantees_to_equity"] == pytest.approx((40 - 15) / 50)


def test_the_group_under_one_controller(make_tables: TableMaker) -> None:
    """P controls A through H and B directly; C has two equal holders; B has defaulted."""
    edges = (
        _edges("owns", "PH", share=0.8) + _edges("owns", "HA", share=0.6) + _edges("owns", "PB", share=0.9)
    )
    edges += _edges("owns", "PC", "QC", share=0.5)
    parties = [*({"party_id": name, "kind": "person"} for name in "PQ"), *_parties("HABC")]
    row = _features(make_tables(parties=parties, edges=edges, **_book("B", "HABC")))
    assert [row[name]["control_group_members"] for name in "PHABCQ"] == [4, 4, 4, 4, 1, 1]
    assert row["A"]["control_group_default_share"] == pytest.approx(
        (1 + PRIOR_WEIGHT * PRIOR_RATE) / (2 + PRIOR_WEIGHT)
    )
    assert row["B"]["control_group_default_share"] == pytest.approx(NONE_OF_TWO)
    assert [row[name]["steps_to_controller"] for name in "AHC"] == [2, 1, None]
    assert row["A"]["controller_votes"] == pytest.approx(0.6)
    assert [row[name]["control_unclear"] for name in "ACP"] == [0, 1, 0]
    assert row["A"]["largest_ultimate_owner_share"] == pytest.approx(0.8 * 0.6)
    assert row["C"]["largest_ultimate_owner_share"] == pytest.approx(0.5)
    assert row["P"]["largest_ultimate_owner_share"] is None


def test_look_through_sums_paths_and_cross_holdings(make_tables: TableMaker) -> None:
    """P holds half of A; A and B hold part of each other, so P's part of B is 0.5 × 0.4 ÷ (1 − 0.2 × 0.4)."""
    edges = (
        _edges("owns", "PA", share=0.5) + _edges("owns", "AB", share=0.4) + _edges("owns", "BA", share=0.2)
    )
    row = _features(make_tables(parties=_parties("PAB"), edges=edges))
    assert row["B"]["largest_ultimate_owner_share"] == pytest.approx(0.5 * 0.4 / (1 - 0.2 * 0.4), abs=1e-5)


def test_shares_above_one_bear_no_look_through(make_tables: TableMaker) -> None:
    edges = _edges("owns", "PA", "QA", share=0.8) + _edges("owns", "AB", share=0.4)
    row = _features(make_tables(parties=_parties("PQAB"), edges=edges))
    assert [row[name]["largest_ultimate_owner_share"] for name in "AB"] == [None, None]


def test_supply_two_steps_away_and_sole_counterparties(make_tables: TableMaker) -> None:
    """A sells to B and C, B sells to D, D buys from B alone and back to A; D has defaulted."""
    edges = _edges("supplies", "AB", "AC", "BD", "DA", "EC", amount=1.0)
    row = _features(make_tables(parties=_parties("ABCDE"), edges=edges, **_book("D", "ABCDE")))
    assert row["A"]["customers_of_customers_default_share"] == pytest.approx(
        (1 + PRIOR_WEIGHT * PRIOR_RATE) / (1 + PRIOR_WEIGHT)
    )
    assert row["D"]["customers_of_customers_default_share"] == pytest.approx(NONE_OF_TWO)
    assert row["C"]["suppliers_of_suppliers_default_share"] == pytest.approx(
        (1 + PRIOR_WEIGHT * PRIOR_RATE) / (1 + PRIOR_WEIGHT)
    )
    assert (row["A"]["customers_without_other_supplier"], row["E"]["suppliers_without_other_customer"]) == (
        1,
        0,
    )
    assert (row["C"]["largest_supplier_share"], row["D"]["largest_supplier_share"]) == (0.5, 1)
    assert [row[name]["is_cut_point_of_supply"] for name in "ABCDE"] == [1, 0, 1, 0, 0]
    assert (row["A"]["parties_cut_off_without_it"], row["C"]["parties_cut_off_without_it"]) == (2, 1)


def test_only_the_relations_that_credit_reads_make_neighbours(make_tables: TableMaker) -> None:
    """Suspected links, the same party twice, and what joins a party to things are no relations here."""
    plain = make_tables(parties=_parties("ABCD"), edges=_edges("owns", "AB", share=0.3), **_book("C", "ABCD"))
    unread = sorted({*RELATIONS} - {*NEIGHBOUR_KINDS})
    assert {"same_as", "suspected_link", "owes", "operates", "produces"} <= {*unread}
    others = [edge for kind in unread for edge in _edges(kind, "AC", "CD")]
    more = make_tables(
        parties=_parties("ABCD"), edges=[*_edges("owns", "AB", share=0.3), *others], **_book("C", "ABCD")
    )
    assert _features(plain) == _features(more)


@pytest.mark.parametrize("kind", sorted({*NEIGHBOUR_KINDS} - {*KINDS}))
def test_lending_leasing_and_payments_make_neighbours(make_tables: TableMaker, kind: str) -> None:
    tables = make_tables(parties=_parties("AC"), edges=_edges(kind, "AC"), **_book("C", "AC"))
    assert _features(tables)["A"]["defaulted_neighbours_12m"] == 1


def test_a_party_outside_the_graph_reads_as_one_without_edges(make_tables: TableMaker) -> None:
    edges, parties = _edges("supplies", "AB", amount=1.0), _parties("ABC")
    tables = make_tables(parties=parties, edges=edges, **_book("B", "ABC"))
    inside = Snapshot.from_edges(tables["edges"], as_of=AS_OF, nodes=pl.Series(["A", "B", "C"]))
    frames = [
        credit_features(tables, snapshot, AS_OF).filter(party_id="C").select(NETWORK_FEATURES)
        for snapshot in (inside, Snapshot.from_edges(tables["edges"], as_of=AS_OF))
    ]
    assert frames[0].to_dicts() == frames[1].to_dicts()


def test_a_graph_without_edges_gives_features(make_tables: TableMaker) -> None:
    row = _features(make_tables(parties=_parties("AB"), **_book("B", "AB")))
    assert row["A"]["guarantee_circle_members"] == 1
    assert row["A"]["defaulted_neighbours_12m"] == 0
    assert row["A"]["two_steps_default_share"] is None
