"""One forecaster on one data set in a process of its own, so that its CPU time can be told from others'.

Run: python -m bench.forecast_parts.job FORECASTER DATASET FOLDER OUT.parquet; writes origin, unique_id, ds, forecast, q10 ..
q90 and what else the forecaster says.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from bench.forecast_parts.datasets import Problem

__all__ = ["Done", "main", "run_job"]

_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """What a forecaster handed in: its forecasts, or why there are none, and the CPU it took (s, children included)."""

    forecasts: pl.DataFrame | None
    cpu: float
    refusal: str = ""


def run_job(forecaster: str, dataset: str, folder: Path, out: Path | None = None) -> Done:
    """Run a forecaster on a data set in a process of its own; imports and everything it starts count as its CPU."""
    with tempfile.TemporaryDirectory() as scratch:
        target = out or Path(scratch) / "forecasts.parquet"
        log = Path(scratch) / "log.txt"
        command = [
            sys.executable,
            "-m",
            "bench.forecast_parts.job",
            forecaster,
            dataset,
            str(folder),
            str(target),
        ]
        with log.open("wb") as lines:
            child = subprocess.Popen(command, cwd=_ROOT, stdout=lines, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        if child.returncode:
            return Done(None, cpu, _last_line(log))
        return Done(pl.read_parquet(target), cpu)


def main() -> int:
    """Forecast every problem of the data set and write the answers."""
    forecaster, dataset, folder, out = sys.argv[1:]
    forecast = _find(forecaster)
    from bench.forecast_parts.datasets import problems

    found = [
        forecast(problem).with_columns(origin=pl.lit(problem.origin))
        for problem in problems(Path(folder), dataset)
    ]
    pl.concat(found, how="diagonal").write_parquet(out)
    return 0


def _find(name: str) -> Callable[["Problem"], pl.DataFrame]:
    # Each side imports only what it needs: imports are part of the CPU that is compared.
    if name.startswith("zhiheng"):
        from bench.forecast_parts import ours

        return {"zhiheng": ours.zhiheng_standard, "zhiheng_fast": ours.zhiheng_fast}[name]
    from bench.forecast_parts.peers import PEERS

    return PEERS[name]


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"


if __name__ == "__main__":
    sys.exit(main())
