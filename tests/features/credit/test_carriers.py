"""Which neighbour carries the network effect: against all simple paths, by hand, and nothing from after the date."""

import json
import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import networkx as nx
import numpy as np
import polars as pl
import pytest

from features.credit.book import Book
from features.credit.build import NETWORK_FEATURES
from features.credit.carrier_paths import book_carriers, carrier_path
from features.credit.carrier_texts import CARRIERS_SCHEMA, CarrierPath, names_of
from features.credit.carriers import ENDS_SCHEMA, ROUTES, SISTER_STEP, STEPS, carriers_of, ends_of
from features.credit.channels import Channel
from features.credit.links import sizes_of
from features.credit.neighbour_scores import SCORE_FEATURES
from features.credit.network import HUB, NEIGHBOUR_KINDS
from features.credit.routes import ROUTE_OF, Route, leading_route, leading_routes
from features.errors import MissingColumnError
from graph.errors import UnknownPartyError
from graph.ontology import RELATIONS, Direction
from graph.parquet_store import ParquetStore
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]
Row = dict[str, object]

AS_OF = date(2022, 6, 30)
NOW = date(2024, 6, 30)
FAILED_ON = date(2024, 3, 1)


def _own(parties: pl.Series, seed: int = 3) -> pl.DataFrame:
    log_odds = np.random.default_rng(seed).normal(-3, 1, len(parties))
    return pl.DataFrame({"party_id": parties, "log_odds": log_odds})


def _store(tables: Tables, folder: Path) -> ParquetStore:
    store = ParquetStore(folder)
    store.append(tables["edges"])
    return store


def _made(
    tables: Tables, folder: Path, as_of: date = NOW, **log_odds: float
) -> dict[tuple[str, Route], CarrierPath]:
    own = pl.DataFrame({"party_id": list(log_odds), "log_odds": list(log_odds.values())})
    frame = book_carriers(Book.read(tables, as_of), _store(tables, folder), own)
    assert frame.schema == CARRIERS_SCHEMA
    return {(path.party_id, path.channel): path for path in CarrierPath.rows(frame)}


def _edges(kind: str, *pairs: str, **content: object) -> list[Row]:
    return [{"src": pair[0], "dst": pair[1], "kind": kind, **content} for pair in pairs]


def _parties(names: str) -> list[Row]:
    return [{"party_id": name} for name in names]


def _book(failed: str, names: str) -> dict[str, list[Row]]:
    filings: list[Row] = [
        {"party_id": name, "kind": "bankruptcy_filing", "occurred_on": FAILED_ON} for name in failed
    ]
    return {
        "exposures": [{"exposure_id": f"X-{name}", "party_id": name} for name in names],
        "court_events": filings,
    }


def test_every_network_feature_belongs_to_one_route() -> None:
    assert sorted(ROUTE_OF) == sorted((*NETWORK_FEATURES, *SCORE_FEATURES))
    assert {*ROUTE_OF.values()} == {*Route}


def test_routes_are_the_channels_and_three_more_with_words_of_their_own() -> None:
    assert {route.value for route in Route} - {channel.value for channel in Channel} == {
        "guarantee_network",
        "control_group",
        "anyone",
    }
    assert len({(route.wording.zh, route.wording.en) for route in Route}) == len(Route)


def test_the_leading_route_has_the_largest_sum_along_the_effect() -> None:
    contributions = {
        "customers_worst_pd": 0.3,
        "customers": 0.3,
        "guarantors": -0.5,
        "investees": 0.5,
        "leverage": 9.0,
    }
    assert leading_route(contributions) == (Route.CUSTOMER, 0.6)
    assert leading_route({name: -part for name, part in contributions.items()}) == (Route.CUSTOMER, -0.6)


def test_without_effect_no_route_leads() -> None:
    assert leading_route({}) is None
    assert leading_route({"leverage": 1.0}) is None
    assert leading_route({"customers": 0.0}) is None


def test_many_parties_are_led_as_one_by_one() -> None:
    names = ("leverage", *ROUTE_OF)
    parts = np.random.default_rng(1).normal(0, 1, (40, len(names)))
    parts[7] = 0.0
    found = leading_routes(names, parts).rows()
    alone = [leading_route(dict(zip(names, row, strict=True))) for row in parts.tolist()]
    assert found == [pair if pair is not None else (None, None) for pair in alone]
    assert found[7] == (None, None)
    assert len({route for route, _ in found}) > 4
    assert leading_routes(names, parts[:0]).height == 0


def _factors(snapshot: Snapshot, sizes: pl.DataFrame) -> "nx.MultiDiGraph[str]":
    """Return who passes trouble on to whom, worked out relation by relation."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    size = {row["id"]: row for row in sizes.iter_rows(named=True)}
    ids = snapshot.ids.to_list()
    for kind in NEIGHBOUR_KINDS:
        weights = snapshot.relation(kind).weights.tocoo()
        passed = RELATIONS[kind].transmission
        received = snapshot.relation(kind).weights.sum(axis=0)
        sold = snapshot.relation(kind).weights.sum(axis=1)
        for row, column, weight in zip(weights.row, weights.col, weights.data, strict=True):
            src, dst = ids[row], ids[column]
            ahead = behind = 1.0
            if kind == "guarantees":
                equity = size[src]["strength"]
                ahead = min(weight / equity, 1) if equity > 0 else 1
                behind = weight / received[column]
            elif kind == "supplies":
                ahead = weight / np.fmax(sold[row], size[src]["revenue_year"])
                behind = weight / received[column]
            elif kind == "owns":
                ahead = behind = min(weight, 1)
            graph.add_edge(src, dst, (kind, Direction.OUT), factor=max(ahead * passed.in_, 0.001))
            graph.add_edge(dst, src, (kind, Direction.IN), factor=max(behind * passed.out, 0.001))
    return graph


def _best(graph: "nx.MultiDiGraph[str]", party: str, ends: dict[str, tuple[bool, float]], most: int) -> float:
    """Return what the best simple path brings, direct neighbours in default before all others."""
    direct, any_path = 0.0, 0.0
    for end, (failed, badness) in ends.items():
        if end == party or end not in graph or party not in graph:
            continue
        for path in nx.all_simple_edge_paths(graph, party, end, cutoff=most):
            brings = badness * math.prod(graph.edges[step]["factor"] for step in path)
            any_path = max(any_path, brings)
            if failed and len(path) == 1:
                direct = max(direct, brings)
    return direct or any_path


@pytest.mark.parametrize("route", [route for route in Route if SISTER_STEP not in ROUTES[route][0]])
def test_the_carrier_is_the_worst_of_all_simple_paths(random_group: Tables, route: Route) -> None:
    book = Book.read(random_group, AS_OF)
    snapshot = Snapshot.from_edges(random_group["edges"], as_of=AS_OF)
    sizes = sizes_of(book, snapshot)
    ends = ends_of(book, snapshot, _own(snapshot.ids))
    taken, most = ROUTES[route]
    graph = _factors(snapshot, sizes)
    assert max(len(list(graph.neighbors(party))) for party in graph) < HUB
    graph.remove_edges_from([edge for edge in graph.edges(keys=True) if edge[2] not in taken])
    bad = {
        row["party_id"]: (row["default_on"] is not None, row["own_pd"] or 1.0)
        for row in ends.iter_rows(named=True)
    }
    found = carriers_of(snapshot, sizes, ends, routes=[route])
    brings = dict(found.select("party_id", "brings").iter_rows())
    sample = snapshot.ids.to_list()[::4] if most > 1 else snapshot.ids.to_list()
    assert any(party in brings for party in sample)
    for party in sample:
        assert brings.get(party, 0.0) == pytest.approx(_best(graph, party, bad, most))


def test_paths_lead_to_their_end_by_the_steps_of_the_route(random_group: Tables) -> None:
    book = Book.read(random_group, AS_OF)
    snapshot = Snapshot.from_edges(random_group["edges"], as_of=AS_OF)
    ends = ends_of(book, snapshot, _own(snapshot.ids))
    found = carriers_of(snapshot, sizes_of(book, snapshot), ends)
    assert set(found["channel"].unique()) == {route.value for route in Route}
    for row in found.iter_rows(named=True):
        taken, most = ROUTES[Route(row["channel"])]
        assert len(row["steps"]) == len(row["parties"]) - 1 <= most
        assert {STEPS[step] for step in row["steps"]} <= {*taken}
        assert (row["parties"][0], row["parties"][-1]) == (row["party_id"], row["end_id"])
        assert len({*row["parties"]}) == len(row["parties"])
    assert set(found["end_id"]) <= set(ends["party_id"])


def test_a_direct_default_comes_before_a_weighty_risk(make_tables: TableMaker, tmp_path: Path) -> None:
    """A sells nearly all to B, which stands badly, and a little to C, which has defaulted."""
    edges = _edges("supplies", "AB", amount=99.0) + _edges("supplies", "AC", amount=1.0)
    tables = make_tables(parties=_parties("ABC"), edges=edges, **_book("C", "ABC"))
    path = _made(tables, tmp_path, A=-3.0, B=1.0, C=-3.0)["A", Route.CUSTOMER]
    assert (path.end_id, path.end_default_on, path.end_own_pd) == ("C", FAILED_ON, None)
    assert path.brings == pytest.approx(0.5 * 0.01)
    assert path.text.zh == "A 向 C 供货 1 元；C 已于 2024-03-01 违约。"
    assert path.text.en == "A supplies C for CNY 1; C defaulted on 2024-03-01."


def test_without_a_default_weight_times_own_pd_decides(make_tables: TableMaker, tmp_path: Path) -> None:
    edges = _edges("supplies", "AB", amount=90.0) + _edges("supplies", "AC", amount=10.0)
    tables = make_tables(parties=_parties("ABC"), edges=edges, **_book("", "ABC"))
    path = _made(tables, tmp_path, A=5.0, B=-2.0, C=-1.0)["A", Route.CUSTOMER]
    assert (path.end_id, path.end_default_on) == ("B", None)
    assert path.end_own_pd == pytest.approx(0.1192, abs=1e-4)
    assert path.text.en == "A supplies B for CNY 90; B's own probability of default is 11.92%."


def test_a_chain_of_guarantees_is_followed_to_the_default(make_tables: TableMaker, tmp_path: Path) -> None:
    edges = _edges("guarantees", "AB", "BC", "CD", "DE", amount=10.0, guarantee_kind="joint")
    capital: list[Row] = [{"party_id": name, "registered_capital": 20.0} for name in "ABCDE"]
    tables = make_tables(parties=capital, edges=edges, **_book("DE", "DE"))
    paths = _made(tables, tmp_path, D=0.0)
    path = paths["A", Route.GUARANTEED]
    assert path.parties == ("A", "B", "C", "D")
    assert path.brings == pytest.approx((0.9 * 0.5) ** 3)
    assert [edge["edge_id"] for edge in path.path] == ["E0", "E1", "E2"]
    assert {(edge["kind"], edge["amount"], edge["valid_from"]) for edge in path.path} == {
        ("guarantees", 10.0, date(2019, 1, 1))
    }
    assert paths["D", Route.GUARANTEED].end_id == "E"
    assert ("E", Route.GUARANTEED) not in paths
    assert paths["E", Route.GUARANTEE_NETWORK].parties == ("E", "D")


def test_a_sister_is_told_through_who_stands_above_both(make_tables: TableMaker, tmp_path: Path) -> None:
    """P, a person, owns A and B and sits on both boards; the larger of what is shared is told."""
    edges = [
        *_edges("holds_position", "PA", "PB", role="director"),
        *_edges("owns", "PA", share=0.6),
        *_edges("owns", "PB", share=0.4),
    ]
    tables = make_tables(
        parties=[{"party_id": "P", "kind": "person"}, *_parties("AB")], edges=edges, **_book("B", "B")
    )
    path = _made(tables, tmp_path)["A", Route.SISTER]
    assert path.parties == ("A", "P", "B")
    assert [(edge["src"], edge["dst"], edge["share"]) for edge in path.path] == [
        ("P", "A", 0.6),
        ("P", "B", 0.4),
    ]


def test_the_control_group_stays_under_one_controller(make_tables: TableMaker, tmp_path: Path) -> None:
    """P controls A and B and holds a little of C, which has defaulted too."""
    edges = [
        *_edges("owns", "PA", share=0.9),
        *_edges("owns", "PB", share=0.6),
        *_edges("owns", "PC", share=0.3),
        *_edges("owns", "QC", share=0.6),
    ]
    people: list[Row] = [{"party_id": name, "kind": "person"} for name in "PQ"]
    tables = make_tables(parties=[*people, *_parties("ABC")], edges=edges, **_book("BC", "BC"))
    paths = _made(tables, tmp_path)
    assert paths["A", Route.CONTROL_GROUP].parties == ("A", "P", "B")
    assert paths["P", Route.CONTROL_GROUP].end_id == "B"
    assert paths["Q", Route.CONTROL_GROUP].end_id == "C"


def test_a_party_outside_the_book_is_no_end(make_tables: TableMaker, tmp_path: Path) -> None:
    """C has a score but no live exposure, D's default lies back too far; both lead on."""
    filed: Row = {"party_id": "D", "kind": "bankruptcy_filing", "occurred_on": date(2023, 3, 1)}
    exposures: list[Row] = [{"exposure_id": f"X-{name}", "party_id": name} for name in "ABD"]
    edges = _edges("guarantees", "AC", "CB", "AD", amount=1.0)
    tables = make_tables(parties=_parties("ABCD"), edges=edges, exposures=exposures, court_events=[filed])
    paths = _made(tables, tmp_path, B=-1.0, C=3.0, D=3.0)
    assert paths["A", Route.GUARANTEED].parties == ("A", "C", "B")


def test_persons_are_told_by_id_and_companies_by_name() -> None:
    parties = pl.DataFrame(
        {"party_id": ["A", "P", "G"], "kind": ["company", "person", "fund"], "name": ["甲公司", "某人", None]}
    )
    assert names_of(parties) == {"A": "甲公司"}


def test_one_party_is_answered_as_the_whole_book(random_group: Tables, tmp_path: Path) -> None:
    store, book = _store(random_group, tmp_path), Book.read(random_group, AS_OF)
    snapshot = store.snapshot(AS_OF)
    own = _own(snapshot.ids)
    book_wide = {
        (path.party_id, path.channel): path for path in CarrierPath.rows(book_carriers(book, store, own))
    }
    ends, sizes = ends_of(book, snapshot, own), sizes_of(book, snapshot).rename({"id": "party_id"})
    view = store.view(AS_OF)
    found = 0
    for party in snapshot.ids[::15]:
        for route in {*Route} - {Route.CONTROL_GROUP}:
            one = carrier_path(view, party, route, ends, sizes=sizes)
            assert one == book_wide.get((party, route))
            found += one is not None
    assert found > 20


def test_a_carrier_path_is_plain_json(make_tables: TableMaker, tmp_path: Path) -> None:
    tables = make_tables(parties=_parties("AB"), edges=_edges("owns", "BA", share=0.25), **_book("B", "B"))
    told = _made(tables, tmp_path)["A", Route.OWNER].to_json()
    assert json.loads(json.dumps(told)) == told
    assert (told["channel"], told["end_default_on"], told["parties"]) == ("owner", "2024-03-01", ["A", "B"])
    assert told["channel_label"] == {"zh": "股东", "en": "shareholder"}


def test_an_unknown_party_is_refused(random_group: Tables, tmp_path: Path) -> None:
    view = _store(random_group, tmp_path).view(AS_OF)
    with pytest.raises(UnknownPartyError, match="nobody"):
        carrier_path(view, "nobody", Route.OWNER, pl.DataFrame(schema=ENDS_SCHEMA))


def test_own_scores_need_their_columns(random_group: Tables) -> None:
    snapshot = Snapshot.from_edges(random_group["edges"], as_of=AS_OF)
    with pytest.raises(MissingColumnError, match="log_odds"):
        ends_of(Book.read(random_group, AS_OF), snapshot, pl.DataFrame({"party_id": ["A"]}))


def _changed_later(tables: Tables, as_of: date) -> Tables:
    """Shuffle what became known after the date and add corrections of everything then."""
    rng = np.random.default_rng(8)
    result = {}
    for name, table in tables.items():
        frame = table.collect()
        earlier, later = frame.filter(pl.col("known_at") <= as_of), frame.filter(pl.col("known_at") > as_of)
        corrections = earlier.sample(fraction=1, shuffle=True, seed=1).with_columns(
            known_at=pl.lit(as_of + timedelta(days=2))
        )
        order = {column: rng.permutation(later.height) for column in later.columns if column != "known_at"}
        mixed = later.with_columns(
            later[column].gather(places).alias(column) for column, places in order.items()
        )
        if name == "edges":
            corrections = corrections.with_columns(
                edge_id=pl.lit("corrected-") + pl.int_range(pl.len()).cast(pl.String),
                kind=pl.lit("guarantees"),
            )
            mixed = mixed.with_columns(edge_id=pl.lit("later-") + pl.int_range(pl.len()).cast(pl.String))
            mixed = mixed.filter(pl.col("src") != pl.col("dst"))
        result[name] = pl.concat([corrections, mixed, earlier]).lazy()
    return result


def test_what_became_known_later_changes_no_carrier(random_group: Tables, tmp_path: Path) -> None:
    tampered = _changed_later(random_group, AS_OF)
    stores = (_store(random_group, tmp_path / "as_is"), _store(tampered, tmp_path / "tampered"))
    own = _own(Snapshot.from_edges(random_group["edges"], as_of=NOW).ids)
    then = [
        book_carriers(Book.read(tables, AS_OF), store, own)
        for tables, store in zip((random_group, tampered), stores, strict=True)
    ]
    later = [
        book_carriers(Book.read(tables, NOW), store, own)
        for tables, store in zip((random_group, tampered), stores, strict=True)
    ]
    assert then[0].equals(then[1])
    assert then[0].height > 100
    assert not later[0].equals(later[1])


def test_order_of_rows_changes_no_bit(random_group: Tables, tmp_path: Path) -> None:
    shuffled = {
        name: table.collect().sample(fraction=1, shuffle=True, seed=5).lazy()
        for name, table in random_group.items()
    }
    own = _own(Snapshot.from_edges(random_group["edges"], as_of=AS_OF).ids)
    first = book_carriers(Book.read(random_group, AS_OF), _store(random_group, tmp_path / "a"), own)
    again = book_carriers(
        Book.read(shuffled, AS_OF),
        _store(shuffled, tmp_path / "b"),
        own.sample(fraction=1, shuffle=True, seed=1),
    )
    assert first.equals(again)
