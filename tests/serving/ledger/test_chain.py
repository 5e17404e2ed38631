"""The chain shows every change, never forks, and is all or nothing."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import LedgerUnavailableError, UnknownDecisionError
from serving.ledger.chain import GENESIS, Json, Ledger, canonical_json, chain_hash
from serving.ledger.database import Database

APPEND_100 = """
import sys
import time
from pathlib import Path
from serving.ledger.database import Database
from serving.ledger.chain import Ledger
database = Database(Path(sys.argv[1]), wait_seconds=30)
database.open()
ledger = Ledger(database)
Path(sys.argv[1]).with_name(f"{sys.argv[3]}.open").touch()
while not Path(sys.argv[2]).exists():
    time.sleep(0.001)
for number in range(100):
    ledger.append([{"decision_id": f"{sys.argv[3]}-{number}", "recorded_at": "2026-11-01T00:00:00+00:00"}])
database.close()
"""


def record(number: int, **fields: Json) -> dict[str, Json]:
    return {"decision_id": f"d{number}", "recorded_at": f"2026-11-01T00:00:{number:02}+00:00", **fields}


def wait_for(*files: Path) -> None:
    """Both writers have to be open before either begins, or they would write one after the other."""
    end = time.monotonic() + 60
    while not all(file.exists() for file in files):
        assert time.monotonic() < end, "a writer did not start"
        time.sleep(0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    database = Database(path, wait_seconds=0.1)
    database.open()
    yield Ledger(database)
    database.close()


@pytest.fixture
def tampered(path: Path, ledger: Ledger) -> Callable[[str], None]:
    """Change a ledger of five rows as somebody with the file in hands would: without our triggers."""
    ledger.append([record(number, pd=number / 10) for number in range(1, 6)])

    def change(statement: str) -> None:
        connection = sqlite3.connect(path)
        with connection:
            for verb in ("update", "delete"):
                connection.execute(f"DROP TRIGGER decisions_no_{verb}")
            assert connection.execute(statement).rowcount > 0
        connection.close()

    return change


def test_rows_follow_each_other_and_come_back_whole(ledger: Ledger) -> None:
    ledger.append([record(1, text="中文", share=0.1 + 0.2)])
    ledger.append([record(2), record(3)])
    first, second = ledger.get("d1"), ledger.get("d2")
    assert first.prev_hash == GENESIS
    assert second.prev_hash == first.hash
    assert first.record == record(1, text="中文", share=0.1 + 0.2)
    verified = ledger.verify()
    assert (verified.rows, verified.head, verified.broken) == (3, ledger.get("d3").hash, None)
    assert ledger.probe() == (3, "2026-11-01T00:00:03+00:00")


def test_empty_ledger_holds(ledger: Ledger) -> None:
    assert ledger.verify().rows == 0
    with pytest.raises(UnknownDecisionError):
        ledger.get("d1")


def test_database_refuses_update_and_delete(path: Path, ledger: Ledger) -> None:
    ledger.append([record(1)])
    connection = sqlite3.connect(path)
    for statement in ("UPDATE decisions SET record = '{}'", "DELETE FROM decisions"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "row", "english"),
    [
        (
            "UPDATE decisions SET record = replace(record, '0.3', '0.1') WHERE seq = 3",
            3,
            "content was changed",
        ),
        ("DELETE FROM decisions WHERE seq = 2", 3, "row 2 is missing"),
        ("UPDATE decisions SET decision_id = 'x' WHERE seq = 4", 4, "its columns differ from its content"),
        ("UPDATE decisions SET recorded_at = '1999' WHERE seq = 4", 4, "its columns differ from its content"),
        ("UPDATE decisions SET prev_hash = hash WHERE seq = 5", 5, "does not follow the row before it"),
    ],
)
def test_verify_names_the_first_row_that_was_changed(
    ledger: Ledger, tampered: Callable[[str], None], statement: str, row: int, english: str
) -> None:
    tampered(statement)
    broken = ledger.verify().broken
    assert broken is not None
    assert (broken.seq, broken.en) == (row, english)


def test_row_that_was_changed_and_hashed_anew_breaks_at_the_next(
    ledger: Ledger, tampered: Callable[[str], None]
) -> None:
    forged = canonical_json(record(3, pd=0.001))
    link = chain_hash(ledger.get("d3").prev_hash, forged)
    tampered(f"UPDATE decisions SET record = '{forged}', hash = '{link}' WHERE seq = 3")  # noqa: S608
    verified = ledger.verify()
    assert verified.rows == 3
    assert verified.broken is not None
    assert verified.broken.seq == 4


def test_two_processes_write_one_chain(path: Path, ledger: Ledger) -> None:
    go = path.with_name("go")
    command = [sys.executable, "-c", APPEND_100, str(path), str(go)]
    writers = [subprocess.Popen([*command, name]) for name in ("a", "b")]
    wait_for(path.with_name("a.open"), path.with_name("b.open"))
    go.touch()
    assert [writer.wait(60) for writer in writers] == [0, 0]
    verified = ledger.verify()
    assert (verified.rows, verified.broken) == (200, None)
    connection = sqlite3.connect(path)
    order = [name[0] for (name,) in connection.execute("SELECT decision_id FROM decisions ORDER BY seq")]
    connection.close()
    assert order.count("a") == order.count("b") == 100


def test_batch_is_all_or_nothing(ledger: Ledger) -> None:
    ledger.append([record(1)])
    with pytest.raises(LedgerUnavailableError):
        ledger.append([record(2), record(1)])
    assert ledger.verify().rows == 1


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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_canonical_json_has_one_form_and_loses_nothing(value: Json) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


def test_canonical_json_refuses_what_json_cannot_say() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"pd": float("nan")})
