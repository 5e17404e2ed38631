"""Memory and start of a worker, with and without numba, beside a process that only imports bentoml and lightgbm."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.graph_parts.goal import Goal
from bench.graph_parts.usage import ROOT
from bench.serving_parts.servers import bare_handler, service

__all__ = ["measure_memory"]

_STARTS: Final = 3
_UNWANTED: Final = ("mlflow", "pandas", "prophet", "shap")
_USER, _SYSTEM, _STARTED = 11, 12, 19
"""Where /proc/<pid>/stat, behind the name, tells how long a process has computed and when it began."""
_PEAK: Final = re.compile(r"VmHWM:\s+(\d+)")
_IMPORTS: Final = (
    "import bentoml, lightgbm, re, pathlib; "
    "print(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
)


def measure_memory(home: Path) -> list[Goal]:
    """Start the service a few times and look at its worker's peak when it says that it is ready."""
    first = _start_without_code(home).peak_mb
    starts, without, imports, peers = [], [], [], []
    for _ in range(_STARTS):
        starts.append(_start(home))
        imports.append(_import())
        with _no_numba(home):
            without.append(_start(home).peak_mb)
        with bare_handler(home) as peer:
            peers.append(peer.seconds_to_ready)
    needless = _imported_by_the_worker(home)
    worker, imported = _median(start.peak_mb for start in starts), _median(one.peak_mb for one in imports)
    plain = _median(without)
    # Each start is held against the import that came after it, so that what else the machine did meets both.
    slower = _median(start.worker_seconds / one.seconds for start, one in zip(starts, imports, strict=True))
    computed = _median(start.worker_cpu / one.cpu for start, one in zip(starts, imports, strict=True))
    print(
        f"worker at its peak until ready: {worker:,.0f} MB with [fast], {first:,.0f} MB at the first start that compiles, "
        f"{plain:,.0f} MB without numba; import of bentoml and lightgbm {imported:,.0f} MB"
    )
    print(
        f"start to ready {_listed(start.seconds for start in starts)}, of which the worker "
        f"{_listed(start.worker_seconds for start in starts)}; import {_listed(one.seconds for one in imports)}; "
        f"bare handler {_listed(peers)}"
    )
    print(
        f"of it CPU seconds: the worker {_listed(start.worker_cpu for start in starts)}; "
        f"import {_listed(one.cpu for one in imports)}"
    )
    print(f"imported although a scoring worker does not need it: {', '.join(needless) or 'nothing'}")
    return [
        Goal("memory of a worker, start to ready", worker, 600, "MB"),
        Goal("memory of a worker / import of bentoml and lightgbm, with [fast]", worker / imported, 1.5, "x"),
        Goal("the same at the first start, which compiles", first / imported, 1.5, "x"),
        Goal("the same without numba", plain / imported, 1.5, "x"),
        Goal(f"imports of {', '.join(_UNWANTED)} by the worker", len(needless), 0, ""),
        Goal("worker, start to ready / import of bentoml and lightgbm, by the clock", slower, 1.5, "x"),
        Goal("the same in CPU seconds", computed, 1.5, "x"),
        Goal(
            f"start of the service to ready, median of {_STARTS}",
            _median(start.seconds for start in starts),
            10,
            "s",
        ),
    ]


@dataclass(frozen=True)
class _Start:
    """One start of the service: its largest process is the worker."""

    peak_mb: float
    seconds: float
    worker_seconds: float
    worker_cpu: float


@dataclass(frozen=True)
class _Import:
    """One process that imports and ends."""

    peak_mb: float
    seconds: float
    cpu: float


def _start(home: Path) -> _Start:
    with service(home) as server:
        pids = server.processes()
        worker = max(pids, key=_peak_mb)
        seconds, cpu = _age(worker)
        return _Start(_peak_mb(worker), server.seconds_to_ready, seconds, cpu)


def _age(pid: int) -> tuple[float, float]:
    """Return for how many seconds a process has run, and how many of CPU it has taken."""
    told = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    begun, *taken = (int(told[at]) / os.sysconf("SC_CLK_TCK") for at in (_STARTED, _USER, _SYSTEM))
    return float(Path("/proc/uptime").read_text().split()[0]) - begun, sum(taken)


def _start_without_code(home: Path) -> _Start:
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


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _listed(seconds: Iterable[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in seconds) + " s"


def _peak_mb(pid: int) -> float:
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _import() -> _Import:
    begun, before = time.perf_counter(), os.times()
    run = subprocess.run(
        [sys.executable, "-c", _IMPORTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, after = time.perf_counter() - begun, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return _Import(int(run.stdout.split()[-1]) / 1024, seconds, cpu)


def _imported_by_the_worker(home: Path) -> list[str]:
    """Start the service with Python's own record of imports and return the unwanted ones that are in it."""
    with _told(PYTHONPROFILEIMPORTTIME="1"), service(home):
        pass  # ready means that the model is loaded
    log = (home / "service.log").read_text(errors="replace")
    found = set(re.findall(r"^import time:.*\|\s+([a-z_]+)\.", log, re.MULTILINE))
    if "lightgbm" not in found:
        raise SystemExit("the record of imports is not complete; lightgbm is not in it")
    return sorted(found & set(_UNWANTED))
