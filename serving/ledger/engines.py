"""How SQLite and PostgreSQL are opened, what makes a commit durable on each, and what their errors may tell."""

import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from serving.ledger.errors import LedgerUnavailableError

__all__ = ["fault", "postgresql_engine", "sqlite_engine"]

# All writers, whatever their host, stand in one line; the number is our own and means nothing.
_WRITERS: Final = 0x5A48_4845_4E47
_CONNECT_SECONDS: Final = 5
# Beside the five that are kept: so many as threads of a worker may ask at once, so that no commit waits behind a list.
_OVERFLOW: Final = 20
_STATEMENT_SECONDS: Final = 30
_LOST_HOST_SECONDS: Final = 15
# 64 MB, for what `write_ahead` leaves behind: SQLite empties its log within a commit, which takes 50 ms where others take one.
_CHECKPOINT_PAGES: Final = 16_000
# SQLite's own 2 MB would fill slowly in each of some ten connections: 18 MB more after minutes of load. The system keeps the pages anyway.
_CACHE_KIB: Final = 512


def sqlite_engine(path: Path, wait_seconds: float) -> Engine:
    """Return connections to a file: WAL, full sync, one writer at a time."""
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        hide_parameters=True,  # an error text must not carry what was asked about whom
        # The one that was given back last: SQLite forgets its pages where another connection has written meanwhile.
        pool_use_lifo=True,
        max_overflow=_OVERFLOW,
        connect_args={"timeout": wait_seconds, "check_same_thread": False},
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def postgresql_engine(url: str, wait_seconds: float) -> Engine:
    """Return connections to a server. Raises LedgerUnavailableError where the address is none; it is never repeated."""
    try:
        place = make_url(url)
    except ArgumentError:
        raise LedgerUnavailableError("ZHIHENG_DATABASE_URL is not an address") from None
    if place.get_backend_name() not in ("postgresql", "postgres"):
        raise LedgerUnavailableError("ZHIHENG_DATABASE_URL must begin with postgresql://")
    try:
        engine = create_engine(
            place.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
            hide_parameters=True,
            max_overflow=_OVERFLOW,
            pool_pre_ping=True,  # after a restart of the server the next call works, not the one after it
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "options": _session(wait_seconds, place.query.get("options", "")),
                **_keepalive(),
            },
        )
    except ImportError:
        raise LedgerUnavailableError("psycopg is not installed; install zhiheng[postgres]") from None
    event.listen(engine, "begin", _on_postgresql_begin)
    return engine


def fault(error: Exception) -> str:
    """Name the fault without paths, addresses or values."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorname", type(cause).__name__)
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    state = getattr(cause, "sqlstate", None)
    if type(cause).__module__.startswith("psycopg"):
        return f"PostgreSQL {type(cause).__name__} {state}" if state else "PostgreSQL cannot be reached"
    return type(cause).__name__


def _session(wait_seconds: float, given: str | tuple[str, ...]) -> str:
    """Return what holds for every connection, whatever the server's own defaults and the address's options are."""
    own = given if isinstance(given, str) else " ".join(given)
    settings = {
        "synchronous_commit": "on",  # off would lose acknowledged records when the server crashes
        "lock_timeout": f"{int(wait_seconds * 1000)}ms",
        "statement_timeout": f"{_STATEMENT_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{_STATEMENT_SECONDS}s",  # a writer that hangs gives its place free
        "tcp_keepalives_idle": "5",  # and one whose host is gone, too
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "2",
        "timezone": "UTC",
    }
    return " ".join([own, *(f"-c {name}={value}" for name, value in settings.items())]).strip()


def _keepalive() -> dict[str, int]:
    return {
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": _LOST_HOST_SECONDS * 1000,
    }


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("zhiheng_write", True))


def _on_connect(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _on_sqlite_begin
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # NORMAL could lose the last commits with the power
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")


def _on_sqlite_begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock before the head of the chain is read, so two writers cannot both follow it.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _on_postgresql_begin(connection: Connection) -> None:
    # Held until the transaction ends. What is read after it is what the writer before has committed.
    if _writes(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
