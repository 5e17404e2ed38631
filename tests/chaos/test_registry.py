"""MLflow hangs, sends broken files, talks nonsense, is killed or away when a worker starts: the last good model answers."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.credit.model import CreditModel
from tests.chaos.conftest import MakeWorld
from tests.chaos.house import House, until
from tests.chaos.parts_house import (
    PARTY,
    gauge,
    log_says,
    open_parts_house,
    replace_worker,
    wait_for_problem,
    wait_until_whole,
)
from tests.serving.champions.mlflow_server import MlflowServer, bundle_files, start_mlflow
from tests.serving.conftest import StartService, free_port, train

pytestmark = pytest.mark.slow  # MLflow takes half a minute to start


@dataclass
class Registry:
    """The house that follows MLflow, and the server, which has been starting since the house began to."""

    house: House
    starting: "Future[MlflowServer]"
    folder: Path

    @property
    def server(self) -> MlflowServer:
        return self.starting.result()

    def put(self, seed: int) -> str:
        """Register a model and return its version."""
        model: CreditModel = train(seed=seed)
        version, files = bundle_files(self.folder / f"trained-{seed}", model, seed)
        if self.server.rest.by_bundle_version("credit", version) is None:
            self.server.register("credit", files, version)
        return version

    def point(self, version: str) -> None:
        assert self.server.rest.point("credit", "champion", version) == "moved"

    def serve(self, version: str) -> None:
        """Let a version be champion, and wait until it answers."""
        self.point(version)
        until(lambda: self.house.score(PARTY).json["model_version"] == version, f"{version} is not followed")

    def assert_goes_on(self, version: str) -> None:
        """The last good model answers as ever; readiness, metric and log tell the operators."""
        answer = self.house.score(PARTY).json
        assert (answer["model_version"], answer["quality"]["level"]) == (version, "full")
        assert self.house.ready() == 200
        assert gauge(self.house, "zhiheng_part_ready", "registry") == 0


@pytest.fixture(scope="module")
def registry(
    tmp_path_factory: pytest.TempPathFactory, make_world: MakeWorld, start_service: StartService
) -> Iterator[Registry]:
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    house = open_parts_house(
        make_world(tmp_path_factory.mktemp("followed")),
        start_service,
        ZHIHENG_MLFLOW_URI=f"http://127.0.0.1:{port}",
        ZHIHENG_MLFLOW_POLL_SECONDS="0.3",
        ZHIHENG_MLFLOW_TIMEOUT_SECONDS="2",
    )
    with ThreadPoolExecutor(1) as beside:
        found = Registry(house, beside.submit(start_mlflow, folder, port), folder)
        house.start()
        yield found
        house.close()
        found.server.stop()


@contextmanager
def nonsense(port: int, text: bytes) -> Iterator[threading.Event]:
    """Answer everything on a port with the same bytes."""
    asked = threading.Event()

    def answer(listener: socket.socket) -> None:
        with suppress(OSError):  # shut down by the test
            while True:
                caller, _ = listener.accept()
                with caller, suppress(OSError):
                    caller.settimeout(20)
                    caller.recv(65_536)
                    caller.sendall(text)
                    asked.set()

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(16)
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        try:
            yield asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(20)


def http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)


def test_registry_that_hangs_is_not_waited_for_and_comes_back_by_itself(registry: Registry) -> None:
    house, good = registry.house, registry.put(51)
    registry.serve(good)
    wait_until_whole(house, "registry")
    os.killpg(registry.server.process.pid, signal.SIGSTOP)
    try:
        wait_for_problem(house, "registry", "MLflow is away")
        registry.assert_goes_on(good)
        assert log_says(house, "MLflow is away")
    finally:
        os.killpg(registry.server.process.pid, signal.SIGCONT)
    wait_until_whole(house, "registry")
    assert log_says(house, "MLflow is back")


def test_broken_artifact_is_refused_and_taken_when_it_is_repaired(registry: Registry) -> None:
    house, good, broken = registry.house, registry.put(51), registry.put(52)
    registry.serve(good)
    file = registry.server.stored("own_0.txt", broken)
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    registry.point(broken)
    wait_for_problem(house, "registry", broken, "own_0.txt")
    registry.assert_goes_on(good)
    assert log_says(house, f"credit champion {broken} is refused")
    file.write_bytes(whole)
    until(lambda: house.score(PARTY).json["model_version"] == broken, "the repaired one is not taken up")
    wait_until_whole(house, "registry")


NONSENSE: dict[str, bytes] = {
    "no HTTP": b"\x00\xff garbage\r\n\r\n",
    "no JSON": http(b"<html>Bad gateway</html>"),
    "another JSON": http(b'{"model_version": {"name": 7}}'),
}


def test_registry_that_is_killed_replaced_by_nonsense_and_started_again(registry: Registry) -> None:
    house, good, later, port = registry.house, registry.put(51), registry.put(53), registry.server.port
    registry.serve(good)
    registry.server.stop()
    wait_for_problem(house, "registry", "MLflow is away")
    registry.assert_goes_on(good)
    for text in NONSENSE.values():
        with nonsense(port, text) as asked:
            assert asked.wait(60), "MLflow's place is not asked any more"
            registry.assert_goes_on(good)
    replace_worker(house)  # which begins while MLflow is away
    until(lambda: house.score(PARTY).json.get("model_version") == good, "the copy kept here does not answer")
    wait_for_problem(house, "registry", "MLflow is away")
    registry.assert_goes_on(good)
    again = start_mlflow(registry.folder, port)
    registry.starting = Future()
    registry.starting.set_result(again)
    wait_until_whole(house, "registry")
    registry.serve(later)
