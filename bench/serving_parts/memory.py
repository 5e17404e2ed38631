"""Memory and start of a worker, beside a process that only imports bentoml and lightgbm; and what it imports needlessly."""

import os
import re
import statistics
import subprocess
import sys
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
    peaks, starts, peers = [], [], []
    for _ in range(_STARTS):
        with service(home) as server:
            starts.append(server.seconds_to_ready)
            peaks.append(max(_peak_mb(pid) for pid in server.processes()))
        with bare_handler(home) as peer:
            peers.append(peer.seconds_to_ready)
    imports = [_import_mb() for _ in range(_STARTS)]
    needless = _imported_by_the_worker(home)
    worker, imported = statistics.median(peaks), statistics.median(imports)
    print(
        f"worker at its peak until ready {worker:,.0f} MB, import of bentoml and lightgbm {imported:,.0f} MB"
    )
    print(f"start to ready {_listed(starts)}; bare handler {_listed(peers)}")
    print(f"imported although a scoring worker does not need it: {', '.join(needless) or 'nothing'}")
    return [
        Goal("memory of a worker, start to ready", worker, 600, "MB"),
        Goal("memory of a worker / import of bentoml and lightgbm", worker / imported, 1.5, "x"),
        Goal(f"imports of {', '.join(_UNWANTED)} by the worker", len(needless), 0, ""),
        Goal(f"start to ready, median of {_STARTS}", statistics.median(starts), 10, "s"),
    ]


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
    os.environ["PYTHONPROFILEIMPORTTIME"] = "1"
    try:
        with service(home):
            pass  # ready means that the model is loaded
    finally:
        del os.environ["PYTHONPROFILEIMPORTTIME"]
    log = (home / "service.log").read_text(errors="replace")
    found = set(re.findall(r"^import time:.*\|\s+([a-z_]+)\.", log, re.MULTILINE))
    if "lightgbm" not in found:
        raise SystemExit("the record of imports is not complete; lightgbm is not in it")
    return sorted(found & set(_UNWANTED))
