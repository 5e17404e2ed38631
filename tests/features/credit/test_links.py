"""Links to neighbours: against networkx edge by edge, their weights by hand, and nothing from after the date."""

from collections.abc import Callable
from datetime import date, timedelta

import networkx as nx
import numpy as np
import polars as pl
import pytest

from features.credit.book import Book
from features.credit.channels import Channel
from features.credit.labels import labels
from features.credit.links import LINKS_SCHEMA, links_of
from features.credit.network import HUB, NEIGHBOUR_KINDS
from features.errors import SnapshotDateError
from graph.edges import visible
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]
TableMaker = Callable[..., Tables]
Row = dict[str, object]
Link = tuple[str, str, str]

AS_OF = date(2022, 6, 30)
NOW = date(2024, 6, 30)
TIMES = ("known_at", "retracted_at")


def _links(tables: Tables, as_of: date = NOW, parties: pl.Series | None = None) -> pl.DataFrame:
    return links_of(Book.read(tables, as_of), Snapshot.from_edges(tables["edges"], as_of=as_of), parties)


def _weights(tables: Tables) -> dict[Link, float]:
    columns = ("party_id", "channel", "neighbour_id", "weight")
    rows = _links(tables).select(columns).rows()
    return {(party, channel, neighbour): weight for party, channel, neighbour, weight in rows}


def _edges(kind: str, *pairs: str, **content: object) -> list[Row]:
    return [{"src": pair[0], "dst": pair[1], "kind": kind, **content} for pair in pairs]


def _financed(names: str) -> list[Row]:
    return [{"exposure_id": f"X-{name}", "party_id": name} for name in names]


def _parties(names: str) -> list[Row]:
    return [{"party_id": name} for name in names]


def _by_networkx(tables: Tables, as_of: date) -> set[Link]:
    """Work the links out edge by edge."""
    graph = nx.MultiDiGraph()
    held = visible(tables["edges"], as_of).select("src", "dst", "kind").collect()
    graph.add_edges_from((src, dst, kind) for src, dst, kind in held.iter_rows() if src != dst)
    named = {
        "guarantees": (Channel.GUARANTEED, Channel.GUARANTOR),
        "supplies": (Channel.CUSTOMER, Channel.SUPPLIER),
        "owns": (Channel.OWNED, Channel.OWNER),
    }
    found: set[Link] = set()
    for src, dst, kind in graph.edges(keys=True):
        if kind in NEIGHBOUR_KINDS:
            ahead, behind = named.get(kind, (Channel.OTHER, Channel.OTHER))
            found |= {(src, ahead.value, dst), (dst, behind.value, src)}
    for kind in ("owns", "holds_position"):
        for party in graph:
            held_by = sorted({dst for _, dst, key in graph.out_edges(party, keys=True) if key == kind})
            if len(held_by) <= HUB:
                found |= {(one, Channel.SISTER.value, other) for one in held_by for other in held_by}
    at_risk = _at_risk(tables, as_of)
    return {link for link in found if link[0] != link[2] and link[2] in at_risk}


def _at_risk(tables: Tables, as_of: date) -> set[str]:
    book = Book.read(tables, as_of)
    failed = set(book.defaults.filter(pl.col("default_on") <= as_of).collect()["party_id"])
    return set(book.borrowers().collect()["party_id"]) - failed


@pytest.mark.parametrize("as_of", [AS_OF, NOW])
def test_links_are_those_found_edge_by_edge(random_group: Tables, as_of: date) -> None:
    links = _links(random_group, as_of)
    assert links.schema == LINKS_SCHEMA
    assert links["as_of"].unique().to_list() == [as_of]
    found = set(links.select("party_id", pl.col("channel").cast(pl.String), "neighbour_id").rows())
    assert found == _by_networkx(random_group, as_of)
    assert len(found) == links.height
    assert {channel for _, channel, _ in found} == {channel.value for channel in Channel}
    assert links["weight"].is_between(0, 1).all()


def test_nobody_is_its_own_neighbour(make_tables: TableMaker) -> None:
    edges = _edges("supplies", "AA", "AB", amount=1.0) + _edges("owns", "PA", "PB", share=0.5)
    found = _weights(make_tables(parties=_parties("ABP"), edges=edges, exposures=_financed("ABP")))
    assert all(party != neighbour for party, _, neighbour in found)
    assert ("A", "sister", "B") in found


def test_only_neighbours_at_risk_are_linked(make_tables: TableMaker) -> None:
    """B has no exposure, C is in default; both still see A, which is financed."""
    filed: Row = {"party_id": "C", "kind": "bankruptcy_filing", "occurred_on": date(2024, 3, 1)}
    tables = make_tables(
        parties=_parties("ABCD"),
        edges=_edges("supplies", "AB", "AC", "AD", amount=1.0),
        exposures=_financed("ACD"),
        court_events=[filed],
    )
    expected = {("A", "customer", "D"), *((name, "supplier", "A") for name in "BCD")}
    assert set(_weights(tables)) == expected
    one = _links(tables, parties=pl.Series(["A"]))
    assert one.select("party_id", "neighbour_id").rows() == [("A", "D")]


def test_guarantees_weigh_by_equity_and_by_cover(make_tables: TableMaker) -> None:
    """A, with capital 100, guarantees B 40, C 300 and gets 30 from B and 10 from C; D's capital is not known."""
    edges = [
        *_edges("guarantees", "AB", amount=40.0),
        *_edges("guarantees", "AC", amount=300.0),
        *_edges("guarantees", "BA", amount=30.0),
        *_edges("guarantees", "CA", amount=10.0),
        *_edges("guarantees", "DA", amount=0.0),
    ]
    parties = [{"party_id": "A", "registered_capital": 100.0}, *_parties("BCD")]
    weight = _weights(make_tables(parties=parties, edges=edges, exposures=_financed("ABCD")))
    assert weight["A", "guaranteed", "B"] == pytest.approx(0.4)
    assert weight["A", "guaranteed", "C"] == 1
    assert weight["A", "guarantor", "B"] == pytest.approx(0.75)
    assert weight["A", "guarantor", "C"] == pytest.approx(0.25)
    assert (weight["A", "guarantor", "D"], weight["D", "guaranteed", "A"]) == (0, 1)


def test_equity_of_the_latest_statement_comes_before_capital(make_tables: TableMaker) -> None:
    statement: Row = {
        "party_id": "A",
        "period_end": date(2023, 12, 31),
        "equity": 80.0,
        "known_at": date(2024, 4, 1),
    }
    tables = make_tables(
        parties=[{"party_id": "A", "registered_capital": 100.0}, *_parties("B")],
        edges=_edges("guarantees", "AB", amount=20.0),
        exposures=_financed("B"),
        statements=[statement],
    )
    assert _weights(tables)["A", "guaranteed", "B"] == pytest.approx(0.25)


def test_supply_weighs_by_share_of_sales_and_purchases(make_tables: TableMaker) -> None:
    """A sells 30 to B and 10 to C and reports 80; D sells 10 to B; C records what part of its purchases A is."""
    edges = [
        *_edges("supplies", "AB", amount=30.0),
        *_edges("supplies", "AC", amount=10.0, buyer_share=0.2),
        *_edges("supplies", "DB", amount=10.0, seller_share=0.6),
        *_edges("supplies", "CB", amount=10.0),
    ]
    statement: Row = {
        "party_id": "A",
        "period_end": date(2023, 12, 31),
        "revenue": 80.0,
        "known_at": date(2024, 4, 1),
    }
    tables = make_tables(
        parties=_parties("ABCD"), edges=edges, exposures=_financed("ABCD"), statements=[statement]
    )
    weight = _weights(tables)
    assert weight["A", "customer", "B"] == pytest.approx(30 / 80)
    assert weight["A", "customer", "C"] == pytest.approx(10 / 80)
    assert weight["C", "customer", "B"] == 1  # nothing reported: all its known sales go there
    assert weight["D", "customer", "B"] == pytest.approx(0.6)
    assert weight["B", "supplier", "A"] == pytest.approx(30 / 50)
    assert weight["C", "supplier", "A"] == pytest.approx(0.2)


def test_shares_weigh_both_ways_and_the_rest_counts(make_tables: TableMaker) -> None:
    edges = [
        *_edges("owns", "PA", "QA", share=0.3),
        *_edges("owns", "PB", share=0.9),
        *_edges("holds_position", "PA", role="director"),
        *_edges("family_of", "PQ"),
    ]
    weight = _weights(make_tables(parties=_parties("PQAB"), edges=edges, exposures=_financed("PQAB")))
    assert (weight["A", "owner", "P"], weight["P", "owned", "B"]) == (0.3, 0.9)
    assert {link for link in weight if link[0] == "A"} == {
        ("A", "owner", "P"),
        ("A", "owner", "Q"),
        ("A", "sister", "B"),
        ("A", "other", "P"),
    }
    assert (weight["A", "sister", "B"], weight["Q", "other", "P"], weight["P", "other", "Q"]) == (1, 1, 1)


def _changed_later(tables: Tables, as_of: date, seed: int) -> Tables:
    """Shuffle every row known after the date, and add corrections of all earlier rows that were known after it."""
    rng = np.random.default_rng(seed)
    result = {}
    for name, table in tables.items():
        frame = table.collect()
        earlier, later = frame.filter(pl.col("known_at") <= as_of), frame.filter(pl.col("known_at") > as_of)
        days = [as_of + timedelta(days=int(day)) for day in rng.integers(1, 300, earlier.height)]
        corrections = _shuffled(earlier, rng).with_columns(known_at=pl.Series(days, dtype=pl.Date))
        if name == "edges":
            ended = pl.Series([as_of + timedelta(days=1)], dtype=pl.Date).new_from_index(0, earlier.height)
            earlier = earlier.with_columns(retracted_at=pl.coalesce("retracted_at", ended))
        result[name] = pl.concat([corrections, _shuffled(later, rng), earlier]).lazy()
    return result


def _shuffled(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    order = {name: rng.permutation(rows.height) for name in rows.columns if name not in TIMES}
    return rows.with_columns(rows[name].gather(places).alias(name) for name, places in order.items())


def test_what_became_known_later_changes_no_link(random_group: Tables) -> None:
    tampered = _changed_later(random_group, AS_OF, seed=4)
    assert _links(random_group, AS_OF).equals(_links(tampered, AS_OF))
    assert not _links(random_group, NOW).equals(_links(tampered, NOW))


def test_order_of_rows_changes_no_bit(random_group: Tables) -> None:
    shuffled = {
        name: table.collect().sample(fraction=1, shuffle=True, seed=2).lazy()
        for name, table in random_group.items()
    }
    assert _links(random_group).equals(_links(shuffled))


def test_links_refuse_a_graph_of_a_later_day(random_group: Tables) -> None:
    later = Snapshot.from_edges(random_group["edges"], as_of=NOW)
    with pytest.raises(SnapshotDateError, match="2024-06-30"):
        links_of(Book.read(random_group, AS_OF), later)


def test_parties_of_the_labels_are_all_among_those_at_risk(random_group: Tables) -> None:
    """The label leaves out who turned out later to have defaulted before; nobody else is missing."""
    known_by = date(2024, 12, 31)
    learnt_from = set(labels(random_group, [AS_OF], known_by=known_by)["party_id"])
    assert learnt_from <= _at_risk(random_group, AS_OF)


def test_every_channel_has_words_in_both_languages() -> None:
    assert {channel.wording.zh for channel in Channel} != {channel.wording.en for channel in Channel}
    assert len({channel.wording.zh for channel in Channel}) == len(Channel)
