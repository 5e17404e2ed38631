"""Every read of the Protocol gives the same from the embedded store and from a graph server."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

import networkx as nx
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from graph.errors import UserError
from graph.neo4j_store import BoltConnection, Neo4jStore
from graph.parquet_store import ParquetStore
from graph.paths import riskiest_paths
from graph.portrait import portrait
from graph.store import GraphStore, GraphView
from tests.parity.random_graphs import DAYS, RandomGraph, random_graph

pytestmark = pytest.mark.slow

MOMENTS = [(as_of, valid_on) for as_of in DAYS[1:] for valid_on in (None, DAYS[1], DAYS[5])]


@dataclass(frozen=True)
class Pair:
    """The same graph in both stores."""

    graph: RandomGraph
    here: GraphStore
    there: GraphStore

    def views(self) -> Iterator[tuple[GraphView, GraphView]]:
        for as_of, valid_on in MOMENTS:
            yield self.here.view(as_of, valid_on), self.there.view(as_of, valid_on)


@pytest.fixture(scope="module", params=[1, 2])
def pair(
    request: pytest.FixtureRequest, connection: BoltConnection, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    graph = random_graph(request.param)
    # Batches smaller than any kind has statements.
    pair = Pair(
        graph, ParquetStore(tmp_path_factory.mktemp("graph")), Neo4jStore(connection, lease=0, batch=7)
    )
    pair.there.clear()  # type: ignore[attr-defined]
    half = graph.edges.height // 2
    for store in (pair.here, pair.there):
        written = [store.append(graph.edges[:half]), store.append(graph.edges[half:])]
        assert written == [half, graph.edges.height - half]
        assert store.append_parties(graph.parties) == graph.parties.height
        assert store.write_scores(graph.scores) == graph.scores.height
    return pair


def test_graphs_hold_what_is_hard(pair: Pair) -> None:
    edges = pair.graph.edges
    assert edges["edge_id"].is_duplicated().any()
    assert edges["retracted_at"].is_not_null().any()
    shown = pair.here.edges(DAYS[3]).collect()
    ends = pl.concat([shown["src"].alias("end"), shown["dst"].alias("end")])
    assert int(ends.value_counts()["count"].max()) > 15  # type: ignore[arg-type]
    assert 0 < shown.height < edges["edge_id"].n_unique()


def test_statements_are_equal(pair: Pair) -> None:
    there = pair.there.statements().collect()
    assert_frame_equal(there, pair.here.statements().collect())
    assert there.height == pair.graph.edges.height


def test_edges_are_equal_on_every_pair_of_days(pair: Pair) -> None:
    seen = set()
    for as_of, valid_on in MOMENTS:
        here = pair.here.edges(as_of, valid_on).collect()
        assert_frame_equal(pair.there.edges(as_of, valid_on).collect(), here)
        seen.add(here.height)
    assert len(seen) > 5


def test_records_scores_and_newest_day_are_equal(pair: Pair) -> None:
    assert_frame_equal(pair.there.records(), pair.here.records())
    assert_frame_equal(pair.there.every_score(), pair.here.every_score())
    assert pair.there.last_known() == pair.here.last_known() is not None
    for day in DAYS:
        assert_frame_equal(pair.there.parties(day), pair.here.parties(day))
        assert_frame_equal(pair.there.scores(day), pair.here.scores(day))
    assert 0 < pair.here.parties(DAYS[1]).height < pair.here.parties(DAYS[5]).height


def test_snapshots_are_equal(pair: Pair) -> None:
    nodes = pl.Series(["企业·无"])
    for day in DAYS:
        here, there = pair.here.snapshot(day, nodes), pair.there.snapshot(day, nodes)
        assert there.ids.equals(here.ids)
        assert there.kinds == here.kinds
        for kind in here.kinds:
            one, other = here.relation(kind), there.relation(kind)
            assert np.array_equal(one.weights.toarray(), other.weights.toarray())
            assert np.array_equal(one.edges.toarray(), other.edges.toarray())


@pytest.mark.parametrize("hub", [None, 1, 6, 200])
def test_expansions_are_equal(pair: Pair, hub: int | None) -> None:
    rng, hubs = np.random.default_rng(hub or 0), 0
    for here, there in islice(pair.views(), 0, None, 3):
        for size in (1, 3, len(pair.graph.ids)):
            asked = [str(party) for party in rng.choice(pair.graph.ids, size)]
            one, other = here.expand(asked, hub=hub), there.expand(asked, hub=hub)
            assert_frame_equal(other.edges, one.edges)
            assert dict(other.hubs) == dict(one.hubs)
            hubs += len(one.hubs)
    assert (hubs > 0) == (hub in {1, 6})


def test_what_views_say_of_parties_is_equal(pair: Pair) -> None:
    asked = pair.graph.ids[::-1]
    for here, there in pair.views():
        assert there.known(asked) == here.known(asked)
        assert_frame_equal(there.nodes(asked), here.nodes(asked))
        assert_frame_equal(there.scores(asked), here.scores(asked))
        assert (there.as_of, there.valid_on) == (here.as_of, here.valid_on)


def test_asking_for_nobody_returns_nothing(pair: Pair) -> None:
    for here, there in list(pair.views())[:1]:
        assert there.known([]) == here.known([]) == set()
        assert_frame_equal(there.expand([], hub=3).edges, here.expand([], hub=3).edges)
        assert_frame_equal(there.nodes([]), here.nodes([]))
        assert_frame_equal(there.scores([]), here.scores([]))


def test_portraits_are_equal(pair: Pair) -> None:
    shown = 0
    for (here, there), party in zip(pair.views(), pair.graph.ids[::2], strict=False):
        for hub, most in ((200, 500), (4, 12)):
            one, other = (_portrait(view, party, hub, most) for view in (here, there))
            assert other == one
            shown += isinstance(one, dict)
    assert shown > 10


def _portrait(view: GraphView, party: str, hub: int, most: int) -> dict[str, object] | str:
    try:
        found = portrait(view, party, hops=2, hub=hub, max_nodes=most)
    except UserError as problem:
        return problem.zh
    assert isinstance(found.graph, nx.MultiDiGraph)
    return found.to_json()


def test_riskiest_paths_are_equal(pair: Pair) -> None:
    found = 0
    here, there = pair.here.view(DAYS[4]), pair.there.view(DAYS[4])
    known = sorted(here.known(pair.graph.ids))
    for source, target in zip(known, known[5:], strict=False):
        one = [path.to_json() for path in riskiest_paths(here, source, target, hub=10)]
        assert [path.to_json() for path in riskiest_paths(there, source, target, hub=10)] == one
        found += len(one)
    assert found > 10


def test_what_becomes_known_later_changes_no_read_of_an_earlier_day(pair: Pair) -> None:
    day = DAYS[2]
    before = pair.there.edges(day).collect()
    later = before.head(5).with_columns(
        known_at=pl.lit(date(2030, 1, 1)), valid_from=pl.lit(day - timedelta(days=1)), amount=pl.lit(1.0)
    )
    assert pair.there.append(later) == pair.here.append(later) == later.height
    assert_frame_equal(pair.there.edges(day).collect(), before)
    assert_frame_equal(pair.there.statements().collect(), pair.here.statements().collect())
