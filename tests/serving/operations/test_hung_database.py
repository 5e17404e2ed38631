"""A database that hangs: how the service is can be asked all the same, and no thread is lost to each who asks."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from serving.access.risk_events import RiskEvents
from serving.ledger.database import Database
from tests.serving.ledger.test_committer import Held
from tests.serving.metrics_page import samples

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

ADDRESSES = ("/healthz", "/readyz", "/metrics")


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], threading.Event]]:
    """Return a function from which on no database answers, until what it returns is set."""
    back = threading.Event()

    def current(database: Database) -> object:
        back.wait()
        return database._engine

    def begin() -> threading.Event:
        monkeypatch.setattr(Database, "_current", current)
        return back

    yield begin
    back.set()


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def part_ready(page: str) -> dict[str, float]:
    return {labels["part"]: value for labels, value in samples(page, "zhiheng_part_ready")}


def test_hung_database_leaves_the_three_addresses_answering_and_holds_one_thread(
    client: "Client", hang: Callable[[], threading.Event]
) -> None:
    back = hang()
    answers = [client.http.get(address) for _ in range(3) for address in ADDRESSES]
    assert [answer.status_code for answer in answers] == [200, 503, 200] * 3
    for answer in (answers[0], answers[1]):
        ledger = answer.json()["parts"]["ledger"]
        assert ledger["ready"] is False
        assert "does not answer" in ledger["problem_en"]
        assert ledger["problem_zh"]
    assert part_ready(answers[2].text)["ledger"] == 0
    assert part_ready(answers[2].text)["model"] == 1
    [stuck] = named("ledger-probe")
    assert named("job-counts") == []
    back.set()
    stuck.join()
    assert [client.http.get(address).status_code for address in ADDRESSES] == [200] * 3
    assert part_ready(client.http.get("/metrics").text)["ledger"] == 1


def test_three_addresses_answer_though_all_threads_that_answer_wait_for_the_database(
    client: "Client", hang: Callable[[], threading.Event]
) -> None:
    back = hang()
    threads = [threading.Thread(target=client.score, args=({"party_id": "P0000000"},)) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        assert [client.http.get(address).status_code for address in ADDRESSES] == [200, 503, 200]
    finally:
        back.set()
        for thread in threads:
            thread.join()


def test_every_part_of_readyz_is_measured(client: "Client") -> None:
    client.deployment.access_log.problem = "No space left on device"
    measured = part_ready(client.http.get("/metrics").text)
    parts = client.http.get("/readyz").json()["parts"]
    assert {name: measured[name] for name in parts} == {
        name: float(part["ready"]) for name, part in parts.items()
    }
    assert measured["access_log"] == 0


def test_what_waits_behind_a_commit_that_hangs_is_counted(client: "Client") -> None:
    committer = client.deployment.parts.ledger._committer
    with Held(committer):
        waiting = threading.Thread(target=client.score, args=({"party_id": "P0000000"},))
        waiting.start()
        while not committer.waiting:
            waiting.join(0.01)
        client.deployment.gauges.look_at_queue()
        page = client.http.get("/metrics").text
    waiting.join()
    assert [value for _, value in samples(page, "zhiheng_ledger_queue")] == [1.0]


def test_refusal_is_answered_though_its_note_hangs_and_the_log_tells_of_it(
    world: "World",
    make_client: "MakeClient",
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = make_client(world.home, world.planner, watch_refusals=1)
    back, noted = threading.Event(), threading.Event()
    note = RiskEvents.note

    def hung(*given: object, **named: object) -> None:
        back.wait()
        note(*given, **named)  # type: ignore[arg-type]
        noted.set()

    monkeypatch.setattr(RiskEvents, "note", hung)
    caplog.set_level(logging.ERROR, "bentoml.zhiheng")
    try:
        assert client.score({"party_id": "P0000000"}).status_code == 403
        assert "could not be noted: many_refusals" in caplog.text
        assert client.score({"party_id": "P0000000"}).status_code == 403
    finally:
        back.set()
    assert noted.wait(20), "what hung was given up"
