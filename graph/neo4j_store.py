"""The store behind a graph server (Neo4j, or another that speaks Bolt and openCypher)."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import urlsplit

import polars as pl

from graph.additions import new_parties, new_statements
from graph.bolt.connection import Connection, Row, Run, read_whole
from graph.bolt.cypher import (
    BEGUN,
    CLEAR,
    COUNT_PARTIES,
    COUNT_STATEMENTS,
    CREATE_PARTIES,
    CURRENT_RECORDS,
    LANES,
    MERGE_PARTIES,
    NEWEST_DAYS,
    NEWEST_SCORE,
    PROPERTIES,
    RECORDS,
    RECORDS_OF,
    SCHEMA,
    SCORES,
    STATEMENTS,
    WRITE_RECORDS,
    WRITE_SCORES,
    close_statements,
    create_statements,
    edge_index,
    statements_of,
)
from graph.bolt.frames import edge_frame, frame_of, parameters
from graph.bolt.loads import CLEARING, Addition, Batch, claimed, digest, in_lanes, progress
from graph.bolt.view import BoltView
from graph.edges import EDGE_KEY, EdgeFrame, checked_edges, visible
from graph.errors import (
    GraphDatabaseMissingError,
    GraphQueryError,
    GraphServerAddressError,
    GraphServerDownError,
    GraphServerPasswordError,
    GraphServerSlowError,
)
from graph.parties import (
    PARTY_KEY,
    PARTY_SCHEMA,
    SCORE_KEY,
    SCORE_SCHEMA,
    checked_parties,
    checked_scores,
    parties_as_of,
    scores_as_of,
)
from graph.snapshot import Snapshot

if TYPE_CHECKING:
    from neo4j import Driver

__all__ = ["BoltConnection", "Neo4jStore", "TimeLimits"]

T = TypeVar("T")

_SCHEMES: Final = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
_BATCH: Final = 10_000
_EDGE_IDS: Final = 5_000
_COUNTS_KEPT: Final = 100_000


@dataclass(frozen=True)
class TimeLimits:
    """Seconds allowed to connect, to answer a question, to write a batch or read a table, and to try again."""

    connect: float = 5.0
    question: float = 30.0
    bulk: float = 600.0
    retry: float = 15.0


class BoltConnection:
    """A database behind a graph server; a context manager that closes what it opened."""

    def __init__(
        self,
        uri: str,
        *,
        user: str,
        password: str,
        database: str = "neo4j",
        limits: TimeLimits | None = None,
    ) -> None:
        """Prepare a connection; nothing is sent before the first question. Raises GraphServerAddressError."""
        self.uri = _checked_uri(uri)
        self.user = user
        self.database = database
        self.limits = limits or TimeLimits()
        self._driver = _driver(uri, user, password, self.limits)
        self._verified = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the server."""
        self._driver.close()

    def read(self, work: Callable[[Run], T], *, bulk: bool = False) -> T:
        """Do work in one reading transaction; raises the errors of `graph.bolt.connection.Connection`."""
        return self._in_transaction(work, self.limits.bulk if bulk else self.limits.question, write=False)

    def ask(self, text: str, given: Mapping[str, object]) -> list[Row]:
        """Ask one reading question without a transaction around it, which would be two more messages."""
        import neo4j  # noqa: PLC0415

        with self._told(self.limits.question):
            self._verify()
            reading = {"database": self.database, "default_access_mode": neo4j.READ_ACCESS}
            try:
                with self._driver.session(**reading) as session:
                    found: list[Row] = session.run(
                        neo4j.Query(text, timeout=self.limits.question), dict(given)
                    ).values()
                    return found
            except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError) as problem:
                if not problem.is_retryable():
                    raise
        return self.read(lambda run: run(text, given))

    def write(self, work: Callable[[Run], T]) -> T:
        """Do work in one writing transaction; raises the errors of `graph.bolt.connection.Connection`."""
        return self._in_transaction(work, self.limits.bulk, write=True)

    def define(self, text: str) -> None:
        """Run a statement about the schema by itself."""
        with self._told(self.limits.bulk):
            self._verify()
            with self._driver.session(database=self.database) as session:
                session.run(text).consume()

    def _in_transaction(self, work: Callable[[Run], T], seconds: float, *, write: bool) -> T:
        import neo4j  # noqa: PLC0415  # imports pandas where there is one, 1.4 s

        @neo4j.unit_of_work(timeout=seconds)
        def unit(transaction: neo4j.ManagedTransaction) -> T:
            return work(lambda text, given: transaction.run(text, dict(given)).values())

        with self._told(seconds):
            self._verify()
            with self._driver.session(database=self.database) as session:
                result: T = session.execute_write(unit) if write else session.execute_read(unit)
                return result

    def _verify(self) -> None:
        # The first question finds out at once what is wrong; later ones try again for `limits.retry`.
        if not self._verified:
            with self._driver.session(database=self.database) as session:
                session.run("RETURN 1").consume()
            self._verified = True

    @contextmanager
    def _told(self, seconds: float) -> Iterator[None]:
        """Raise what the driver and the server report as errors a user can act on."""
        from neo4j import exceptions  # noqa: PLC0415

        try:
            yield
        except exceptions.Neo4jError as problem:
            code, text = str(problem.code or ""), str(problem.message or problem)
            if ".Security." in code:
                raise GraphServerPasswordError(self.uri, self.user) from problem
            if code.endswith("DatabaseNotFound") or "DatabaseNotFound" in text:
                raise GraphDatabaseMissingError(self.uri, self.database) from problem
            if "TransactionTimedOut" in code:
                raise GraphServerSlowError(self.uri, seconds) from problem
            raise GraphQueryError(self.uri, f"{code} {text}".strip()) from problem
        except (exceptions.ServiceUnavailable, exceptions.SessionExpired) as problem:
            raise GraphServerDownError(self.uri, _first_line(problem)) from problem
        except exceptions.DriverError as problem:
            raise GraphQueryError(self.uri, _first_line(problem)) from problem


def _driver(uri: str, user: str, password: str, limits: TimeLimits) -> "Driver":
    from neo4j import GraphDatabase  # noqa: PLC0415
    from neo4j.exceptions import ConfigurationError  # noqa: PLC0415

    # A young graph lacks most properties that queries name, and the server would say so at every one; two sessions that
    # load may wait for each other, which the driver resolves by trying again.
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    try:
        return GraphDatabase.driver(
            uri,
            auth=(user, password),
            connection_timeout=limits.connect,
            connection_acquisition_timeout=limits.connect + limits.question,
            max_transaction_retry_time=limits.retry,
            max_connection_pool_size=2 * LANES + 8,
            keep_alive=True,
        )
    except (ConfigurationError, ValueError) as problem:
        raise GraphServerAddressError(uri, _first_line(problem)) from problem


def _checked_uri(uri: str) -> str:
    """Return the address, or raise GraphServerAddressError; credentials in it are not repeated."""
    parts = urlsplit(uri)
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if "@" in parts.netloc:
        raise GraphServerAddressError(shown, "user and password are settings of their own")
    if parts.scheme not in _SCHEMES:
        raise GraphServerAddressError(shown, f"not one of {', '.join(_SCHEMES)}")
    try:
        known = parts.hostname is not None and parts.port != 0
    except ValueError as problem:
        raise GraphServerAddressError(shown, _first_line(problem)) from problem
    if not known:
        raise GraphServerAddressError(shown, "no host or port")
    return uri


def _first_line(problem: Exception) -> str:
    return str(problem).partition("\n")[0] or type(problem).__name__


class Neo4jStore:
    """A `graph.store.GraphStore` behind a graph server.

    Every node of the graph is a `(:Party {party_id})`, every statement one relationship whose type is its kind in
    upper case; records and scores are nodes `PartyRecord` and `Score`. While a load is unfinished every read raises
    UnfinishedLoadError; the same write again goes on where it broke off, another one takes it back first. All methods
    raise the GraphServerError that says what is wrong with the server.

    `lease` is how many seconds a writer may be silent before another one may take its unfinished load back.
    """

    def __init__(self, connection: Connection, *, lease: float = 60.0, batch: int = _BATCH) -> None:
        self._connection = connection
        self._lease = lease
        self._batch = batch
        self._prepared = False
        self._counts: dict[tuple[int, date, date, str], int] = {}

    def append(self, edges: EdgeFrame) -> int:
        """Write the statements that are new or newly retracted; see `graph.store.GraphStore`."""
        table = checked_edges(edges)
        written = self._write("edges", table, lambda: self._new_statements(table))
        # Filled after a load rather than row by row during it; what a load needs stands in the schema.
        for kind in table["kind"].unique().sort() if written else ():
            self._connection.define(edge_index(kind))
        return written

    def append_parties(self, parties: pl.DataFrame) -> int:
        """Write the versions of party records (PARTY_SCHEMA) that are new and return how many there were."""
        table = checked_parties(parties)
        return self._write("parties", table, lambda: self._new_parties(table))

    def write_scores(self, scores: pl.DataFrame) -> int:
        """Write the scores that are new or have another value (SCORE_SCHEMA); return how many there were."""
        table = checked_scores(scores)
        return self._write("scores", table, lambda: self._new_scores(table))

    def clear(self) -> None:
        """Remove every statement, record and score, also those of a load that broke off."""
        self._prepare()
        with claimed(self._connection, CLEARING, lease=self._lease) as load:
            for text in CLEAR:
                load.repeat(text)

    def last_known(self) -> date | None:
        """Return the newest day on which anything became known or was retracted; None while there is no statement."""

        def work(run: Run) -> list[object]:
            [days], [scored] = run(NEWEST_DAYS, {}), run(NEWEST_SCORE, {})
            return [] if days[0] is None else [*days, *scored]

        days = read_whole(self._connection, work, bulk=True)
        return max((date.fromisoformat(str(day)) for day in days if day is not None), default=None)

    def records(self) -> pl.DataFrame:
        """Return every version of the party records (PARTY_SCHEMA), sorted by key."""
        rows = read_whole(self._connection, lambda run: run(RECORDS, {}), bulk=True)
        return frame_of(rows, PARTY_SCHEMA).sort(PARTY_KEY)

    def every_score(self) -> pl.DataFrame:
        """Return all scores written back (SCORE_SCHEMA), sorted by party, name, date and model."""
        rows = read_whole(self._connection, lambda run: run(SCORES, {}), bulk=True)
        return frame_of(rows, SCORE_SCHEMA).sort(SCORE_KEY)

    def statements(self) -> pl.LazyFrame:
        """Return every statement once, with its retraction if it has one, sorted by edge_id and known_at."""
        return self._whole(STATEMENTS, {}).sort(EDGE_KEY).lazy()

    def edges(self, as_of: date, valid_on: date | None = None) -> pl.LazyFrame:
        """Return the statements that speak on a date, at most one per edge (see `graph.edges.visible`), sorted."""
        begun = self._whole(BEGUN, {"as_of": as_of, "day": valid_on or as_of})
        return visible(begun, as_of, valid_on).sort("edge_id").collect().lazy()

    def parties(self, as_of: date) -> pl.DataFrame:
        """Return the latest record of each party known on the date [party_id, kind, name, credit_code], sorted."""
        return parties_as_of(self.records(), as_of)

    def scores(self, as_of: date) -> pl.DataFrame:
        """Return the latest score of each party and name as of the date (SCORE_SCHEMA), sorted."""
        return scores_as_of(self.every_score(), as_of)

    def snapshot(self, as_of: date, nodes: pl.Series | None = None) -> Snapshot:
        """Return the graph as of a date; `nodes` adds parties that may have no edge."""
        return Snapshot.from_edges(self.edges(as_of), as_of=as_of, nodes=nodes)

    def view(self, as_of: date, valid_on: date | None = None) -> BoltView:
        """Return the graph as of a date for questions about single parties."""
        if len(self._counts) > _COUNTS_KEPT:
            self._counts.clear()
        return BoltView(self._connection, as_of=as_of, valid_on=valid_on or as_of, counts=self._counts)

    def _prepare(self) -> None:
        if not self._prepared:
            for text in SCHEMA:
                self._connection.define(text)
            self._prepared = True

    def _write(self, name: str, table: pl.DataFrame, add: Callable[[], Addition]) -> int:
        """Write what a table adds; what adds nothing claims nothing, so it leaves the loads of others alone."""
        self._prepare()
        before = self._connection.read(progress)
        addition = None if before.touches(name) else add()
        if addition is not None and not addition.rows:
            return 0
        with claimed(self._connection, digest(name, table), lease=self._lease) as load:
            if addition is None or load.number != before.number + 1:
                addition = add()
            for phase in addition.phases:
                load.write(phase)
        return addition.rows

    def _new_statements(self, table: pl.DataFrame) -> Addition:
        stored = self._stored(table)
        fresh = new_statements(stored, table)
        closing = fresh.join(stored, on=EDGE_KEY, how="semi", maintain_order="left")
        new = fresh.join(stored, on=EDGE_KEY, how="anti", maintain_order="left")
        ends = pl.concat([new["src"].alias("party_id"), new["dst"].alias("party_id")]).unique().sort()
        young = self._connection.read(lambda run: run(COUNT_PARTIES, {})) == [[0]]
        parties = CREATE_PARTIES if young else MERGE_PARTIES
        phases = [
            [self._batches(parties, lane) for lane in in_lanes(ends.to_frame(), "party_id")],
            [self._creations(lane) for lane in in_lanes(new, "src")],
            [self._closings(closing)],
        ]
        return Addition(fresh.height, phases)

    def _new_parties(self, table: pl.DataFrame) -> Addition:
        stored = self._records(table)
        fresh = new_parties(stored, table)
        known = pl.concat([stored, fresh]).join(fresh, on="party_id", how="semi")
        current = parties_as_of(known, date.max)
        phases = [
            [self._batches(text, lane) for lane in in_lanes(frame, "party_id")]
            for text, frame in ((WRITE_RECORDS, fresh), (CURRENT_RECORDS, current))
        ]
        return Addition(fresh.height, phases)

    def _new_scores(self, table: pl.DataFrame) -> Addition:
        stored = frame_of(self._connection.read(lambda run: run(SCORES, {}), bulk=True), SCORE_SCHEMA)
        fresh = table.join(stored, on=SCORE_SCHEMA.names(), how="anti")
        return Addition(
            fresh.height, [[self._batches(WRITE_SCORES, lane) for lane in in_lanes(fresh, "party_id")]]
        )

    def _whole(self, text: str, given: Mapping[str, object]) -> pl.DataFrame:
        return edge_frame(read_whole(self._connection, lambda run: run(text, given), bulk=True))

    def _stored(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return the stored statements of the edges a table speaks of, a load in part included."""

        def work(run: Run) -> pl.DataFrame:
            counts = {kind: int(str(run(text, {})[0][0])) for kind, text in COUNT_STATEMENTS.items()}
            ids = table["edge_id"].unique(maintain_order=True)
            if len(ids) * 4 > sum(counts.values()) > 0:
                return edge_frame(run(STATEMENTS, {}))
            rows: list[Row] = []
            for kind in (kind for kind, count in counts.items() if count):
                for start in range(0, len(ids), _EDGE_IDS):
                    some = ids.slice(start, _EDGE_IDS).to_list()
                    rows += run(statements_of(kind), {"edge_ids": some})
            return edge_frame(rows)

        return self._connection.read(work, bulk=True).join(table, on="edge_id", how="semi")

    def _records(self, table: pl.DataFrame) -> pl.DataFrame:
        ids = table["party_id"].unique(maintain_order=True)

        def work(run: Run) -> pl.DataFrame:
            if len(ids) > _EDGE_IDS:
                return frame_of(run(RECORDS, {}), PARTY_SCHEMA)
            [[rows]] = run(RECORDS_OF, {"party_ids": ids.to_list()})
            return frame_of(rows if isinstance(rows, list) else [], PARTY_SCHEMA)

        return self._connection.read(work, bulk=True).join(table, on="party_id", how="semi")

    def _batches(self, text: str, frame: pl.DataFrame) -> Iterator[Batch]:
        for start in range(0, frame.height, self._batch):
            yield Batch(text, parameters(frame.slice(start, self._batch)))

    def _creations(self, frame: pl.DataFrame) -> Iterator[Batch]:
        for (kind,), part in frame.sort("kind", "src", *EDGE_KEY).group_by("kind", maintain_order=True):
            for rows in part.iter_slices(self._batch):
                given = [column for column in PROPERTIES if rows[column].null_count() < rows.height]
                yield Batch(
                    create_statements(str(kind), given), parameters(rows.select("src", "dst", *given))
                )

    def _closings(self, frame: pl.DataFrame) -> Iterator[Batch]:
        for (kind,), part in frame.group_by("kind", maintain_order=True):
            columns = part.select("src", "dst", *EDGE_KEY, "retracted_at")
            yield from self._batches(close_statements(str(kind)), columns)
