"""Exports are written down and noted where they are large, one alone or several within a window, each row counted once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from serving.access.caller import Call, Caller
from serving.access.command_line import command_line_caller
from serving.access.large_exports import LargeExports
from serving.access.risk_events import RiskEvent, RiskEvents, RiskFilter, RiskKind
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.listing import Page, Span
from tests.serving.databases import Place
from zhiheng.commands.ledger import ledger_app

if TYPE_CHECKING:
    from tests.serving.conftest import Client, World

START = datetime(2026, 11, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS = 100


def auditor(key_id: str = "a") -> Caller:
    return Caller(Call("request-1", key_id, ("auditor",)), "审计", ("*",))


@dataclass
class Hall:
    database: Database
    now: datetime = START
    written: int = 0
    ledger: Ledger = field(init=False)
    events: RiskEvents = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.database)
        self.events = RiskEvents(self.database, self.ledger, clock=lambda: self.now)

    def export(self, rows: int, caller: Caller | None = None) -> str:
        """Write an export as a process does that knows nothing of those before."""
        caller = caller or auditor()
        self.written += 1
        record: dict[str, Json] = {
            "decision_id": f"export-{self.written}",
            "recorded_at": self.now.isoformat(),
            "route": "decisions/export",
            **caller.recorded,
            "answer": {"rows": rows},
        }
        exports = LargeExports(self.database, self.ledger, self.events, rows=ROWS, window=HOUR)
        exports.write(record, caller, rows=rows)
        return f"export-{self.written}"

    def noted(self) -> list[RiskEvent]:
        found, _ = self.events.page(RiskFilter(page=Page(Span(), before=None, limit=100)), auditor())
        assert {event.kind for event in found} <= {RiskKind.BULK_EXPORT}
        return found[::-1]

    def rows(self) -> list[int | None]:
        return [event.rows for event in self.noted()]


@pytest.fixture
def hall(place: Place) -> Iterator[Hall]:
    database = place.database()
    database.open()
    yield Hall(database)
    database.close()


def test_large_export_is_noted_by_itself_each_time(hall: Hall) -> None:
    hall.export(99)
    hall.now += HOUR + timedelta(seconds=1)
    first, second = hall.export(100), hall.export(250)
    assert [(one.rows, one.said) for one in hall.noted()] == [
        (100, {"decision_id": first}),
        (250, {"decision_id": second}),
    ]
    assert hall.ledger.verify().broken is None


def test_many_small_exports_within_a_window_are_noted_as_one_large(hall: Hall) -> None:
    for _ in range(9):
        hall.export(11)
    assert hall.rows() == []
    last = hall.export(11)
    (event,) = hall.noted()
    assert (event.rows, event.key_id) == (110, "a")
    assert event.said == {"decision_id": last, "exports": 10, "window_seconds": 3600.0}
    for _ in range(9):
        hall.export(11)
    assert hall.rows() == [110], "what was noted is not counted again"
    hall.export(11)
    assert hall.rows() == [110, 110]


def test_exports_of_other_keys_and_of_before_the_window_are_not_added(hall: Hall) -> None:
    hall.export(60)
    hall.export(60, auditor("b"))
    hall.now += HOUR + timedelta(seconds=1)
    hall.export(60)
    assert hall.rows() == []
    hall.now += timedelta(minutes=59)
    hall.export(60)
    assert hall.rows() == [120]


def test_exports_at_the_command_line_are_added_whoever_takes_them(hall: Hall) -> None:
    hall.export(60, command_line_caller("r1", ["auditor"], by="王芳", user="wang"))
    hall.export(60, command_line_caller("r2", ["auditor"], user="li"))
    (event,) = hall.noted()
    assert (event.key_id, event.key_name, event.rows) == ("command-line", "li", 120)


def test_export_that_cannot_be_noted_is_not_given(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise LedgerUnavailableError("away")

    monkeypatch.setattr(hall.events, "note", away)
    hall.export(99)
    with pytest.raises(LedgerUnavailableError):
        hall.export(1)
    monkeypatch.undo()
    hall.export(1)
    assert hall.rows() == [101], "what was not noted then is noted with the next"


def test_export_by_command_is_noted_where_it_is_large(
    client: "Client", world: "World", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.score({"party_id": "P0000000"})
    for name, value in {"HOME": str(world.home), "LANG": "en", "EXPORT_LARGE_ROWS": "3"}.items():
        monkeypatch.setenv(f"ZHIHENG_{name}", value)
    events = client.deployment._access.watch.events
    for number, noted in ((1, []), (2, [("command-line", "王芳", 3)])):
        arguments = ["export", str(tmp_path / f"{number}.jsonl"), "--by", "王芳"]
        done = CliRunner().invoke(ledger_app, arguments)
        assert done.exit_code == 0, done.output
        found, _ = events.page(RiskFilter(page=Page(Span(), before=None, limit=9)), auditor())
        assert [(one.key_id, one.key_name, one.rows) for one in found] == noted
