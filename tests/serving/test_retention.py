"""Files of books and jobs go after their time, and never before the decisions they belong to are archived."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from serving.access.command_line import command_line_caller
from serving.jobs.files import JobFiles
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.json_text import Json
from serving.ledger.pruning import Prune, prune
from serving.retention import lone_books, old_files, remove_files
from serving.settings import ServiceSettings

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
BY = command_line_caller("r", ["operator"], by="li", user="ops1")
AGES = (500, 300, 1)


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """Return a folder of books, one for each decision of the ledger, as old as it."""
    for age in AGES:
        folder = tmp_path / "books" / f"{age:08x}"
        folder.mkdir(parents=True)
        (folder / "rows.parquet").write_bytes(b"rows")
        moment = (NOW - timedelta(days=age)).timestamp()
        for path in (folder / "rows.parquet", folder):
            os.utime(path, (moment, moment))
    return tmp_path / "books"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "ledger.db")
    made.open()
    records: list[Mapping[str, Json]] = [
        {
            "decision_id": f"{age:032x}",
            "recorded_at": (NOW - timedelta(days=age)).isoformat(),
            "route": "credit/scores",
            "answer": {"book_id": f"{age:08x}"},
        }
        for age in AGES
    ]
    others: list[Mapping[str, Json]] = [
        {"decision_id": f"other-{age}", "recorded_at": (NOW - timedelta(days=age)).isoformat()}
        for age in range(1, 500, 9)
    ]
    Ledger(made).append(sorted([*records, *others], key=lambda record: str(record["recorded_at"])))
    return made


def names(books: Path) -> list[str]:
    return sorted(path.name for path in books.iterdir())


def test_without_an_archive_nothing_goes_however_old(database: Database, books: Path) -> None:
    jobs = JobFiles(database, books.with_name("jobs"))
    assert old_files(database, books=books, jobs=jobs, now=NOW, days=180) is None


def test_what_is_archived_and_old_goes_and_is_written_down(database: Database, books: Path) -> None:
    ledger, jobs = Ledger(database), JobFiles(database, books.with_name("jobs"))
    prune(database, ledger, Prune(NOW - timedelta(days=400), BY, NOW, "a" * 32), books.with_name("archive"))
    old = old_files(database, books=books, jobs=jobs, now=NOW, days=180)
    assert old is not None
    assert [folder.name for folder in old.books] == [f"{500:08x}"], "the one of 300 days is not archived yet"
    remove_files(ledger, jobs, old, by=BY, at=NOW, record_id="b" * 32)
    assert names(books) == [f"{1:08x}", f"{300:08x}"]
    record = ledger.get("b" * 32).record
    assert record["answer"] == {"books": [f"{500:08x}"], "jobs": []}
    assert (record["key_id"], record["os_user"], record["name"]) == ("command-line", "ops1", "li")
    assert ledger.verify().broken is None


def test_what_is_archived_but_young_by_the_setting_stays(database: Database, books: Path) -> None:
    ledger, jobs = Ledger(database), JobFiles(database, books.with_name("jobs"))
    prune(database, ledger, Prune(NOW - timedelta(days=200), BY, NOW, "a" * 32), books.with_name("archive"))
    old = old_files(database, books=books, jobs=jobs, now=NOW, days=400)
    assert old is not None
    assert [folder.name for folder in old.books] == [f"{500:08x}"]


def test_files_cannot_be_kept_shorter_than_half_a_year() -> None:
    with pytest.raises(ValidationError, match="kept_files_days"):
        ServiceSettings(kept_files_days=179)


def leave(books: Path, name: str, *, days: float) -> Path:
    """Leave a folder of a book whose record was refused or lost."""
    folder = books / name
    folder.mkdir(mode=0o700)
    (folder / "rows.parquet").write_bytes(b"rows")
    moment = (NOW - timedelta(days=days)).timestamp()
    for path in (folder / "rows.parquet", folder):
        os.utime(path, (moment, moment))
    return folder


def test_books_that_no_record_names_go_after_a_week_and_that_is_written_down(
    database: Database, books: Path
) -> None:
    ledger, jobs = Ledger(database), JobFiles(database, books.with_name("jobs"))
    left, young = leave(books, "aaaaaaaa", days=8), leave(books, "bbbbbbbb", days=6)
    archived = leave(books, "cccccccc", days=501)
    old = old_files(database, books=books, jobs=jobs, now=NOW, days=180)
    assert old is not None
    assert (old.books, old.lone) == ((), (left,))
    remove_files(ledger, jobs, old, by=BY, at=NOW, record_id="b" * 32)
    assert not left.exists()
    assert young.exists()
    assert archived.exists(), "older than the oldest record: its own may lie in an archive"
    assert {f"{age:08x}" for age in AGES} < set(names(books)), "what a record names stays"
    assert ledger.get("b" * 32).record["answer"] == {
        "books": [],
        "jobs": [],
        "books_without_record": ["aaaaaaaa"],
    }


def test_with_an_empty_ledger_no_book_counts_as_left_behind(tmp_path: Path, books: Path) -> None:
    other = Database(tmp_path / "other.db")
    other.open()
    assert lone_books(other, books, now=NOW) == ()
    other.close()
