"""Every database comes to the same newest tables, from nothing or from any release before, however many open it."""

import importlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from serving.access.caller import Call, Caller
from serving.decisions.reading import Asked, DecisionReader
from serving.ledger.chain import GENESIS, Json, Ledger, canonical_json, chain_hash
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.schema import newest_revision
from serving.ledger.tables import METADATA
from tests.serving.databases import OPEN, Place, say

# As the release before the first migration made them.
BEFORE = (
    "CREATE TABLE decisions (seq INTEGER NOT NULL PRIMARY KEY, decision_id TEXT NOT NULL UNIQUE, "
    "recorded_at TEXT NOT NULL, record TEXT NOT NULL, prev_hash TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE INDEX decisions_recorded_at ON decisions (recorded_at)",
    "CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TABLE api_keys (key_id TEXT NOT NULL PRIMARY KEY, secret_hash TEXT NOT NULL, name TEXT NOT NULL, "
    "roles TEXT NOT NULL, companies TEXT NOT NULL, created_at TEXT NOT NULL, revoked_at TEXT)",
)


def write_old_ledger(path: Path, rows: int) -> None:
    connection, head = sqlite3.connect(path), GENESIS
    for statement in BEFORE:
        connection.execute(statement)
    for seq in range(1, rows + 1):
        record = {
            "decision_id": f"d{seq}", "recorded_at": f"2026-11-01T00:00:00.{seq:06}+00:00", "route": "credit/score",
            "key_id": f"k{seq % 2}", "companies": ["ORG-07" if seq % 2 else "*"],
        }  # fmt: skip
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        link = chain_hash(head, text)
        row = (seq, record["decision_id"], record["recorded_at"], text, head, link)
        connection.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)", row)
        head = link
    connection.commit()
    connection.close()


def test_migrations_make_the_tables_that_the_code_works_with(empty_place: Place) -> None:
    database = empty_place.database()
    database.open()
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        stored = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    assert stored == newest_revision()
    database.close()


def test_ledger_of_an_older_release_is_taken_over_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    write_old_ledger(path, 2500)
    database = Database(path)
    database.open()
    ledger = Ledger(database)
    verified = ledger.verify()
    assert (verified.rows, verified.broken) == (2500, None)
    reader, org07 = (
        DecisionReader(database, ledger),
        Caller(Call("r", "k", ("auditor",)), "吴审计", ("ORG-07",)),
    )
    mine = reader.newest(Asked(key_id="k1"), org07, before=None, limit=2)
    assert [one.decision_id for one in mine.decisions] == ["d2499", "d2497"]
    assert reader.newest(Asked(key_id="k0"), org07, before=None, limit=2).decisions == []
    ledger.append([{"decision_id": "new", "recorded_at": "2026-11-02T00:00:00+00:00"}])
    assert ledger.get("new").prev_hash == verified.head
    with pytest.raises(LedgerUnavailableError, match="SQLITE_CONSTRAINT_TRIGGER"):
        say(database, "DELETE FROM decisions")
    database.close()


def test_upgrade_that_breaks_off_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    write_old_ledger(path, 2)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE job_files (something TEXT)")  # in the way of a later step
    before = list(connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name"))
    with pytest.raises(LedgerUnavailableError):
        Database(path).open()
    assert list(connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name")) == before
    connection.execute("DROP TABLE job_files")
    connection.commit()
    connection.close()
    database = Database(path)
    database.open()
    assert Ledger(database).verify().rows == 2
    database.close()


def test_processes_that_open_an_empty_database_at_once_all_succeed(
    empty_place: Place, tmp_path: Path
) -> None:
    waiting = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.001)\n"
    command = [sys.executable, "-c", waiting + OPEN, str(tmp_path / "go")]
    openers = [subprocess.Popen(command, env=empty_place.environment) for _ in range(3)]
    (tmp_path / "go").touch()
    assert [opener.wait(60) for opener in openers] == [0, 0, 0]
    database = empty_place.database()
    with database.reading() as connection:
        assert set(METADATA.tables) <= set(inspect(connection).get_table_names())
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one() == 1
    database.close()


def test_database_of_today_is_opened_without_alembic(place: Place, database: Database) -> None:
    assert database.path == place.path
    loads = OPEN + "\nsys.exit('alembic' in sys.modules)\n"
    assert subprocess.run([sys.executable, "-c", loads], check=False, env=place.environment).returncode == 0


def test_database_of_a_newer_release_is_left_alone(place: Place) -> None:
    database = place.database()
    database.open()
    say(database, "UPDATE alembic_version SET version_num = '9999_later'")
    database.close()
    with pytest.raises(LedgerUnavailableError, match="newer release"):
        place.database().open()


def test_steps_follow_each_other_by_name() -> None:
    folder = Path(importlib.import_module("serving.ledger.migrations.versions").__path__[0])
    names = sorted(path.stem for path in folder.glob("v*.py"))
    steps = [importlib.import_module(f"serving.ledger.migrations.versions.{name}") for name in names]
    assert [f"v{step.revision}" for step in steps] == names
    assert [step.down_revision for step in steps] == [None, *(name[1:] for name in names[:-1])]


def test_hash_of_a_row_does_not_depend_on_who_wrote_its_text() -> None:
    record: dict[str, Json] = {"b": 1e-7, "a": [1e22, "中"]}
    old = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert old != canonical_json(record), "the stored text is what is hashed, not the record"
    assert json.loads(old) == json.loads(canonical_json(record))
