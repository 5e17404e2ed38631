"""A home with a model and keys, and the real service on it, which tests kill, stop, hang and start again."""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import psutil

from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from tests.serving.conftest import Answer, Service, StartService, World
from tests.serving.databases import Place
from tests.serving.review.review_world import make_keys_in

WORKERS = 2
LIVE_SECONDS = 90.0  # how long anything may take that has to happen at all, on a machine that others use too


def until(holds: Callable[[], bool], told: str) -> None:
    """Wait for what has to come about, however slow the machine is."""
    end = time.monotonic() + LIVE_SECONDS
    while not holds():
        assert time.monotonic() < end, told
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Tell whether a process is there and more than an entry that nobody has asked for yet."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _begun(service: Service) -> int:
    """Return how many workers have said since the start of the service that they can answer."""
    return service.log.read_text().count("Completed async startup hook")


@dataclass
class House:
    """A home and its database; `service` is there once it was started."""

    world: World
    place: Place
    keys: Mapping[str, str]
    start_service: StartService
    settings: Mapping[str, str] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)
    _service: Service | None = None

    @property
    def service(self) -> Service:
        assert self._service is not None, "the service was not started"
        return self._service

    def start(self, **settings: str) -> Self:
        """Start the service with all its workers, or leave it running."""
        if self._service is not None and self._service.process.poll() is None:
            return self
        url = {} if self.place.url is None else {"ZHIHENG_DATABASE_URL": self.place.url}
        given = {"ZHIHENG_WORKERS": str(WORKERS), **url, **self.settings, **settings}
        self._service = started = self._open.enter_context(self.start_service(self.world, **given))
        # The first worker makes it ready; the next still starts, and what is broken now would end it: another case.
        until(lambda: _begun(started) >= int(given["ZHIHENG_WORKERS"]), "a worker did not start")
        return self

    def end(self) -> None:
        """End the service if it runs; the next start may have other settings."""
        if self._service is not None and self._service.process.poll() is None:
            self._service.process.terminate()
            self._service.process.wait(LIVE_SECONDS)

    def close(self) -> None:
        """End what runs."""
        if self._service is not None and self._service.process.poll() is None:
            for pid in self.workers:
                os.kill(pid, signal.SIGCONT)
        self._open.close()

    @property
    def workers(self) -> list[int]:
        """Return the processes that answer: the living children of the supervisor."""
        # Not /proc/<pid>/task/<pid>/children: it leaves some out while another process ends.
        children = psutil.Process(self.service.process.pid).children()
        return sorted(child.pid for child in children if alive(child.pid))

    def kill_all(self) -> None:
        """Kill supervisor and workers at once, as when the power goes for this service alone."""
        os.killpg(self.service.process.pid, signal.SIGKILL)
        self.service.process.wait(LIVE_SECONDS)

    def ask(self, path: str, who: str, body: object = None, **query: str) -> Answer:
        method = "GET" if body is None else "POST"
        asked = "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""
        headers = {
            "Authorization": f"Bearer {self.keys[who]}",
            "Content_Type": "application/json",
            "Accept_Language": "en",
        }
        sent = None if body is None else json.dumps(body).encode()
        return self.service.call(method, f"/v1/{path}{asked}", sent, **headers)

    def score(self, party: str = "P0000000") -> Answer:
        return self.ask("credit/score", "officer", {"party_id": party})

    def part(self, name: str) -> Mapping[str, Any]:
        """Return what /healthz says of a part."""
        found: Mapping[str, Any] = self.service.call("GET", "/healthz").json["parts"][name]
        return found

    def ready(self) -> int:
        return self.service.call("GET", "/readyz").status

    def database(self) -> Database:
        """Open the database beside the service, as an auditor would."""
        found = self.place.database()
        found.open()
        return found

    def verified_rows(self) -> int:
        """Return how many decisions there are; all of them hold."""
        database = self.database()
        try:
            found = Ledger(database).verify()
        finally:
            database.close()
        assert found.broken is None, found.broken
        return found.rows


def furnish(world: World, place: Place, start_service: StartService) -> House:
    """Put keys into a database beside a home."""
    database = place.database()
    database.open()
    keys = make_keys_in(database)
    database.close()
    return House(replace(world, officer=keys["officer"]), place, keys, start_service)


def slug(answer: Answer, status: int) -> str:
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json["type"]).rpartition(":")[2]
