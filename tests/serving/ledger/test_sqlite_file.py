"""A file that is locked, full, moved, replaced or no database at all stops records, and is never made anew."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError


def record(number: int, **fields: Json) -> dict[str, Json]:
    return {"decision_id": f"d{number}", "recorded_at": f"2026-11-01T00:00:{number:02}+00:00", **fields}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    database = Database(path, wait_seconds=0.1)
    database.open()
    yield Ledger(database)
    database.close()


def test_locked_ledger_is_unavailable_and_recovers(path: Path, ledger: Ledger) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailableError, match="SQLITE_BUSY"):
        ledger.append([record(1)])
    other.execute("ROLLBACK")
    other.close()
    ledger.append([record(1)])
    assert ledger.verify().rows == 1


def test_ledger_that_was_moved_away_is_unavailable(path: Path, ledger: Ledger) -> None:
    ledger.append([record(1)])
    path.rename(path.with_name("away.db"))
    with pytest.raises(LedgerUnavailableError, match="No such file"):
        ledger.append([record(2)])
    assert not path.exists()


def test_ledger_that_was_replaced_is_unavailable(path: Path, ledger: Ledger) -> None:
    ledger.append([record(1)])
    path.rename(path.with_name("away.db"))
    fresh = Database(path)
    fresh.open()
    fresh.close()
    with pytest.raises(LedgerUnavailableError, match="replaced"):
        ledger.append([record(2)])


def test_full_ledger_is_unavailable(path: Path, ledger: Ledger) -> None:
    with ledger._database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(LedgerUnavailableError, match="SQLITE_FULL"):
        ledger.append([record(number, filler="x" * 4000) for number in range(10)])
    assert ledger.verify().rows == 0


def test_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(LedgerUnavailableError, match="SQLITE_NOTADB"):
        Database(path).open()
    assert path.read_bytes().startswith(b"this is not")


def test_file_is_for_its_owner_alone(path: Path, ledger: Ledger) -> None:
    ledger.append([record(1)])
    assert {oct(found.stat().st_mode & 0o777) for found in path.parent.glob("ledger.db*")} == {"0o600"}
