"""The three servers that are measured, each in processes of its own on a loopback port."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.graph_parts.usage import ROOT

__all__ = ["Server", "bare_handler", "mlflow_server", "service"]

# Keys have limits; a benchmark is the one caller that may go as fast as it can.
_UNLIMITED: Final = {"ZHIHENG_KEY_REQUESTS_PER_MINUTE": "100000000", "ZHIHENG_KEY_CONCURRENT": "1000"}
_READY_SECONDS: Final = 180


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    seconds_to_ready: float

    def processes(self) -> list[int]:
        """Return the process and all below it."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            try:
                waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            except OSError:
                continue
        return found

    def worker_memory_mb(self) -> float:
        """Return the resident memory of the largest process: the worker."""
        sizes = []
        for pid in self.processes():
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                continue
            sizes.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
        return max(sizes)


@contextmanager
def service(home: Path) -> Iterator[Server]:
    """Start the service as a user would, with one worker."""
    port = _free_port()
    command = [sys.executable, "-m", "zhiheng", "serve", "--port", str(port)]
    environment = {**_UNLIMITED, "ZHIHENG_HOME": str(home), "ZHIHENG_WORKERS": "1"}
    with _started(
        "service", command, port, ready="/readyz", log=home / "service.log", **environment
    ) as server:
        yield server


@contextmanager
def bare_handler(home: Path) -> Iterator[Server]:
    """Start the bare ASGI handler."""
    port = _free_port()
    command = [sys.executable, "-m", "bench.serving_parts.bare", str(home), str(port)]
    with _started("bare", command, port, ready="/", log=home / "bare.log") as server:
        yield server


@contextmanager
def mlflow_server(home: Path) -> Iterator[Server]:
    """Start `mlflow models serve` on a model that explains with shap."""
    port, model = _free_port(), home / "mlflow_model"
    make = [sys.executable, "-m", "bench.serving_parts.mlflow_package", str(home), str(model)]
    environment = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        "PYTHONWARNINGS": "ignore",
    }
    subprocess.run(make, cwd=ROOT, check=True, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "-p", str(port)]
    command += ["-h", "127.0.0.1", "--workers", "1", "--env-manager", "local"]
    # The model server starts "uvicorn" and "python" by name.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with _started("mlflow", command, port, ready="/ping", log=home / "mlflow.log", **environment) as server:
        yield server


@contextmanager
def _started(
    name: str, command: Sequence[str], port: int, *, ready: str, log: Path, **environment: str
) -> Iterator[Server]:
    given: Mapping[str, str] = {**os.environ, **environment}
    with log.open("wb") as stream:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=given, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            _wait(name, port, ready, process)
            yield Server(name, port, process, time.perf_counter() - begun)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def _wait(name: str, port: int, path: str, process: "subprocess.Popen[bytes]") -> None:
    """Ask until the answer is 200; a connection is given up after 200 ms, as it may be waiting for a worker."""
    limit = time.monotonic() + _READY_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.2)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.client.OK:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.01)
    raise SystemExit(f"{name} was not ready within {_READY_SECONDS} s, or ended; see its log in the home")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
