"""The disk: full, or its files moved away: no answer without a durable record, and answers again when it is put right."""

import contextlib
import resource
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.chaos.conftest import MakeWorld
from tests.chaos.crowd import Crowd, check_kept
from tests.chaos.house import House, furnish, slug, until
from tests.serving.conftest import StartService
from tests.serving.databases import Place

UNAVAILABLE = (503, "ledger-unavailable")
DISK_MB = 48


@contextlib.contextmanager
def no_room(house: House) -> Iterator[None]:
    """Let no file of the workers grow, as the kernel does where a quota is used up."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in house.workers}
    for pid, (_, most) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        for pid, limit in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


def test_ledger_that_must_not_grow_means_503_until_it_may(on_file: House) -> None:
    house = on_file.start()
    workers = house.workers
    with Crowd(house) as crowd:
        crowd.wait_for(15)
        with no_room(house):
            until(lambda: crowd.problems[UNAVAILABLE] > 15, "nobody was told")
            assert slug(house.score(), 503) == "ledger-unavailable"
            assert house.ready() == 503, "it says so before somebody asks in vain"
            assert house.part("ledger")["ready"] is False
        crowd.wait_for(15)
        until(lambda: house.ready() == 200, "the service did not become ready by itself")
    assert set(crowd.problems) <= {UNAVAILABLE, (503, "no-room")}
    assert house.workers == workers, "nobody died of it"
    check_kept(house, crowd)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, where this machine lets us have one."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_MB}m", "zhiheng", str(place)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode != 0:
        pytest.skip(
            "mounting a small disk needs rights that this user does not have; a limit of the process stands in"
        )
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_full_disk_means_503_kills_no_worker_and_heals(
    small_disk: Path, make_world: MakeWorld, start_service: StartService
) -> None:
    """Counting on: metrics lie in mapped files, and a page without room for it would end the process."""
    world = make_world(small_disk / "home")
    house = furnish(world, Place("sqlite", world.home / "ledger.db"), start_service)
    try:
        house.start(ZHIHENG_WORKERS="1")
        workers = house.workers
        assert house.score().status == 200
        filler = small_disk / "filler"
        fill(filler)
        assert slug(house.score(), 503) == "ledger-unavailable"
        for path in (
            "/nowhere",
            "/v1/credit/schema",
            "/metrics",
            "/v1/jobs",
        ):  # each a new series to be counted
            house.service.call("GET", path)
        assert house.ready() == 503
        assert house.part("ledger")["ready"] is False
        assert house.workers == workers, "nobody died of it"
        filler.unlink()
        assert house.score().status == 200
        assert house.ready() == 200
        house.verified_rows()
    finally:
        house.close()


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def moved(ledger: Path) -> Path:
    return ledger.rename(ledger.with_suffix(".moved"))


def replaced_by_empty(ledger: Path) -> Path:
    away = moved(ledger)
    ledger.touch(0o600)
    return away


@pytest.mark.parametrize("take", [moved, replaced_by_empty])
def test_ledger_that_is_moved_away_means_503_until_it_is_back(
    on_file: House, take: Callable[[Path], Path]
) -> None:
    house = on_file.start()
    before = house.verified_rows()
    away = take(house.place.path)
    try:
        answer = house.score()
        assert slug(answer, 503) == "ledger-unavailable"
        assert str(house.world.home) not in answer.text
        assert house.ready() == 503
    finally:
        away.rename(house.place.path)
    assert house.score().status == 200
    assert house.ready() == 200
    assert house.verified_rows() == before + 1


def log_files(house: House) -> list[Path]:
    """Return the file of today, and that of tomorrow for a test that runs over midnight."""
    today = datetime.now(UTC).date()
    return [house.world.home / "logs" / f"access-{today + timedelta(days=more)}.jsonl" for more in (0, 1)]


def logged(house: House, request_id: str) -> bool:
    return any(request_id in path.read_text() for path in log_files(house) if path.exists())


def ask(house: House, request_id: str) -> int:
    headers = {"Authorization": f"Bearer {house.keys['officer']}", "X_Request_ID": request_id}
    return house.service.call("GET", "/v1/jobs", None, **headers).status


def test_access_log_that_cannot_be_written_stops_no_answer_and_is_told(on_file: House) -> None:
    house = on_file.start(ZHIHENG_WORKERS="2")
    assert ask(house, "before-the-fault") == 200
    for path in log_files(house):
        path.unlink(missing_ok=True)
        path.symlink_to("/dev/full")  # every write finds no space
    until(lambda: ask(house, "during-it") == 200 and not house.part("access_log")["ready"], "nobody was told")
    assert house.ready() == 200
    assert house.score().status == 200
    for path in log_files(house):
        path.unlink()
    until(lambda: ask(house, "after-the-fault") == 200 and logged(house, "after-the-fault"), "no line came")
    assert "zhiheng_access_log_failures_total" in house.service.call("GET", "/metrics").text


def test_access_log_that_is_deleted_is_begun_anew(on_file: House) -> None:
    house = on_file.start()
    assert ask(house, "before-it-goes") == 200
    for path in log_files(house):
        path.unlink(missing_ok=True)
    assert ask(house, "after-it-went") == 200
    until(lambda: logged(house, "after-it-went"), "no line came")
