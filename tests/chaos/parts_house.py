"""A house of one worker with all that credit answers come from, and ways to damage files and to put them back."""

import json
import os
import shutil
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

from features.checked_files import file_sha256
from serving.access.roles import Role
from tests.chaos.house import House, furnish, until
from tests.serving.champions.conftest import make_key
from tests.serving.conftest import StartService, World
from tests.serving.credit.questions.question_world import put_exposures, put_graph
from tests.serving.databases import Place

__all__ = [
    "EVERY_ROUTE",
    "codes",
    "cut",
    "flip",
    "gauge",
    "log_says",
    "loses_nothing",
    "open_parts_house",
    "put",
    "replace_worker",
    "restored",
    "say_hash",
    "wait_for_problem",
    "wait_until_whole",
]

PARTY = "P0000001"
EVERY_ROUTE: Mapping[str, object] = {
    "credit/score": {"party_id": PARTY},
    "credit/what-if": {"party_id": PARTY, "changes": {"debt_ratio": 1.0}},
    f"credit/reasons?party_id={PARTY}": None,
    f"credit/portrait/{PARTY}": None,
    f"credit/exposure/{PARTY}": None,
}


def open_parts_house(world: World, start_service: StartService, **settings: str) -> House:
    """Put graph and exposures, and keys, into a home; the service is not started yet."""
    for name in ("credit_latest", "credit_book"):
        say_hash(world.home / "features" / f"{name}.parquet")
    put_graph(world.home)
    put_exposures(world.home)
    house = furnish(world, Place("sqlite", world.home / "ledger.db"), start_service)
    house.keys = {**house.keys, "operator": make_key(world.home, "王值班", Role.OPERATOR)}
    house.settings = {"ZHIHENG_WORKERS": "1", **settings}
    return house


def say_hash(parquet: Path, **changes: str) -> None:
    """Put a file's hash beside it, as those who write these files do; `changes` go into the same JSON file."""
    beside = parquet.with_suffix(".json")
    said: dict[str, Any] = json.loads(beside.read_bytes()) if beside.exists() else {}
    put(beside, json.dumps({**said, **changes, "sha256": file_sha256(parquet)}).encode())


def put(path: Path, content: bytes) -> None:
    """Write a file in one step."""
    new = path.with_name(f".new-{path.name}")
    new.write_bytes(content)
    new.replace(path)


def flip(path: Path, at: float = 0.5, *, traceless: bool = False) -> None:
    """Flip one bit of a file where it lies, as a bad disk does; `traceless` keeps its time of change too."""
    status = path.stat()
    with path.open("r+b") as stream:
        stream.seek(int(status.st_size * at))
        byte = stream.read(1)[0]
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte ^ 1]))
    if traceless:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cut(path: Path) -> None:
    """Leave half of a file, as a copy does that broke off."""
    os.truncate(path, path.stat().st_size // 2)


@contextmanager
def restored(*paths: Path) -> Iterator[None]:
    """Put files and folders back as they were, whatever happens to them within."""
    kept = {path: path.with_name(f".kept-{path.name}-{uuid.uuid4().hex}") for path in paths}
    for path, copy in kept.items():
        if path.is_dir():
            shutil.copytree(path, copy)
        else:
            shutil.copy2(path, copy)
    try:
        yield
    finally:
        for path, copy in kept.items():
            if path.is_dir():
                shutil.rmtree(path)
            copy.replace(path)


@contextmanager
def loses_nothing(house: House, part: str, *paths: Path) -> Iterator[None]:
    """Put files back after they were broken, and wait until the part is whole again by itself."""
    with restored(*paths):
        yield
    wait_until_whole(house, part)


def wait_for_problem(house: House, part: str, *words: str) -> Mapping[str, Any]:
    """Wait until a part says what is wrong with it, in words that name it."""

    def says() -> bool:
        return all(word in house.part(part).get("problem_en", "") for word in words)

    until(says, f"{part} does not say {words}")
    return house.part(part)


def wait_until_whole(house: House, part: str) -> None:
    """Wait until a part works and nothing is wrong with it."""

    def whole() -> bool:
        found = house.part(part)
        return bool(found["ready"]) and "problem_en" not in found

    until(whole, f"{part} did not come back")


def replace_worker(house: House) -> None:
    """Kill the only worker; the one that takes its place begins with what lies on the disk now."""
    (worker,) = house.workers
    os.kill(worker, signal.SIGKILL)
    until(lambda: house.workers not in ([], [worker]) and answers(house), "no worker took its place")


def answers(house: House) -> bool:
    """Tell whether anybody answers at all."""
    try:
        return house.service.call("GET", "/healthz").status == 200
    except (OSError, HTTPException):
        return False


def gauge(house: House, name: str, part: str) -> float:
    """Return what /metrics says of a part."""
    page = house.service.call("GET", "/metrics").text
    (line,) = [line for line in page.splitlines() if line.startswith(f'{name}{{part="{part}"')]
    return float(line.split()[-1])


def log_says(house: House, *words: str) -> bool:
    """Tell whether one line of the service's log has all the words."""
    lines = house.service.log.read_text().splitlines()
    return any(all(word in line for word in words) for line in lines)


def codes(answer: Mapping[str, Any]) -> list[str]:
    """Return the codes of the notes on an answer's quality."""
    return [note["code"] for note in answer["quality"]["notes"]]
