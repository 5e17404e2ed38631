"""The database that holds ledger, keys and jobs: a SQLite file, or PostgreSQL by its address."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

from pydantic import SecretStr
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from serving.ledger.engines import fault, postgresql_engine, sqlite_engine
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.schema import is_current, upgrade

__all__ = ["Database"]


class Database:
    """One database; several processes, with PostgreSQL on several hosts, may hold it open at the same time.

    Without `url` it is the file at `path`; with it the file is not touched.
    """

    def __init__(self, path: Path, *, url: SecretStr | None = None, wait_seconds: float = 2.0) -> None:
        self.path = path
        self.url = url
        self._wait_seconds = wait_seconds
        self._inode = 0
        self._engine: Engine | None = None
        self._opening = threading.Lock()

    def open(self) -> None:
        """Make the tables, or bring them to their newest form. Raises LedgerUnavailableError."""
        with self._opening:
            if self._engine is not None:
                return
            try:
                engine = self._prepared()
            except OSError as error:
                raise LedgerUnavailableError(fault(error)) from error
            try:
                _bring_up(engine)
                self._inode = 0 if self.url else self.path.stat().st_ino
            except (SQLAlchemyError, OSError) as error:
                engine.dispose()
                raise LedgerUnavailableError(fault(error)) from error
            except BaseException:
                engine.dispose()
                raise
            self._engine = engine

    def close(self) -> None:
        """Give the connections back."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read transaction, one view of the data; database errors become LedgerUnavailableError."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a write transaction that no other process can be inside of, durable when left without error."""
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def bare(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection to the file outside of any transaction, for what SQLite alone knows."""
        try:
            with closing(self._current().raw_connection()) as lent:
                yield cast("sqlite3.Connection", lent.driver_connection)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise LedgerUnavailableError(fault(error)) from error

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        try:
            engine = self._current()
            with engine.connect().execution_options(zhiheng_write=write) as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise LedgerUnavailableError(fault(error)) from error

    def _prepared(self) -> Engine:
        if self.url is not None:
            return postgresql_engine(self.url.get_secret_value(), self._wait_seconds)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Answers and key hashes are for the operator alone; SQLite gives its side files the same mode.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        return sqlite_engine(self.path, self._wait_seconds)

    def _current(self) -> Engine:
        if self._engine is None:
            self.open()
        # A commit to a file that was moved or deleted succeeds and is lost. A new file is not taken silently
        # either: it would begin a second chain, so an operator has to look and restart.
        elif self.url is None and self.path.stat().st_ino != self._inode:
            raise LedgerUnavailableError("file was replaced while in use; restart after checking it")
        if self._engine is None:
            raise LedgerUnavailableError("not open")
        return self._engine


def _bring_up(engine: Engine) -> None:
    with engine.connect().execution_options(zhiheng_write=False) as connection, connection.begin():
        if is_current(connection):
            return
    with engine.connect() as connection, connection.begin():
        upgrade(connection)
