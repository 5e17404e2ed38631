"""Old decisions leave for an archive, young ones never; what is left and what has left can both be proved."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from serving.access.command_line import command_line_caller
from serving.decisions.errors import UnknownDecisionError
from serving.ledger import archive, pruning
from serving.ledger.append_only import allow_changes
from serving.ledger.archive import read_archive, verify_archive
from serving.ledger.chain import GENESIS, Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import ArchiveError, LedgerUnavailableError, PruneError
from serving.ledger.pruning import (
    KEEP_DAYS,
    Checkpoint,
    Prune,
    archived_before,
    checkpoints,
    prune,
    verify_archives,
)
from serving.ledger.tables import decisions
from tests.serving.databases import say

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
DAYS = 400


def record(day: int) -> dict[str, Json]:
    """Return a decision of so many days before now."""
    at = NOW - timedelta(days=day)
    return {"decision_id": f"d{day}", "recorded_at": at.isoformat(), "companies": ["*"], "text": "中文"}


@pytest.fixture
def ledger(database: Database) -> Ledger:
    found = Ledger(database)
    found.append([record(day) for day in range(DAYS, -1, -1)])
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def cut(database: Database, ledger: Ledger, folder: Path) -> Callable[..., Checkpoint | None]:
    def run(days: float, *, at: datetime = NOW, name: str = "p1") -> Checkpoint | None:
        by = command_line_caller("r", ["operator"], by="李运维", user="ops1")
        return prune(database, ledger, Prune(NOW - timedelta(days=days), by, at, name), folder)

    return run


def rows_in(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(decisions)).scalar_one())


def test_pruned_decisions_are_in_the_archive_and_the_rest_still_holds(
    database: Database, ledger: Ledger, folder: Path, cut: Callable[..., Checkpoint | None]
) -> None:
    head = ledger.verify().head
    first = ledger.get("d400")
    done = cut(300)
    assert done is not None
    assert (done.rows, done.archive.first_seq, done.archive.last_seq) == (100, 1, 100)
    assert (done.archive.oldest_at, done.archive.newest_at) == (
        record(400)["recorded_at"],
        record(301)["recorded_at"],
    )
    with pytest.raises(UnknownDecisionError):
        ledger.get("d301")
    assert ledger.get("d300").prev_hash == done.archive.last_hash
    verified = ledger.verify()
    assert (verified.rows, verified.pruned, verified.broken) == (DAYS + 2, 100, None)
    assert ledger.get("p1").prev_hash == head
    said = ledger.get("p1").record
    assert said["request"] == {"before": (NOW - timedelta(days=300)).isoformat()}
    assert (said["key_id"], said["os_user"], said["name"]) == ("command-line", "ops1", "李运维")
    assert isinstance(said["answer"], dict)
    assert said["answer"]["archive_sha256"] == done.archive.sha256
    archived = list(read_archive(folder / done.archive.name))
    assert json.loads(archived[0].record) == first.record
    assert verify_archives(database, folder) == 100
    assert rows_in(database) == DAYS + 1 - 100 + 1


def test_chain_goes_on_over_several_prunes(
    database: Database, ledger: Ledger, folder: Path, cut: Callable[..., Checkpoint | None]
) -> None:
    assert cut(300, name="p1") is not None
    ledger.append([{"decision_id": "new", "recorded_at": NOW.isoformat()}])
    assert cut(200, name="p2") is not None
    assert cut(200, name="p3") is None, "there is nothing left to prune"
    assert [(one.archive.first_seq, one.archive.last_seq) for one in checkpoints(database)] == [
        (1, 100),
        (101, 200),
    ]
    verified = ledger.verify()
    assert (verified.rows, verified.pruned, verified.broken) == (DAYS + 4, 200, None)
    assert verify_archives(database, folder) == 200


def test_old_prune_record_may_itself_be_pruned(
    database: Database, ledger: Ledger, folder: Path, cut: Callable[..., Checkpoint | None]
) -> None:
    later = NOW + timedelta(days=KEEP_DAYS + 10)
    assert cut(300, name="p1") is not None
    ledger.append([record(-day) for day in range(10, KEEP_DAYS + 20, 10)])
    assert cut(-1, at=later, name="p2") is not None
    with pytest.raises(UnknownDecisionError):
        ledger.get("p1")
    verified = ledger.verify()
    assert (verified.rows, verified.pruned, verified.broken) == (DAYS + 2 + 20, DAYS + 2, None)
    assert verify_archives(database, folder) == DAYS + 2


@pytest.mark.parametrize("days", [0, 1, KEEP_DAYS - 1, KEEP_DAYS - 0.001, -30])
def test_nothing_of_the_last_180_days_goes(
    database: Database, ledger: Ledger, folder: Path, cut: Callable[..., Checkpoint | None], days: float
) -> None:
    with pytest.raises(PruneError, match=r"last 180 days have to stay; the latest day .* 2026-05-26"):
        cut(days)
    assert rows_in(database) == DAYS + 1
    assert not folder.exists()


def test_oldest_that_may_go_goes(ledger: Ledger, cut: Callable[..., Checkpoint | None]) -> None:
    done = cut(KEEP_DAYS)
    assert done is not None
    assert ledger.get(f"d{KEEP_DAYS}").seq == done.archive.last_seq + 1


def test_clock_that_was_set_forward_makes_nothing_older(
    ledger: Ledger, cut: Callable[..., Checkpoint | None]
) -> None:
    with pytest.raises(PruneError):
        cut(100, at=NOW + timedelta(days=1000))
    assert ledger.get("d101").seq == DAYS - 100


@pytest.mark.parametrize("later", [1, 9, 11, 179, 1000])
def test_a_record_written_under_a_clock_set_forward_makes_nothing_older(
    ledger: Ledger, cut: Callable[..., Checkpoint | None], later: int
) -> None:
    ledger.append([record(-later)])
    forward = NOW + timedelta(days=later, minutes=1)
    with pytest.raises(PruneError, match=r"latest day that can be given is 2026-05-2[67]"):
        cut(KEEP_DAYS - 2, at=forward)
    assert cut(KEEP_DAYS, at=forward) is not None, "what was old enough goes"
    assert ledger.get(f"d{KEEP_DAYS}").seq > 0


def test_time_counts_on_when_a_clock_was_set_right_again(
    database: Database, ledger: Ledger, cut: Callable[..., Checkpoint | None]
) -> None:
    ledger.append([record(-1000), *(record(-day) for day in range(5, 200, 5))])
    at = NOW + timedelta(days=195)
    with pytest.raises(PruneError):
        cut(-16, at=at)
    done = cut(-14.9, at=at)
    assert done is not None
    assert done.archive.last_seq == DAYS + 1, (
        "what was written under the wrong clock stays, and all behind it"
    )
    assert archived_before(database) == NOW + timedelta(days=5), (
        "which is older than the first that stays says"
    )


def test_young_decisions_of_a_clock_set_back_stay(database: Database, folder: Path) -> None:
    """The machine began at a wrong time: what it wrote then is younger than it says."""
    ledger = Ledger(database)
    ledger.append(
        [*(record(day) for day in range(900, 600, -1)), *(record(day) for day in range(100, -1, -1))]
    )
    before = NOW - timedelta(days=600)
    with pytest.raises(PruneError, match="latest day that can be given is 2025-01-10"):
        prune(database, ledger, Prune(before, command_line_caller("r"), NOW, "p"), folder)
    assert ledger.get("d601").seq > 0


def test_decision_that_is_younger_than_one_after_it_stays_with_it(database: Database, folder: Path) -> None:
    """A clock was set back: the chain is cut before the first decision that has to stay."""
    ledger = Ledger(database)
    ledger.append([record(day) for day in (400, 200, 399, *range(190, -1, -10))])
    done = prune(
        database, ledger, Prune(NOW - timedelta(days=300), command_line_caller("r"), NOW, "p"), folder
    )
    assert done is not None
    assert done.archive.last_seq == 1
    assert ledger.get("d399").seq == 3


def test_broken_chain_is_not_pruned(
    database: Database, ledger: Ledger, folder: Path, cut: Callable[..., Checkpoint | None]
) -> None:
    with database.writing() as connection:
        allow_changes(connection, "decisions")
        connection.exec_driver_sql("UPDATE decisions SET record = '{}' WHERE seq = 350")
    with pytest.raises(PruneError, match="broken at row 350"):
        cut(300)
    assert rows_in(database) == DAYS + 1
    assert not folder.exists()


def test_database_lets_rows_go_that_a_checkpoint_covers_and_no_others(
    database: Database, ledger: Ledger, cut: Callable[..., Checkpoint | None]
) -> None:
    cut(300)
    with pytest.raises(LedgerUnavailableError):
        say(database, "DELETE FROM decisions WHERE seq = 101")
    with pytest.raises(LedgerUnavailableError):
        say(database, "DELETE FROM ledger_checkpoints")
    assert ledger.verify().broken is None


class PowerCutError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("where", ["_note", "_remove"])
def test_prune_that_breaks_off_loses_nothing_and_is_finished_by_the_next(
    database: Database,
    ledger: Ledger,
    folder: Path,
    cut: Callable[..., Checkpoint | None],
    *,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    whole = getattr(pruning, where)
    calls = 0

    def end(*given: object) -> None:
        nonlocal calls
        calls += 1
        if where == "_remove" and calls == 1:  # the first call finishes what an earlier prune left
            whole(*given)
            return
        raise PowerCutError

    with monkeypatch.context() as patched:
        patched.setattr(pruning, where, end)
        with pytest.raises(PowerCutError):
            cut(300, name="p1")
    assert rows_in(database) == DAYS + 1 + (where == "_remove")
    assert ledger.verify().broken is None
    again = cut(300, name="p2")
    assert (again is None) == (where == "_remove")
    assert ledger.verify().broken is None
    assert ledger.verify().pruned == 100
    assert verify_archives(database, folder) == 100
    assert len(list(folder.iterdir())) == 1


def test_large_prune_is_deleted_in_parts(
    database: Database, ledger: Ledger, cut: Callable[..., Checkpoint | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_DELETED_AT_ONCE", 7)
    monkeypatch.setattr(pruning, "_PAGE", 11)
    assert cut(200) is not None
    assert rows_in(database) == 202
    assert ledger.verify().broken is None


def test_second_prune_at_the_same_time_is_refused(
    database: Database, ledger: Ledger, folder: Path, cut: Callable[..., Checkpoint | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    write = archive.write_archive

    def write_while_another_prunes(*given: object, **named: object) -> object:
        with monkeypatch.context() as patched:
            patched.setattr(pruning, "write_archive", write)
            assert cut(350, name="other") is not None
        return write(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(pruning, "write_archive", write_while_another_prunes)
    with pytest.raises((PruneError, ArchiveError)):
        cut(300, name="late")
    monkeypatch.undo()
    assert ledger.verify().broken is None
    assert [one.decision_id for one in checkpoints(database)] == ["other"]
    assert verify_archives(database, folder) == 50


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "UPDATE ledger_checkpoints SET last_hash = 'x'",
            "the checkpoint differs from the record of its prune",
        ),
        (
            "UPDATE ledger_checkpoints SET archive_sha256 = 'x'",
            "the checkpoint differs from the record of its prune",
        ),
        ("UPDATE ledger_checkpoints SET first_seq = 2", "the checkpoint of row 1 is missing"),
        (
            "UPDATE ledger_checkpoints SET decision_id = 'd5'",
            "the checkpoint differs from the record of its prune",
        ),
        ("DELETE FROM ledger_checkpoints", "row 1 is missing"),
    ],
)
def test_verify_finds_a_checkpoint_that_was_changed(
    database: Database, ledger: Ledger, cut: Callable[..., Checkpoint | None], change: str, said: str
) -> None:
    cut(300)
    with database.writing() as connection:
        allow_changes(connection, "ledger_checkpoints")
        connection.exec_driver_sql(change)
    broken = ledger.verify().broken
    assert broken is not None
    assert broken.en == said


def test_verify_finds_an_archive_that_was_changed_or_lost(
    database: Database, folder: Path, cut: Callable[..., Checkpoint | None]
) -> None:
    done = cut(300)
    assert done is not None
    path = folder / done.archive.name
    kept = path.read_bytes()
    path.write_bytes(kept[:-10])
    with pytest.raises(ArchiveError, match="SHA-256"):
        verify_archives(database, folder)
    with pytest.raises(ArchiveError, match="not complete"):
        verify_archive(path, head=GENESIS)
    lines = gzip.decompress(kept).decode().splitlines()
    lines[3] = lines[3].replace("中文", "改了")
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    broken = verify_archive(path, head=GENESIS).broken
    assert broken is not None
    assert (broken.seq, broken.en) == (4, "content was changed")
    path.unlink()
    with pytest.raises(ArchiveError, match="missing"):
        verify_archives(database, folder)


def test_archive_of_the_same_name_is_not_overwritten(
    database: Database, folder: Path, cut: Callable[..., Checkpoint | None]
) -> None:
    folder.mkdir()
    other = folder / "ledger-0000000001-0000000100.jsonl.gz"
    other.write_bytes(b"somebody else's")
    with pytest.raises(ArchiveError, match="another file"):
        cut(300)
    assert other.read_bytes() == b"somebody else's"
    assert rows_in(database) == DAYS + 1


def test_failure_of_the_transaction_leaves_rows_and_archive(
    database: Database, ledger: Ledger, folder: Path, cut: Callable[..., Checkpoint | None]
) -> None:
    def taken(_connection: Connection) -> None:
        return None

    ledger.append([{"decision_id": "p1", "recorded_at": NOW.isoformat()}], beside=taken)
    with pytest.raises(LedgerUnavailableError):
        cut(300, name="p1")
    assert rows_in(database) == DAYS + 2
    assert checkpoints(database) == []
    assert cut(300, name="p2") is not None
    assert verify_archives(database, folder) == 100
