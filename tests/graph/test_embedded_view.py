"""The view in memory answers as looking through the whole table does."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.edges import EDGE_SCHEMA
from graph.store import GraphView
from tests.graph.plain_view import (
    NO_RECORDS,
    NO_SCORES,
    START,
    PlainView,
    edge_frame,
    edge_rows,
    embedded,
    star_frame,
)

PARTIES = pl.DataFrame(
    [("A", "company", "甲公司", None), ("Z", "person", "张三", None)], schema=NO_RECORDS.schema, orient="row"
)
SCORES = pl.DataFrame(
    [
        ("B", START, START, "pd_12m", 0.02, "7"),
        ("A", START, START, "pd_12m", 0.01, "7"),
        ("A", START, START, "lgd", 0.4, "1"),
    ],
    schema=NO_SCORES.schema,
    orient="row",
)


@given(
    edge_rows("ABCDEF", 25), st.lists(st.sampled_from("ABCDEFX"), max_size=6), st.none() | st.integers(0, 8)
)
def test_expansion_equals_brute_force(
    rows: list[dict[str, object]], asked: list[str], hub: int | None
) -> None:
    edges = edge_frame(rows).sample(fraction=1.0, shuffle=True, seed=7)
    view, plain = embedded(edges), PlainView(edges)
    found, expected = view.expand(asked, hub=hub), plain.expand(asked, hub=hub)
    assert found.edges.equals(expected.edges)
    assert found.edges.schema == EDGE_SCHEMA
    assert found.hubs == expected.hubs
    assert view.known(asked) == plain.known(asked)
    assert view.degrees(asked) == [plain._degree(party) for party in asked]


def test_every_column_comes_back_as_it_was_stated() -> None:
    full = {
        "src": "A",
        "dst": "B",
        "share": 0.5,
        "amount": 1e6,
        "role": "director",
        "valid_to": START + timedelta(days=9),
        "source": "registry",
        "confidence": 0.9,
        "voting": 0.6,
        "direct": False,
        "basis": "agreement",
        "contract": "K-1",
        "guarantee_kind": "joint",
        "seller_share": 0.1,
        "buyer_share": 0.2,
        "reason": "same address",
        "score": 0.7,
        "method": "rule",
    }
    edges = edge_frame([full, {"src": "B", "dst": "C"}])
    assert embedded(edges).expand(["B"], hub=None).edges.equals(edges)


def test_nodes_come_in_the_order_asked_for_and_null_where_unknown() -> None:
    view: GraphView = embedded([{"src": "A", "dst": "B"}], parties=PARTIES)
    nodes = view.nodes(["Z", "B", "A", "nobody"])
    assert nodes["party_id"].to_list() == ["Z", "B", "A", "nobody"]
    assert nodes["name"].to_list() == ["张三", None, "甲公司", None]
    assert nodes.schema == NO_RECORDS.schema


def test_nodes_of_a_graph_without_records_are_null() -> None:
    nodes = embedded([{"src": "A", "dst": "B"}]).nodes(["B"])
    assert nodes.equals(pl.DataFrame([("B", None, None, None)], schema=NO_RECORDS.schema, orient="row"))
    assert embedded([], parties=PARTIES).nodes([]).is_empty()


def test_scores_come_by_party_and_name() -> None:
    view = embedded([{"src": "A", "dst": "C"}], scores=SCORES)
    assert view.scores(["B", "A", "C", "A", "nobody"]).equals(SCORES.sort("party_id", "name"))
    assert view.scores(["C"]).equals(NO_SCORES)
    assert embedded([]).scores(["A"]).equals(NO_SCORES)


def test_known_are_those_with_a_record_or_an_edge() -> None:
    view = embedded([{"src": "A", "dst": "C"}], parties=PARTIES, scores=SCORES)
    assert view.known(["A", "B", "C", "Z", "nobody"]) == {"A", "C", "Z"}


def test_empty_graph_knows_nobody() -> None:
    view = embedded([])
    found = view.expand(["A"], hub=None)
    assert (found.edges.schema, found.edges.height, found.hubs) == (EDGE_SCHEMA, 0, {})
    assert view.known(["A"]) == set()


def test_hub_of_100000_is_closed_without_reading_its_edges(star: pl.DataFrame) -> None:
    view = embedded(star)
    found = view.expand(["hub", "P000007"], hub=200)
    assert found.hubs == {"hub": 100_000}
    assert found.edges["edge_id"].to_list() == ["E000007"]
    assert view.expand(["hub"], hub=None).edges.height == 100_000
    assert view.memory < 100_000 * 500


@pytest.fixture(scope="module")
def star() -> pl.DataFrame:
    return star_frame(100_000)
