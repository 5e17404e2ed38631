"""The chain shows every change, never forks, and is all or nothing, in a file and on a server."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from serving.decisions.errors import UnknownDecisionError
from serving.ledger.append_only import allow_changes
from serving.ledger.chain import GENESIS, Json, Ledger, canonical_json, chain_hash
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import decision_scopes, decisions
from tests.serving.databases import OPEN, Place, say

APPEND_100 = (
    OPEN
    + """
folder, name = Path(sys.argv[1]), sys.argv[2]
(folder / f"{name}.open").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
for number in range(100):
    ledger.append([{"decision_id": f"{name}-{number}", "recorded_at": "2026-11-01T00:00:00+00:00"}])
database.close()
"""
)
APPEND_FOREVER = (
    OPEN
    + """
import asyncio
async def write(name):
    number = 0
    while True:
        decision_id = f"{name}-{number}"
        await ledger.commit([{"decision_id": decision_id, "recorded_at": "2026-11-01T00:00:00+00:00"}])
        print(decision_id, flush=True)
        number += 1
async def write_all():
    await asyncio.gather(*(write(name) for name in "abcdefgh"))
asyncio.run(write_all())
"""
)


def record(number: int, **fields: Json) -> dict[str, Json]:
    return {"decision_id": f"d{number}", "recorded_at": f"2026-11-01T00:00:{number:02}+00:00", **fields}


def wait_for(*files: Path) -> None:
    """All writers have to be open before any begins, or they would write one after the other."""
    end = time.monotonic() + 60
    while not all(file.exists() for file in files):
        assert time.monotonic() < end, "a writer did not start"
        time.sleep(0.001)


def order_of(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(decisions.c.decision_id).order_by(decisions.c.seq)).scalars())


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


@pytest.fixture
def tampered(database: Database, ledger: Ledger) -> Callable[[str], None]:
    """Change a ledger of five rows as somebody with all rights would: without our triggers."""
    ledger.append(
        [
            record(
                number,
                pd=number / 10,
                route="credit/score",
                subject=f"P{number}",
                key_id="k",
                companies=["*"],
            )
            for number in range(1, 6)
        ]
    )

    def change(statement: str) -> None:
        with database.writing() as connection:
            allow_changes(connection, "decisions")
            assert connection.exec_driver_sql(statement).rowcount > 0

    return change


def test_rows_follow_each_other_and_come_back_whole(ledger: Ledger) -> None:
    ledger.append([record(1, text="中文\x00", share=0.1 + 0.2)])
    ledger.append([record(2), record(3)])
    first, second = ledger.get("d1"), ledger.get("d2")
    assert first.prev_hash == GENESIS
    assert second.prev_hash == first.hash
    assert first.record == record(1, text="中文\x00", share=0.1 + 0.2)
    verified = ledger.verify()
    assert (verified.rows, verified.head, verified.broken) == (3, ledger.get("d3").hash, None)
    assert ledger.probe() == (3, "2026-11-01T00:00:03+00:00")


def test_empty_ledger_holds(ledger: Ledger) -> None:
    assert ledger.verify().rows == 0
    assert ledger.probe() == (0, None)
    with pytest.raises(UnknownDecisionError):
        ledger.get("d1")


@pytest.mark.parametrize("table", ["decisions", "planner_overrides", "ledger_checkpoints"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET decision_id = 'x'", "DELETE FROM {}"])
def test_database_refuses_update_and_delete(
    database: Database, ledger: Ledger, table: str, statement: str
) -> None:
    ledger.append([record(1)])
    texts = {"decisions": None, "planner_overrides": _OVERRIDE, "ledger_checkpoints": _CHECKPOINT}
    row = texts[table]
    if row is not None:
        say(database, f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})")  # noqa: S608
    with pytest.raises(LedgerUnavailableError):
        say(database, statement.format(table))
    assert ledger.get("d1").decision_id == "d1"


_OVERRIDE = {
    "seq": "1", "action": "'set'", "override_id": "'o'", "decision_id": "'d1'", "unique_id": "'u'", "freq": "'D'",
    "reason": "'r'", "name": "'n'", "key_id": "'k'", "at": "'2026'",
}  # fmt: skip
_CHECKPOINT = {
    "last_seq": "0", "first_seq": "0", "first_hash": "''", "last_hash": "''", "oldest_at": "''", "newest_at": "''",
    "pruned_at": "''", "pruned_by": "''", "archive": "''", "archive_sha256": "''", "decision_id": "'p'",
}  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "row", "english"),
    [
        (
            "UPDATE decisions SET record = replace(record, '0.3', '0.1') WHERE seq = 3",
            3,
            "content was changed",
        ),
        ("DELETE FROM decisions WHERE seq = 2", 3, "row 2 is missing"),
        ("DELETE FROM decisions WHERE seq = 1", 2, "row 1 is missing"),
        ("UPDATE decisions SET decision_id = 'x' WHERE seq = 4", 4, "its columns differ from its content"),
        ("UPDATE decisions SET recorded_at = '1999' WHERE seq = 4", 4, "its columns differ from its content"),
        ("UPDATE decisions SET route = 'x' WHERE seq = 4", 4, "its columns differ from its content"),
        ("UPDATE decisions SET subject = 'P9' WHERE seq = 1", 1, "its columns differ from its content"),
        ("UPDATE decisions SET key_id = 'x' WHERE seq = 5", 5, "its columns differ from its content"),
        ("UPDATE decisions SET companies = '[]' WHERE seq = 2", 2, "its columns differ from its content"),
        ("UPDATE decisions SET prev_hash = hash WHERE seq = 5", 5, "does not follow the row before it"),
        ("UPDATE decisions SET seq = seq + 10 WHERE seq = 5", 15, "row 5 is missing"),
    ],
)
def test_verify_names_the_first_row_that_was_changed(
    ledger: Ledger, tampered: Callable[[str], None], statement: str, row: int, english: str
) -> None:
    tampered(statement)
    verified = ledger.verify()
    assert verified.broken is not None
    assert (verified.broken.seq, verified.broken.en) == (row, english)
    assert verified.rows < row


def test_verify_finds_rows_that_changed_places(ledger: Ledger, tampered: Callable[[str], None]) -> None:
    tampered("UPDATE decisions SET seq = 99 WHERE seq = 2")
    tampered("UPDATE decisions SET seq = 2 WHERE seq = 3")
    tampered("UPDATE decisions SET seq = 3 WHERE seq = 99")
    broken = ledger.verify().broken
    assert broken is not None
    assert (broken.seq, broken.decision_id) == (2, "d3")


def test_row_that_was_changed_and_hashed_anew_breaks_at_the_next(
    ledger: Ledger, tampered: Callable[[str], None]
) -> None:
    changed = dict(ledger.get("d3").record) | {"pd": 0.001}
    forged = canonical_json(changed)
    link = chain_hash(ledger.get("d3").prev_hash, forged)
    tampered(f"UPDATE decisions SET record = '{forged}', hash = '{link}' WHERE seq = 3")  # noqa: S608
    verified = ledger.verify()
    assert verified.rows == 3
    assert verified.broken is not None
    assert verified.broken.seq == 4


def test_scope_that_was_taken_from_the_index_breaks_the_chain(
    database: Database, ledger: Ledger, tampered: Callable[[str], None]
) -> None:
    assert ledger.verify().broken is None
    say(database, "DELETE FROM decision_scopes")
    broken = ledger.verify().broken
    assert broken is not None
    assert (broken.seq, broken.en) == (1, "its companies are missing in the list of companies")
    with database.writing() as connection:
        connection.execute(insert(decision_scopes).values(companies='["*"]'))
    assert ledger.verify().broken is None


def test_threads_and_loops_and_processes_write_one_chain(
    place: Place, database: Database, ledger: Ledger, tmp_path: Path
) -> None:
    names = ("a", "b")
    command = [sys.executable, "-c", APPEND_100, str(tmp_path)]
    writers = [subprocess.Popen([*command, name], env=place.environment) for name in names]
    wait_for(*(tmp_path / f"{name}.open" for name in names))
    (tmp_path / "go").touch()

    def append(name: str) -> None:
        for number in range(25):
            ledger.append([{"decision_id": f"{name}-{number}", "recorded_at": "2026"}])

    async def commit(name: str) -> None:
        for number in range(25):
            await ledger.commit([{"decision_id": f"{name}-{number}", "recorded_at": "2026"}])

    async def commit_all() -> None:
        await asyncio.gather(commit("y"), commit("z"))

    threads = [threading.Thread(target=append, args=(name,)) for name in ("v", "w")]
    threads.append(threading.Thread(target=lambda: asyncio.run(commit_all())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.wait(60) for writer in writers] == [0, 0]
    verified = ledger.verify()
    assert (verified.rows, verified.broken) == (300, None)
    order = order_of(database)
    for name, count in [*((name, 100) for name in names), *((name, 25) for name in "vwyz")]:
        assert [one for one in order if one[0] == name] == [f"{name}-{number}" for number in range(count)]


def test_killed_writer_leaves_every_record_it_acknowledged(
    place: Place, database: Database, ledger: Ledger
) -> None:
    command = [sys.executable, "-c", APPEND_FOREVER]
    with subprocess.Popen(command, env=place.environment, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(200)]
        writer.kill()
        acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    order = order_of(database)
    assert set(acknowledged) <= set(order)
    assert len(order) == len(set(order))
    ledger.append([record(1)])
    verified = ledger.verify()
    assert (verified.rows, verified.broken) == (len(order) + 1, None)


def test_batch_is_all_or_nothing(ledger: Ledger) -> None:
    ledger.append([record(1)])
    with pytest.raises(LedgerUnavailableError):
        ledger.append([record(2), record(1)])
    assert ledger.verify().rows == 1


def test_record_without_a_form_in_json_is_refused_and_holds_nobody_up(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="JSON"):
        ledger.append([record(1, pd=float("nan"))])
    ledger.append([record(1)])
    assert ledger.verify().rows == 1
