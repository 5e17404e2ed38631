"""The network by hand: guarantees, concentration, and neighbours' defaults without the party's own."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest

import features.credit.network
from features.credit.build import NETWORK_FEATURES, credit_features
from features.credit.default_share import PRIOR_RATE, PRIOR_WEIGHT
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]
Row = dict[str, object]

AS_OF = date(2024, 6, 30)


def _features(tables: Tables, as_of: date = AS_OF) -> dict[str, dict[str, float | None]]:
    frame = credit_features(tables, Snapshot.from_edges(tables["edges"], as_of=as_of), as_of)
    return {row["party_id"]: row for row in frame.iter_rows(named=True)}


def _parties(names: str) -> list[Row]:
    return [{"party_id": name} for name in names]


def _guarantee(source: str, target: str, amount: float) -> Row:
    return {"src": source, "dst": target, "kind": "guarantees", "amount": amount}


def _supply(source: str, target: str, amount: float) -> Row:
    return {"src": source, "dst": target, "kind": "supplies", "amount": amount}


def _borrowers(names: str) -> list[Row]:
    return [{"exposure_id": f"X-{name}", "party_id": name} for name in names]


def _filed(party: str, day: date) -> Row:
    return {"party_id": party, "kind": "bankruptcy_filing", "occurred_on": day}


def test_guarantees_stand_against_equity_or_capital(make_tables: TableMaker) -> None:
    tables = make_tables(
        parties=[{"party_id": "A"}, {"party_id": "B", "registered_capital": 50.0}, {"party_id": "C"}],
        edges=[_guarantee("A", "B", 30.0), _guarantee("A", "C", 20.0), _guarantee("B", "A", 10.0)],
        statements=[
            {
                "party_id": "A",
                "period_end": date(2023, 12, 31),
                "known_at": date(2024, 4, 1),
                "total_assets": 1.0,
                "equity": 200.0,
            }
        ],
        exposures=_borrowers("BC"),
        court_events=[_filed("C", date(2024, 6, 1))],
    )
    row = _features(tables)
    assert row["A"]["guarantees_given_to_equity"] == pytest.approx(50 / 200)
    assert row["A"]["guarantees_received_to_equity"] == pytest.approx(10 / 200)
    assert row["A"]["guarantees_for_defaulted_to_equity"] == pytest.approx(20 / 200)
    assert row["B"]["guarantees_given_to_equity"] == pytest.approx(10 / 50)
    assert row["C"]["guarantees_received_to_equity"] is None
    assert (row["A"]["guaranteed_parties"], row["A"]["guarantors"]) == (2, 1)


def test_default_share_shrinks_to_the_prior(make_tables: TableMaker) -> None:
    """A sells to B, C, D; B has defaulted; E, elsewhere, too."""
    tables = make_tables(
        parties=_parties("ABCDEF"),
        edges=[_supply("A", customer, 1.0) for customer in "BCD"],
        exposures=_borrowers("ABCDEF"),
        court_events=[_filed("B", date(2024, 3, 1)), _filed("E", date(2024, 3, 1))],
    )
    row = _features(tables)
    assert row["A"]["customers_default_share"] == pytest.approx(
        (1 + PRIOR_WEIGHT * PRIOR_RATE) / (3 + PRIOR_WEIGHT)
    )
    assert row["B"]["customers_default_share"] is None  # it has no customer
    assert row["B"]["suppliers_default_share"] == pytest.approx(
        (0 + PRIOR_WEIGHT * PRIOR_RATE) / (1 + PRIOR_WEIGHT)
    )
    assert (row["A"]["defaulted_neighbours_12m"], row["B"]["defaulted_neighbours_12m"]) == (1, 0)


def test_a_partys_own_default_moves_none_of_its_network_features(make_tables: TableMaker) -> None:
    edges = [
        _supply("A", "B", 1.0),
        _guarantee("B", "A", 2.0),
        {"src": "A", "dst": "C", "share": 0.5},
        {"src": "C", "dst": "D", "share": 0.5},
    ]
    common = {"parties": _parties("ABCD"), "edges": edges, "exposures": _borrowers("ABCD")}
    healthy = _features(make_tables(**common))
    failed = _features(make_tables(**common, court_events=[_filed("A", date(2024, 3, 1))]))
    assert {name: healthy["A"][name] for name in NETWORK_FEATURES} == {
        name: failed["A"][name] for name in NETWORK_FEATURES
    }
    assert healthy["B"]["suppliers_default_share"] != failed["B"]["suppliers_default_share"]


def test_a_default_counts_from_the_day_it_is_known_and_for_a_year(make_tables: TableMaker) -> None:
    filed = {**_filed("B", date(2024, 3, 1)), "known_at": date(2024, 3, 20)}
    tables = make_tables(
        parties=_parties("AB"),
        edges=[_supply("A", "B", 1.0)],
        exposures=_borrowers("AB"),
        court_events=[filed],
    )
    days = [date(2024, 3, 19), date(2024, 3, 20), date(2025, 2, 28), date(2025, 3, 1)]
    assert [_features(tables, day)["A"]["defaulted_neighbours_12m"] for day in days] == [0, 1, 1, 0]
    assert [_features(tables, day)["A"]["sales_to_defaulted_share"] for day in days] == [0, 1, 1, 0]
    assert [_features(tables, day)["A"]["days_since_neighbour_default"] for day in days] == [
        None,
        19,
        364,
        365,
    ]


def test_neighbours_arrears_are_worst_and_mean_over_distinct_parties(make_tables: TableMaker) -> None:
    late = {"B": 10, "C": 40}
    schedules = [
        {"exposure_id": f"X-{name}", "due_on": AS_OF - timedelta(days=days)} for name, days in late.items()
    ]
    tables = make_tables(
        parties=_parties("ABCD"),
        edges=[
            _supply("A", "B", 1.0),
            _supply("A", "B", 5.0),
            _supply("A", "C", 1.0),
            _supply("A", "D", 3.0),
        ],
        exposures=_borrowers("BC"),
        schedules=schedules,
    )
    row = _features(tables)["A"]
    assert row["customers_max_days_past_due"] == 40
    assert row["customers_mean_days_past_due"] == 25  # D has no exposure, so nothing is known of it
    assert row["customers"] == 3
    assert row["largest_customer_share"] == pytest.approx(6 / 10)
    assert row["customer_concentration"] == pytest.approx((36 + 1 + 9) / 100)


def test_sisters_share_an_owner_or_an_officer(make_tables: TableMaker) -> None:
    tables = make_tables(
        parties=_parties("ABCP"),
        edges=[
            {"src": "P", "dst": "A", "share": 0.6},
            {"src": "P", "dst": "B", "share": 0.5},
            {"src": "P", "dst": "A", "kind": "holds_position", "role": "director"},
            {"src": "P", "dst": "C", "kind": "holds_position", "role": "director"},
        ],
        exposures=_borrowers("ABC"),
        court_events=[_filed("B", date(2024, 6, 1))],
    )
    row = _features(tables)
    assert [row[name]["sister_companies"] for name in "ABCP"] == [2, 1, 1, 0]
    assert row["A"]["sister_companies_default_share"] == pytest.approx(
        (1 + PRIOR_WEIGHT * PRIOR_RATE) / (2 + PRIOR_WEIGHT)
    )
    assert (row["A"]["largest_shareholder_share"], row["A"]["ownership_concentration"]) == (0.6, 1.0)


def test_an_agent_with_very_many_companies_makes_no_sisters(
    make_tables: TableMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = [{"src": "P", "dst": name, "kind": "holds_position", "role": "supervisor"} for name in "ABC"]
    tables = make_tables(parties=_parties("ABCP"), edges=posts)
    assert _features(tables)["A"]["sister_companies"] == 2
    monkeypatch.setattr(features.credit.network, "HUB", 2)
    assert _features(tables)["A"]["sister_companies"] == 0


def test_an_ended_relation_is_no_relation(make_tables: TableMaker) -> None:
    ended = {
        "edge_id": "E",
        **_supply("A", "B", 1.0),
        "valid_to": date(2024, 5, 1),
        "known_at": date(2024, 5, 9),
    }
    began = {"edge_id": "E", **_supply("A", "B", 1.0), "retracted_at": date(2024, 5, 9)}
    tables = make_tables(parties=_parties("AB"), edges=[began, ended])
    customers = [_features(tables, day)["A"]["customers"] for day in (date(2024, 5, 8), date(2024, 5, 9))]
    assert customers == [1, 0]


@pytest.mark.parametrize("failed", ["", "CD"])
def test_a_share_without_defaults_is_the_same_in_calm_and_bad_times(
    make_tables: TableMaker, failed: str
) -> None:
    """With the default rate of the date as prior, models read the calendar from it."""
    filed = [_filed(party, date(2024, 3, 1)) for party in failed]
    tables = make_tables(
        parties=_parties("ABCD"),
        edges=[_supply("A", "B", 1.0)],
        exposures=_borrowers("ABCD"),
        court_events=filed,
    )
    share = _features(tables)["A"]["customers_default_share"]
    assert share == pytest.approx(PRIOR_WEIGHT * PRIOR_RATE / (1 + PRIOR_WEIGHT))
