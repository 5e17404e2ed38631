"""Open the SQLite file that holds ledger and API keys: WAL, full sync, one writer at a time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from serving.errors import LedgerUnavailableError

__all__ = ["Database", "api_keys", "decisions", "jobs", "kept_answers", "planner_overrides"]

_METADATA: Final = MetaData()

decisions: Final = Table(
    "decisions",
    _METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("decision_id", Text, nullable=False, unique=True),
    Column("recorded_at", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
Index("decisions_recorded_at", decisions.c.recorded_at)

api_keys: Final = Table(
    "api_keys",
    _METADATA,
    Column("key_id", Text, primary_key=True),
    Column("secret_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("companies", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("revoked_at", Text),
)

planner_overrides: Final = Table(
    "planner_overrides",
    _METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("action", Text, nullable=False),  # set, withdraw: a withdrawal is a row of its own
    Column("override_id", Text, nullable=False),
    Column("decision_id", Text, nullable=False, unique=True),  # the act's record in the chain
    Column("unique_id", Text, nullable=False),
    Column("org_id", Text),
    Column("level", Text),
    Column("freq", Text, nullable=False),
    Column("periods", Text),
    Column("kind", Text),
    Column("value", Float),
    Column("reason", Text, nullable=False),
    Column("until", Text),
    Column("name", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("run_id", Text),
    Column("model_figures", Text),
)
Index("planner_overrides_id", planner_overrides.c.override_id)

jobs: Final = Table(
    "jobs",
    _METADATA,
    Column("job_id", Text, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),  # the order of submission
    Column("decision_id", Text, nullable=False, unique=True),  # the submission's record in the chain
    Column("kind", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("key_name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("companies", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Float, nullable=False),
    Column("cancelled_at", Text),  # when it was asked to stop; a running one stops at its next step
    Column("worker", Text),
    Column("submitted_at", Text, nullable=False),
    Column("started_at", Text),
    Column("alive_at", Text),  # when its worker was last heard of
    Column("ended_at", Text),
    Column("answer_id", Text),
    Column("problem", Text),
)
Index("jobs_state", jobs.c.state, jobs.c.seq)

kept_answers: Final = Table(
    "kept_answers",
    _METADATA,
    Column("answer_id", Text, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column(
        "scope", Text, nullable=False
    ),  # what it is comparable with: the newest of a scope is "the last one"
    Column("companies", Text, nullable=False),  # whose figures are in it; a key must be for all of them
    Column("key_id", Text, nullable=False),
    Column("kept_at", Text, nullable=False),
    Column("body", Text, nullable=False),
)
Index("kept_answers_scope", kept_answers.c.scope, kept_answers.c.seq)

# The chain would show a change; these keep one from being made by mistake with a database client.
_APPEND_ONLY: Final = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for table in (decisions, planner_overrides)
    for verb in ("UPDATE", "DELETE")
)


class Database:
    """One SQLite file; several processes may hold it open at the same time."""

    def __init__(self, path: Path, *, wait_seconds: float = 2.0) -> None:
        self.path = path
        self._wait_seconds = wait_seconds
        self._inode = 0
        self._engine: Engine | None = None

    def open(self) -> None:
        """Create the file and its tables where they are missing."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Answers and key hashes are for the operator alone; SQLite gives its side files the same mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            engine = _engine(self.path, self._wait_seconds)
            with engine.begin() as connection:
                _METADATA.create_all(connection)
                for statement in _APPEND_ONLY:
                    connection.exec_driver_sql(statement)
            self._inode = self.path.stat().st_ino
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnavailableError(_reason(error)) from error
        self._engine = engine

    def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read transaction; database errors become LedgerUnavailableError."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a write transaction that no other process can be inside of, durable when left without error."""
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        try:
            engine = self._current()
            with engine.connect().execution_options(zhiheng_write=write) as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnavailableError(_reason(error)) from error

    def _current(self) -> Engine:
        if self._engine is None:
            self.open()
        # A commit to a file that was moved or deleted succeeds and is lost. A new file is not taken silently
        # either: it would begin a second chain, so an operator has to look and restart.
        elif self.path.stat().st_ino != self._inode:
            raise LedgerUnavailableError("file was replaced while in use; restart after checking it")
        if self._engine is None:
            raise LedgerUnavailableError("not open")
        return self._engine


def _engine(path: Path, wait_seconds: float) -> Engine:
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        hide_parameters=True,  # an error text must not carry what was asked about whom
        connect_args={"timeout": wait_seconds, "check_same_thread": False},
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _on_begin
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # NORMAL could lose the last commits with the power


def _on_begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock before the head of the chain is read, so two writers cannot both follow it.
    write = connection.get_execution_options().get("zhiheng_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _reason(error: Exception) -> str:
    """Name the fault without paths or values."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorname", type(cause).__name__)
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause).__name__
