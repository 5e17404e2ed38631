"""The packed service runs where there is neither this repository nor the internet, with its own short list of libraries."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.deploy.service_imports import ROOT, modules_of_the_service

if TYPE_CHECKING:
    from tests.serving.conftest import World

DEPLOY = ROOT / "deploy"
NORMAL = re.compile(r"[-_.]+")
# Refuses what would leave the machine, and writes it down where a test can look.
NO_INTERNET = """
import os, socket
_connect = socket.socket.connect
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        with open(os.environ["TRIED"], "a") as tried:
            tried.write(f"{address}\\n")
        raise OSError(101, "Network is unreachable")
    return _connect(self, address)
socket.socket.connect = connect
"""


def normal(name: str) -> str:
    return NORMAL.sub("-", name).lower()


def named(path: Path) -> set[str]:
    """Return the distributions that a requirements file names."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {normal(found[0]) for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))}


@dataclass(frozen=True)
class Packed:
    """A bento unpacked in a folder of its own, and a Python that finds no other code of ours."""

    bento: Path
    python: Path
    folder: Path


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    folder = tmp_path_factory.mktemp("bento")
    environment = {**os.environ, "BENTOML_HOME": str(folder / "built"), "BENTOML_DO_NOT_TRACK": "True"}
    build = [
        sys.executable,
        "-m",
        "bentoml",
        "build",
        "--bentofile",
        "deploy/bentofile.yaml",
        "--output",
        "tag",
        ".",
    ]
    built = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (made,) = (path for path in (folder / "built" / "bentos" / "zhiheng").iterdir() if path.is_dir())
    bento = folder / "elsewhere" / "bento"
    shutil.copytree(made, bento)
    shutil.rmtree(folder / "built")
    return Packed(bento, lone_python(folder / "python"), folder / "elsewhere")


def lone_python(folder: Path) -> Path:
    """Make an environment that holds the libraries of requirements-service.txt and no other."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in named(DEPLOY / "requirements-service.txt"):
        try:
            files = metadata.distribution(name).files or []
        except metadata.PackageNotFoundError:
            continue  # for another platform or another Python
        for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
            link = packages / top
            target = Path(str(metadata.distribution(name).locate_file(top)))
            if not link.exists() and target.exists():
                link.symlink_to(target)
    (packages / "sitecustomize.py").write_text(NO_INTERNET)
    return folder / "bin" / "python"


def test_a_bento_holds_every_file_that_our_packages_need(packed: Packed) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "serving", "models", "features", "graph"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    held = {path.relative_to(packed.bento / "src").as_posix() for path in (packed.bento / "src").rglob("*")}
    needed = {path.relative_to(ROOT).as_posix() for path in modules_of_the_service().values()}
    data = {path for path in tracked.stdout.split() if not path.endswith((".py", ".md"))}
    assert data
    assert (needed | data) - held == set()


def test_a_bento_holds_nothing_but_the_service(packed: Packed) -> None:
    top = {path.name for path in (packed.bento / "src").iterdir()}
    assert top <= {"serving", "models", "features", "graph", "bentofile.yaml"}


@dataclass(frozen=True)
class Away:
    """The packed service, running."""

    port: int
    key: str
    log: Path
    tried: Path

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def away(
    packed: Packed, tmp_path_factory: pytest.TempPathFactory, make_world: "Callable[[Path], World]"
) -> Iterator[Away]:
    home = tmp_path_factory.mktemp("home")
    key, port = make_world(home).officer, free_port()
    tried, log = home / "tried", home / "service.log"
    environment = {
        "PATH": os.defpath,
        "HOME": str(packed.folder),
        "LANG": "C.UTF-8",
        "BENTOML_HOME": str(packed.folder / "run"),
        "BENTOML_DO_NOT_TRACK": "True",
        "ZHIHENG_HOME": str(home),
        "ZHIHENG_PORT": str(port),
        "TRIED": str(tried),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    (packed.folder / "run").mkdir(exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [packed.python, "-m", "bentoml", "serve", str(packed.bento)],
            cwd=packed.folder,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    service = Away(port, key, log, tried)
    try:
        wait_ready(service, process)
        yield service
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_ready(service: Away, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if service.call("GET", "/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the bento did not become ready:\n{service.log.read_text()}")


@pytest.mark.slow
def test_a_bento_scores_and_writes_it_down_from_an_empty_folder(away: Away) -> None:
    status, text = away.call("POST", "/v1/credit/score", json.dumps({"party_id": "P0000001"}).encode())
    assert status == 200, text
    answer = json.loads(text)
    total = answer["base_log_odds"] + sum(one["contribution"] for one in answer["contributions"])
    assert total == pytest.approx(answer["log_odds"], abs=1e-6)
    ready = json.loads(away.call("GET", "/readyz")[1])
    assert ready["parts"]["ledger"]["count"] >= 1


@pytest.mark.slow
def test_a_bento_serves_its_docs_and_metrics_itself(away: Away) -> None:
    for path in ("/docs", "/openapi.json", "/static_content/swagger-ui-bundle.js", "/metrics"):
        assert away.call("GET", path)[0] == 200, path


@pytest.mark.slow
def test_a_bento_asks_nobody_outside(away: Away) -> None:
    away.call("GET", "/readyz")
    assert not away.tried.exists()
