"""Graph servers for the parity tests: ArcadeDB from PyPI always, Neo4j where there is one or one can be started."""

import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from graph.errors import GraphServerError
from graph.neo4j_store import BoltConnection, Neo4jStore, TimeLimits

SERVERS = ("arcadedb", "neo4j")
PASSWORD = "parity-tests-only"


@dataclass(frozen=True)
class Address:
    """Where a server of the tests is reached; `classpath` is the file that lists its jars, where the tests started it."""

    uri: str
    user: str
    password: str
    classpath: Path | None = None

    def connection(self, *, database: str = "neo4j", password: str | None = None) -> BoltConnection:
        """Return a new connection, by default with the right password to the right database."""
        given = self.password if password is None else password
        limits = TimeLimits(connect=5, question=30, bulk=60, retry=15)
        return BoltConnection(self.uri, user=self.user, password=given, database=database, limits=limits)


@pytest.fixture(scope="session")
def arcadedb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Run ArcadeDB in a process of its own: a JVM inside pytest would take its signals and output."""
    if find_spec("arcadedb_embedded") is None and _glibc() < (2, 34):
        pytest.skip("ArcadeDB's wheels need glibc 2.34, this system has an older one")
    folder = tmp_path_factory.mktemp("arcadedb")
    bolt, http = _free_ports(2)
    script = Path(__file__).with_name("arcadedb_server.py")
    (folder / "log").mkdir()
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, str(script), str(folder / "root"), str(bolt), str(http)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    assert server.stdin is not None
    server.stdin.write(f"{PASSWORD}\n".encode())
    server.stdin.flush()
    address = Address(f"bolt://127.0.0.1:{bolt}", "root", PASSWORD)
    try:
        _wait(address, lambda: server.poll() is None, folder / "server.log")
        yield address
    finally:
        server.stdin.close()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture(scope="session")
def neo4j(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Address]:
    """Use the Neo4j of NEO4J_URI, else start one as `make neo4j` does; skip only where that cannot be done at all."""
    if uri := os.environ.get("NEO4J_URI"):
        address = Address(uri, os.environ.get("NEO4J_USER", "neo4j"), os.environ.get("NEO4J_PASSWORD", ""))
        _refuse_somebodys_graph(address)
        yield address
        return
    missing = [command for command in ("java", "mvn") if shutil.which(command) is None]
    if missing:
        pytest.skip(f"NEO4J_URI is not set and {' and '.join(missing)} to start Neo4j with is not installed")
    home = tmp_path_factory.mktemp("neo4j")
    [port] = _free_ports(1)
    script = repository / "deploy" / "neo4j" / "server.sh"
    settings = {"HOME": str(home), "NEO4J_PORT": str(port), "NEO4J_PASSWORD": PASSWORD, "NEO4J_HEAP": "512m"}
    environment = os.environ | {f"ZHIHENG_{name}": value for name, value in settings.items()}
    started = subprocess.run(
        [script, "start"], env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    try:
        assert started.returncode == 0, f"Neo4j did not start:\n{started.stdout}\n{started.stderr}"
        address = Address(
            f"bolt://127.0.0.1:{port}", "neo4j", PASSWORD, classpath=home / "neo4j" / "classpath"
        )
        _wait(address, lambda: True, home / "neo4j" / "logs" / "console.log")
        yield address
    finally:
        subprocess.run([script, "stop"], env=environment, capture_output=True, check=True, timeout=120)


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Address:
    """Return each server in turn."""
    address: Address = request.getfixturevalue(request.param)
    return address


@pytest.fixture(scope="session")
def connection(server: Address) -> Iterator[BoltConnection]:
    """Return one connection to each server."""
    with server.connection() as opened:
        yield opened


@pytest.fixture
def remote(connection: BoltConnection) -> Neo4jStore:
    """Return an empty store on each server; nobody waits for a writer that a test broke off."""
    store = Neo4jStore(connection, lease=0)
    store.clear()
    return store


def _glibc() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.libc_ver()[1].split(".") if part.isdigit())


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait(address: Address, alive: Callable[[], bool], log: Path) -> None:
    """Wait until the database answers a query: the port is open some seconds before."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with address.connection() as opened:
                assert opened.read(lambda run: run("RETURN 1", {})) == [[1]]
        except GraphServerError as problem:
            if not alive() or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                pytest.fail(f"the server does not answer: {problem}\n{tail}")
            time.sleep(0.3)
        else:
            return


def _refuse_somebodys_graph(address: Address) -> None:
    """The tests empty the database they are given; one that holds more than a test leaves behind is not theirs."""
    with address.connection() as opened:
        [[nodes]] = opened.read(lambda run: run("MATCH (n:Party) RETURN count(n)", {}))
    if int(str(nodes)) > 5000:
        pytest.fail(
            f"{address.uri} holds {nodes} parties. The parity tests empty it: give them a server of their own"
        )
