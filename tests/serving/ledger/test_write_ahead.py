"""SQLite's log is emptied beside the commits, and begins again from its start."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from serving.ledger.database import Database
from serving.ledger.write_ahead import WriteAheadLog
from serving.ledger.writing import batch_of, write_batches

AFTER = 200_000
ONE = 5_000


def write(database: Database, first: int, count: int) -> int:
    """Commit records one by one; return their size."""
    size = 0
    for number in range(first, first + count):
        recorded = {"decision_id": f"d{number}", "recorded_at": datetime.now(UTC).isoformat(), "x": "x" * ONE}
        batch = batch_of([recorded], None)
        with database.writing() as connection:
            write_batches(connection, [batch], set())
        size += batch.size
    return size


def log_bytes(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


def end_of_work() -> None:
    for thread in threading.enumerate():
        if thread.name == "write-ahead":
            thread.join()


def test_the_log_does_not_grow_with_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    database = Database(path)
    database.open()
    log, sizes = WriteAheadLog(database, after_bytes=AFTER), []
    for turn in range(6):
        log.committed(write(database, turn * 50, 50))  # begins
        end_of_work()
        log.committed(0)  # ends
        sizes.append(log_bytes(path))
    assert len(set(sizes[1:])) == 1, sizes
    database.close()


def test_little_is_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    database = Database(path)
    database.open()
    log = WriteAheadLog(database, after_bytes=AFTER)
    before = log_bytes(path)
    log.committed(write(database, 0, 3))
    assert not [thread for thread in threading.enumerate() if thread.name == "write-ahead"]
    assert log_bytes(path) > before
    database.close()


def test_a_file_that_was_moved_away_is_left_to_the_next_commit_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    database = Database(path)
    database.open()
    log = WriteAheadLog(database, after_bytes=AFTER)
    write(database, 0, 1)
    path.rename(tmp_path / "elsewhere.db")
    log.committed(AFTER)
    end_of_work()
    log.committed(0)
    database.close()
