"""The access log: whole lines from many writers, a file a day, nothing younger than 180 days removed, never in the way."""

import asyncio
import json
import multiprocessing
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from serving.operations.access_log import LEAST_DAYS, AccessLog
from serving.operations.observing import Seen
from serving.settings import ServiceSettings

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
SEEN = Seen("/v1/credit/score", "POST", 200, 0.0031, "request-1", "ab" * 16, "k1", "")


class Day:
    """A log under a clock that the test moves, and how many lines it lost."""

    def __init__(self, folder: Path, keep_days: int = 1) -> None:
        self.now, self.lost, self.folder = NOON, 0, folder
        self.log = AccessLog(folder, keep_days=keep_days, clock=lambda: self.now, on_failure=self.count)

    def count(self) -> None:
        self.lost += 1

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    made = Day(tmp_path / "logs")
    yield made
    made.log.close()


def test_a_line_tells_who_asked_what_and_how_it_ended(day: Day) -> None:
    day.log.write(SEEN)
    line = json.loads((day.folder / "access-2026-11-01.jsonl").read_text())
    assert line == {
        "timestamp": "2026-11-01T12:00:00.000+00:00",
        "level": "info",
        "event": "request",
        "route": "/v1/credit/score",
        "method": "POST",
        "status": 200,
        "ms": 3.1,
        "trace_id": "ab" * 16,
        "request_id": "request-1",
        "key_id": "k1",
        "problem": None,
    }


def test_each_day_has_its_file(day: Day) -> None:
    day.log.write(SEEN)
    day.now += timedelta(days=1)
    day.log.write(SEEN)
    assert day.files() == ["access-2026-11-01.jsonl", "access-2026-11-02.jsonl"]


def test_files_of_180_days_stay_whatever_is_asked_for(day: Day) -> None:
    for _ in range(LEAST_DAYS + 5):
        day.log.write(SEEN)
        day.now += timedelta(days=1)
    last = day.now - timedelta(days=1)
    kept = [f"access-{(last - timedelta(days=back)).date()}.jsonl" for back in range(LEAST_DAYS)]
    assert day.files() == sorted(kept)


def test_no_setting_keeps_less_than_180_days() -> None:
    with pytest.raises(ValidationError, match="180"):
        ServiceSettings(access_log_days=179)


def test_a_clock_that_jumps_ahead_removes_nothing(day: Day) -> None:
    for _ in range(30):
        day.log.write(SEEN)
        day.now += timedelta(days=1)
    day.now += timedelta(days=4000)
    day.log.write(SEEN)
    assert len(day.files()) == 31


def test_other_files_in_the_folder_are_left_alone(day: Day) -> None:
    day.folder.mkdir()
    (day.folder / "access-1999-01-01.jsonl.gz").write_text("archived")
    for _ in range(LEAST_DAYS + 1):
        day.log.write(SEEN)
        day.now += timedelta(days=1)
    assert "access-1999-01-01.jsonl.gz" in day.files()


def test_a_full_disk_is_counted_and_told_and_ends_without_a_torn_line(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, day.folder = os.write, day.folder

    def full(file: int, data: bytes) -> int:
        return write(file, data[:10])

    monkeypatch.setattr("serving.operations.access_log.os.write", full)
    day.log.write(SEEN)
    assert (day.lost, bool(day.log.problem)) == (1, True)
    monkeypatch.undo()
    day.log.write(SEEN)
    assert day.log.problem is None
    torn, whole = (day.folder / "access-2026-11-01.jsonl").read_text().splitlines()
    assert len(torn) == 10
    assert json.loads(whole)["request_id"] == "request-1"


def test_a_folder_that_cannot_be_made_stops_no_answer(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file in the way")
    day = Day(tmp_path / "logs")
    day.log.write(SEEN)
    assert day.lost == 1
    assert day.log.problem is not None


def write_many(folder: Path, worker: int) -> None:
    log = AccessLog(folder, keep_days=200, clock=lambda: NOON, on_failure=lambda: None)
    for number in range(500):
        log.write(SEEN._replace(request_id=f"{worker}-{number:06}" + "x" * 40))
    log.close()


def test_lines_of_several_workers_stay_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=write_many, args=(tmp_path, worker)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = [json.loads(line) for line in (tmp_path / "access-2026-11-01.jsonl").read_text().splitlines()]
    assert len({line["request_id"] for line in found}) == 1500


def test_lines_within_an_event_loop_are_written_together_soon(day: Day) -> None:
    path = day.folder / "access-2026-11-01.jsonl"

    async def answer() -> int:
        for _ in range(5):
            day.log.write(SEEN)
        assert not path.exists()
        while not path.exists():
            await asyncio.sleep(0.01)
        return len(path.read_text().splitlines())

    assert asyncio.run(answer()) == 5
    assert asyncio.run(_write_once(day.log)) is None  # its timer ends with its loop
    assert asyncio.run(_write_once(day.log)) is None
    day.log.close()
    assert len(path.read_text().splitlines()) == 7


async def _write_once(log: AccessLog) -> None:
    log.write(SEEN)


def test_lines_on_both_sides_of_midnight_go_to_their_own_day(day: Day) -> None:
    async def answer() -> None:
        day.log.write(SEEN)
        day.now += timedelta(days=1)
        day.log.write(SEEN)
        day.log.close()

    asyncio.run(answer())
    lines = [len((day.folder / name).read_text().splitlines()) for name in day.files()]
    assert (day.files(), lines) == (["access-2026-11-01.jsonl", "access-2026-11-02.jsonl"], [1, 1])


def test_a_disk_that_hangs_holds_up_no_event_loop(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that nobody reads: opening it to write waits, as a disk that is away makes it wait."""
    monkeypatch.setattr("serving.operations.access_log._MOST_WAITING", 3)
    path = day.folder / "access-2026-11-01.jsonl"
    day.folder.mkdir()
    os.mkfifo(path)

    async def ask() -> list[bytes]:
        day.log.write(SEEN)
        await asyncio.sleep(0.3)  # the first line is on its way and hangs
        for _ in range(5):
            day.log.write(SEEN)  # three wait, two are lost and counted
        await asyncio.sleep(0.3)
        assert day.lost == 2
        return await asyncio.to_thread(read)

    def read() -> list[bytes]:
        with path.open("rb") as reader:
            return [reader.readline() for _ in range(4)]

    lines = asyncio.run(asyncio.wait_for(ask(), 20))
    assert [json.loads(line)["status"] for line in lines] == [200] * 4
