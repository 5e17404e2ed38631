"""A champion that changes while requests are answered: not one fails, each names one version; broken copies are noticed."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.serving.champions.conftest import PARTY, Operations

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World


def test_swap_under_load_fails_no_request(
    client: "Client", world: "World", put_model: Callable[..., str]
) -> None:
    versions, done = {world.version}, threading.Event()
    answers: list[tuple[int, str]] = []

    def ask() -> None:
        while not done.is_set():
            answer = client.score(PARTY)
            answers.append((answer.status_code, answer.json().get("model_version", answer.text)))

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        for seed in range(20, 25):
            versions.add(put_model(world.home, seed=seed, name=f"v{seed}"))
            client.deployment.parts.refresh()
            taken = len(answers)
            while len(answers) < taken + 6:  # some are answered by each version
                done.wait(0.01)
        done.set()
        for one in asking:
            one.result()
    assert {status for status, _ in answers} == {200}
    assert {version for _, version in answers} == versions


def test_champion_broken_at_the_start_lets_the_last_whole_champion_answer(
    operations: Operations, world: "World", make_client: "MakeClient"
) -> None:
    (world.home / "models" / "credit" / "v2" / "own_0.txt").write_text("tree")
    restarted = make_client(world.home, world.officer)
    body = restarted.score(PARTY).json()
    assert body["model_version"] == operations.first
    assert "model_previous" in [note["code"] for note in body["quality"]["notes"]]
    part = restarted.http.get("/readyz").json()["parts"]["model"]
    assert (part["ready"], part["level"]) == (True, "previous")
    assert "own_0.txt" in part["problem_en"]


def test_file_that_changes_without_a_trace_is_found_by_its_hash(client: "Client", world: "World") -> None:
    path = world.home / "models" / "credit" / "v1" / "own_0.txt"
    before, stat = path.read_bytes(), path.stat()
    path.write_bytes(before.replace(b"0", b"1", 1))

    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    parts = client.deployment.parts
    parts.refresh()
    assert "model" not in parts.problems, "nothing but the hash tells"
    assert parts.credit._hashed_at is not None
    parts.credit._hashed_at -= timedelta(hours=1)
    parts.refresh()
    answer, part = client.score(PARTY), client.http.get("/readyz").json()["parts"]["model"]
    assert answer.json()["model_version"] == world.version, "what is in memory is whole"
    assert part["ready"] is True
    assert "own_0.txt" in part["problem_en"]


def test_two_versions_live_side_by_side_and_others_leave_memory(
    operations: Operations, world: "World", put_model: Callable[..., str]
) -> None:
    operations.order("approver", "aliases", alias="challenger", version=operations.first)
    parts = operations.client.deployment.parts
    assert set(parts.credit.shelf.versions().values()) == {operations.first, operations.second}
    third = put_model(world.home, seed=9, name="v3")
    parts.refresh()
    assert set(parts.credit.shelf.versions().values()) == {operations.first, third}
    assert parts.credit.shelf.of_version(operations.second).model.version == operations.second, "for a replay"
