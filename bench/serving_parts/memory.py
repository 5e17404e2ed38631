"""Memory and start of a worker, with and without numba, beside a process that only imports bentoml and lightgbm."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.graph_parts.goal import Goal
from bench.graph_parts.usage import ROOT
from bench.serving_parts.servers import bare_handler, service

__all__ = ["measure_memory"]

_STARTS: Final = 3
_UNWANTED: Final = ("mlflow", "pandas", "prophet", "shap")
_PEAK: Final = re.compile(r"VmHWM:\s+(\d+)")
_IMPORTS: Final = (
    "import bentoml, lightgbm, re, pathlib; "
    "print(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
)


def measure_memory(home: Path) -> list[Goal]:
    """Start the service a few times and look at its worker's peak when it says that it is ready."""
    first, _ = _start_without_code(home)
    peaks, without, starts, peers = [], [], [], []
    for _ in range(_STARTS):
        peak, seconds = _start(home)
        peaks.append(peak)
        starts.append(seconds)
        with _no_numba(home):
            without.append(_start(home)[0])
        with bare_handler(home) as peer:
            peers.append(peer.seconds_to_ready)
    imports = [_import_mb() for _ in range(_STARTS)]
    needless = _imported_by_the_worker(home)
    worker, imported = statistics.median(peaks), statistics.median(imports)
    plain = statistics.median(without)
    print(
        f"worker at its peak until ready: {worker:,.0f} MB with [fast], {first:,.0f} MB at the first start that compiles, "
        f"{plain:,.0f} MB without numba; import of bentoml and lightgbm {imported:,.0f} MB"
    )
    print(f"start to ready {_listed(starts)}; bare handler {_listed(peers)}")
    print(f"imported although a scoring worker does not need it: {', '.join(needless) or 'nothing'}")
    return [
        Goal("memory of a worker, start to ready", worker, 600, "MB"),
        Goal("memory of a worker / import of bentoml and lightgbm, with [fast]", worker / imported, 1.5, "x"),
        Goal("the same at the first start, which compiles", first / imported, 1.5, "x"),
        Goal("the same without numba", plain / imported, 1.5, "x"),
        Goal(f"imports of {', '.join(_UNWANTED)} by the worker", len(needless), 0, ""),
        Goal(f"start to ready, median of {_STARTS}", statistics.median(starts), 10, "s"),
    ]


def _start(home: Path) -> tuple[float, float]:
    """Start the service and return the peak of its largest process (MB) and how long it took to be ready (s)."""
    with service(home) as server:
        return max(_peak_mb(pid) for pid in server.processes()), server.seconds_to_ready


def _start_without_code(home: Path) -> tuple[float, float]:
    """Start where nothing has been compiled yet."""
    with tempfile.TemporaryDirectory(dir=home) as folder, _told(NUMBA_CACHE_DIR=folder):
        return _start(home)


@contextmanager
def _no_numba(home: Path) -> Iterator[None]:
    """Let services that start inside find no numba: a package of that name which says so stands before it."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        (Path(folder) / "numba.py").write_text('raise ImportError("numba is left out of this measurement")\n')
        found = filter(None, [folder, os.environ.get("PYTHONPATH")])
        with _told(PYTHONPATH=os.pathsep.join(found), NUMBA_CACHE_DIR=folder):
            yield


@contextmanager
def _told(**settings: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _listed(seconds: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in seconds) + " s"


def _peak_mb(pid: int) -> float:
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _import_mb() -> float:
    run = subprocess.run(
        [sys.executable, "-c", _IMPORTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(run.stdout.split()[-1]) / 1024


def _imported_by_the_worker(home: Path) -> list[str]:
    """Start the service with Python's own record of imports and return the unwanted ones that are in it."""
    with _told(PYTHONPROFILEIMPORTTIME="1"), service(home):
        pass  # ready means that the model is loaded
    log = (home / "service.log").read_text(errors="replace")
    found = set(re.findall(r"^import time:.*\|\s+([a-z_]+)\.", log, re.MULTILINE))
    if "lightgbm" not in found:
        raise SystemExit("the record of imports is not complete; lightgbm is not in it")
    return sorted(found & set(_UNWANTED))
