"""A chain that was tampered with is seen from outside within a minute, without walking all of it."""

import sqlite3
from pathlib import Path

import pytest

from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.operations import metrics
from serving.operations.chain_watch import ChainWatch


def broken() -> float | None:
    return metrics.REGISTRY.get_sample_value("zhiheng_ledger_chain_broken")


class Kept:
    """A ledger with some records, and a watch whose clock the test moves."""

    def __init__(self, path: Path) -> None:
        self.path, self.now = path, 0.0
        self.database = Database(path)
        self.database.open()
        self.ledger = Ledger(self.database)
        self.watch = ChainWatch(self.database, timer=lambda: self.now)

    def append(self, count: int) -> None:
        for number in range(count):
            record: dict[str, Json] = {
                "decision_id": f"{number:032x}", "recorded_at": "2026-11-01T00:00:00+00:00", "route": "credit/score",
                "companies": ["*"], "key_id": "k", "subject": "", "request": {}, "answer": {"pd": 0.1},
            }  # fmt: skip
            self.ledger.append([record])

    def tamper(self, seq: int) -> None:
        """Change a record below the service, as somebody with the file would."""
        with sqlite3.connect(self.path) as raw:
            for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                raw.execute(f'DROP TRIGGER "{name}"')
            raw.execute("UPDATE decisions SET record = replace(record, '0.1', '0.9') WHERE seq = ?", (seq,))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    made = Kept(tmp_path / "ledger.db")
    made.append(5)
    return made


def test_a_chain_that_holds_is_told_as_whole(kept: Kept) -> None:
    metrics.observed_chain(broken=True)
    assert kept.watch.look() is None
    assert broken() == 0.0


def test_a_changed_record_is_found_and_told(kept: Kept) -> None:
    kept.tamper(4)
    found = kept.watch.look()
    assert found is not None
    assert found.seq == 4
    assert broken() == 1.0


def test_it_is_looked_at_once_a_minute(kept: Kept) -> None:
    kept.watch.look()
    kept.tamper(4)
    kept.now = 59.0
    assert kept.watch.look() is None
    kept.now = 60.0
    assert kept.watch.look() is not None


def test_an_empty_ledger_is_whole(tmp_path: Path) -> None:
    metrics.observed_chain(broken=False)
    assert Kept(tmp_path / "empty.db").watch.look() is None
    assert broken() == 0.0
