"""Wall time, CPU seconds and peak memory of a process and its children, by the kernel's own count."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "Usage", "measured"]

ROOT: Final = Path(__file__).resolve().parent.parent.parent
"""Root of the repository, where every process of the benchmark runs."""


@dataclass(frozen=True)
class Usage:
    """What a process used: seconds of wall clock, seconds of CPU (user and system), peak resident memory in MB."""

    wall: float
    cpu: float
    peak_mb: float
    code: int

    def line(self) -> str:
        """Write the figures."""
        return f"{self.wall:.1f} s wall, {self.cpu:.1f} s CPU, {self.peak_mb:,.0f} MB at the peak"


def measured(command: Sequence[str], *, threads: int = 2) -> Usage:
    """Run a command from the root of the repository to its end; threads bounds Polars, BLAS and OpenMP.

    The kernel counts the parent's memory as the child's until the child has begun, so callers stay small.
    """
    names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    bounded = {**os.environ, **dict.fromkeys(names, str(threads))}
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=bounded)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode)
