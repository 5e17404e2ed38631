"""What a store over Bolt promises of loads: all or none is seen, breaks are taken up, nothing is rewritten."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from graph.bolt.connection import Row, Run
from graph.edges import EDGE_KEY
from graph.errors import (
    EdgeTableError,
    GraphChangedError,
    LoadRunningError,
    LoadTakenOverError,
    PartyTableError,
    StatementConflictError,
    UnfinishedLoadError,
)
from graph.neo4j_store import BoltConnection, Neo4jStore
from graph.parties import SCORE_KEY
from tests.parity.conftest import Address
from tests.parity.random_graphs import DAYS, random_graph

pytestmark = pytest.mark.slow

T = TypeVar("T")
GRAPH = random_graph(7, parties=20, edges=60)
EDGES = GRAPH.edges.sort(EDGE_KEY)


class Killed(BaseException):
    """Stands for the end of the process: nothing below catches it to tidy up over the connection."""


class Breaking:
    """A connection that breaks off before the writing transaction of a number, and lets nothing through after it."""

    def __init__(self, connection: BoltConnection, writes: int) -> None:
        self.uri = connection.uri
        self._connection = connection
        self._left = writes

    def ask(self, text: str, given: Mapping[str, object]) -> list[Row]:
        return self._connection.ask(text, given)

    def read(self, work: Callable[[Run], T], *, bulk: bool = False) -> T:
        return self._connection.read(work, bulk=bulk)

    def write(self, work: Callable[[Run], T]) -> T:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return self._connection.write(work)

    def define(self, text: str) -> None:
        self._connection.define(text)


def load_until(connection: BoltConnection, writes: int, table: pl.DataFrame = EDGES) -> None:
    with pytest.raises(Killed):
        Neo4jStore(Breaking(connection, writes), lease=0, batch=9).append(table)


def counted(connection: BoltConnection, query: str) -> int:
    [[count]] = connection.read(lambda run: run(query, {}))
    return int(str(count))


def held(connection: BoltConnection) -> int:
    return counted(connection, "MATCH (:Party)-[r]->(:Party) RETURN count(r)")


def test_appending_twice_changes_nothing(remote: Neo4jStore) -> None:
    assert remote.append(EDGES) == EDGES.height
    assert remote.append(EDGES.sample(fraction=1.0, shuffle=True, seed=1)) == 0
    assert remote.append(EDGES[:3]) == 0
    assert_frame_equal(remote.statements().collect(), EDGES)


def test_two_sessions_write_each_row_once(connection: BoltConnection, remote: Neo4jStore) -> None:
    many = random_graph(3, parties=300, edges=1800).edges
    assert many.height > 2000  # fewer go through one session
    assert remote.append(many) == many.height == held(connection)
    assert_frame_equal(remote.statements().collect(), many.sort(EDGE_KEY))


@pytest.mark.parametrize("writes", [2, 4, 9])
def test_a_load_that_broke_off_is_not_read_and_goes_on_where_it_was(
    connection: BoltConnection, remote: Neo4jStore, writes: int
) -> None:
    assert remote.append(EDGES[:10]) == 10
    view = remote.view(DAYS[3])
    load_until(connection, writes)
    there = held(connection)
    assert 10 <= there < EDGES.height
    reads: list[Callable[[], object]] = [
        remote.statements,
        lambda: remote.edges(DAYS[3]),
        lambda: remote.snapshot(DAYS[3]),
        lambda: remote.parties(DAYS[3]),
        lambda: remote.scores(DAYS[3]),
        remote.records,
        remote.every_score,
        remote.last_known,
        lambda: view.expand(["P1"], hub=None),
        lambda: view.known(["P1"]),
        lambda: view.nodes(["P1"]),
        lambda: view.scores(["P1"]),
    ]
    for read in reads:
        with pytest.raises(UnfinishedLoadError, match="zhiheng graph push"):
            read()
    assert remote.append(EDGES.reverse()) == EDGES.height - there
    assert_frame_equal(remote.statements().collect(), EDGES)


def test_a_load_killed_before_its_first_batch_leaves_the_graph_readable(
    connection: BoltConnection, remote: Neo4jStore
) -> None:
    remote.append(EDGES[:10])
    load_until(connection, 1)
    assert remote.statements().collect().height == 10
    assert remote.append(EDGES) == EDGES.height - 10


def test_another_load_takes_back_one_that_broke_off(connection: BoltConnection, remote: Neo4jStore) -> None:
    before = EDGES.head(40).with_columns(retracted_at=pl.lit(None, dtype=pl.Date))
    remote.append(before)
    closed, writes = 0, 4
    while closed == 0:  # statements are closed last
        load_until(connection, writes, EDGES)
        writes = 8
        closed = counted(connection, "MATCH ()-[r]->() WHERE r.closed_by IS NOT NULL RETURN count(r)")
    assert held(connection) > before.height
    other = random_graph(8, parties=10, edges=5).edges.with_columns(edge_id="other-" + pl.col("edge_id"))
    assert remote.append(other) == other.height
    assert_frame_equal(remote.statements().collect(), pl.concat([before, other]).sort(EDGE_KEY))


def test_pushing_records_again_leaves_the_half_of_the_statements(
    connection: BoltConnection, remote: Neo4jStore
) -> None:
    remote.append_parties(GRAPH.parties)
    load_until(connection, 6)
    there = held(connection)
    assert there > 0
    assert remote.append_parties(GRAPH.parties) == 0
    assert held(connection) == there
    assert remote.append(EDGES) == EDGES.height - there


def test_a_writer_that_is_at_work_is_not_disturbed(connection: BoltConnection, remote: Neo4jStore) -> None:
    load_until(connection, 4)
    with pytest.raises(LoadRunningError):
        Neo4jStore(connection, lease=600).append(EDGES[:5])
    assert Neo4jStore(connection, lease=600).append(EDGES) > 0
    assert remote.statements().collect().height == EDGES.height


def test_a_writer_whose_load_was_taken_over_writes_no_more(
    connection: BoltConnection, remote: Neo4jStore
) -> None:
    class TakenOver(Breaking):
        def write(self, work: Callable[[Run], T]) -> T:
            self._left -= 1
            if self._left == 0:
                remote.append(EDGES)
            return self._connection.write(work)

    with pytest.raises(LoadTakenOverError):
        Neo4jStore(TakenOver(connection, 6), lease=0, batch=9).append(EDGES)
    assert_frame_equal(remote.statements().collect(), EDGES)


def test_a_view_does_not_mix_two_states(remote: Neo4jStore) -> None:
    remote.append(EDGES[:10])
    view = remote.view(DAYS[3])
    view.known(GRAPH.ids)
    remote.append(EDGES)
    with pytest.raises(GraphChangedError):
        view.expand(GRAPH.ids, hub=None)
    assert remote.view(DAYS[3]).known(GRAPH.ids)


def test_a_read_that_a_load_runs_into_is_done_again(connection: BoltConnection, remote: Neo4jStore) -> None:
    remote.append(EDGES[:10])

    class Interrupted:
        uri = connection.uri
        waiting = True

        def read(self, work: Callable[[Run], T], *, bulk: bool = False) -> T:
            def interrupted(run: Run) -> T:
                def slowly(text: str, given: Mapping[str, object]) -> list[Row]:
                    if self.waiting and "edge_id" in text:
                        self.waiting = False
                        remote.append(EDGES)
                    return run(text, given)

                return work(slowly)

            return connection.read(interrupted, bulk=bulk)

        def ask(self, text: str, given: Mapping[str, object]) -> list[Row]:
            return connection.ask(text, given)

        def write(self, work: Callable[[Run], T]) -> T:
            return connection.write(work)

        def define(self, text: str) -> None:
            connection.define(text)

    assert_frame_equal(Neo4jStore(Interrupted()).statements().collect(), EDGES)


def test_a_later_retraction_closes_a_statement_once(remote: Neo4jStore) -> None:
    before = EDGES.with_columns(retracted_at=pl.lit(None, dtype=pl.Date))
    remote.append(before)
    closing = EDGES.filter(pl.col("retracted_at").is_not_null())
    assert remote.append(closing) == closing.height
    assert remote.append(closing) == 0
    assert remote.append(before) == 0  # says less, not otherwise
    assert_frame_equal(remote.statements().collect(), EDGES)


@pytest.mark.parametrize(
    ("column", "value"),
    [("amount", 123.0), ("valid_to", date(2030, 1, 1)), ("direct", True), ("retracted_at", None)],
)
def test_a_statement_is_never_rewritten(remote: Neo4jStore, column: str, value: object) -> None:
    stored = EDGES.with_columns(
        amount=pl.lit(1.0), direct=pl.lit(value=False), valid_to=pl.lit(None, dtype=pl.Date),
        retracted_at=pl.lit(date(2029, 1, 1)),
    )  # fmt: skip
    remote.append(stored[:20])
    later = pl.lit(date(2029, 5, 5)) if value is None else pl.lit(value)
    spoilt = stored.with_columns(
        pl.when(pl.col("edge_id") == stored["edge_id"][5]).then(later).otherwise(column).alias(column)
    )
    with pytest.raises(StatementConflictError) as refused:
        remote.append(spoilt)
    assert refused.value.columns == [column]
    assert_frame_equal(remote.statements().collect(), stored[:20])


def test_a_stored_edge_keeps_its_ends(remote: Neo4jStore) -> None:
    remote.append(EDGES)
    moved = EDGES[:1].with_columns(dst=pl.lit("Z"), known_at=pl.lit(date(2029, 1, 1)))
    with pytest.raises(EdgeTableError, match="dst"):
        remote.append(moved)
    other_kind = EDGES[:1].with_columns(kind=pl.lit("controls"), known_at=pl.lit(date(2029, 1, 1)))
    with pytest.raises(EdgeTableError, match="kind"):
        remote.append(other_kind)
    assert_frame_equal(remote.statements().collect(), EDGES)


def test_versions_of_records_are_only_added(connection: BoltConnection, remote: Neo4jStore) -> None:
    parties = GRAPH.parties
    assert remote.append_parties(parties[:9]) == 9
    assert remote.append_parties(parties) == parties.height - 9
    assert remote.append_parties(parties) == 0
    with pytest.raises(PartyTableError):
        remote.append_parties(parties[:1].with_columns(name=pl.lit("别的名称")))
    assert remote.records().height == parties.height
    shown = connection.read(
        lambda run: run("MATCH (p:Party) RETURN p.party_id, p.kind, p.name ORDER BY p.party_id", {})
    )
    current = remote.parties(date.max).select("party_id", "kind", "name")
    assert [tuple(row) for row in shown] == current.rows()


def test_scores_are_replaced_and_a_broken_replacement_is_taken_back(
    connection: BoltConnection, remote: Neo4jStore
) -> None:
    scores = GRAPH.scores
    assert remote.write_scores(scores) == scores.height
    assert remote.write_scores(scores) == 0
    changed = scores.with_columns(value=pl.col("value") / 2)
    with pytest.raises(Killed):
        Neo4jStore(Breaking(connection, 4), lease=0, batch=5).write_scores(changed)
    with pytest.raises(UnfinishedLoadError):
        remote.every_score()
    assert remote.append(EDGES) == EDGES.height
    assert_frame_equal(remote.every_score(), scores.sort(SCORE_KEY))
    assert remote.write_scores(changed[:7]) == 7
    assert remote.write_scores(changed) == scores.height - 7
    assert_frame_equal(remote.every_score(), changed.sort(SCORE_KEY))


def test_clearing_can_be_broken_off(connection: BoltConnection, remote: Neo4jStore) -> None:
    remote.append(EDGES)
    with pytest.raises(Killed):
        Neo4jStore(Breaking(connection, 8), lease=0).clear()
    with pytest.raises(UnfinishedLoadError):
        remote.statements()
    assert remote.append(EDGES[:4]) == 4
    assert_frame_equal(remote.statements().collect(), EDGES[:4])
    remote.clear()
    assert remote.statements().collect().is_empty()
    assert remote.last_known() is None


def test_an_empty_database_reads_as_an_empty_graph(remote: Neo4jStore, server: Address) -> None:
    with server.connection() as opened:
        fresh = Neo4jStore(opened)
        assert fresh.statements().collect().is_empty()
        assert fresh.edges(DAYS[3]).collect().is_empty()
        assert fresh.last_known() is None
        assert fresh.snapshot(DAYS[3]).parties == 0
        assert fresh.view(DAYS[3]).known(["P1"]) == set()
    assert remote.append(EDGES[:0]) == 0
