"""Load by wrk, from Debian, on the same machine: requests a second and percentiles, and no answer but 200."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

__all__ = ["Load", "Requests", "Stolen", "require_wrk", "run_wrk"]

# Requests take turns through the bodies; percentiles come from wrk's own record of every request.
_SCRIPT: Final = """
local bodies, at = {}, 0
for line in io.lines("%(bodies)s") do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
%(headers)s
request = function()
  at = at %% #bodies + 1
  return wrk.format(nil, "%(path)s", nil, bodies[at])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nFIGURES {"requests": %%d, "micros": %%d, "refused": %%d, "broken": %%d, ',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout))
  io.write(string.format(
    '"p50": %%d, "p90": %%d, "p99": %%d, "worst": %%d}\\n',
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
"""


@dataclass(frozen=True)
class Requests:
    """What is asked, over and over, of one server."""

    path: str
    bodies: Sequence[str]
    headers: Mapping[str, str]

    def script(self, folder: Path, name: str) -> Path:
        """Write wrk's script; returns its path."""
        bodies, script = folder / f"{name}.bodies", folder / f"{name}.lua"
        bodies.write_text("\n".join(self.bodies) + "\n")
        headers = "\n".join(f'wrk.headers["{key}"] = "{value}"' for key, value in self.headers.items())
        script.write_text(_SCRIPT % {"bodies": bodies, "headers": headers, "path": self.path})
        return script


@dataclass(frozen=True)
class Load:
    """What came of one run; times in milliseconds."""

    per_second: float
    p50: float
    p90: float
    p99: float
    worst: float
    requests: int
    errors: int
    stolen: float
    """Share of the machine's CPU time that its host gave to others meanwhile: no server can answer in it."""

    def line(self) -> str:
        """Write the figures."""
        return (
            f"{self.per_second:>8,.0f} /s  p50 {self.p50:>8.2f}  p90 {self.p90:>8.2f}  p99 {self.p99:>8.2f}  "
            f"worst {self.worst:>8.1f} ms  {self.errors} errors of {self.requests:,}  stolen {self.stolen:.1%}"
        )


class Stolen:
    """Measures from its making on what the host of a virtual machine takes of it; 0 where Linux does not tell."""

    def __init__(self) -> None:
        self._before, self._since = _stolen_seconds(), time.monotonic()

    def share(self) -> float:
        """Return the share of the CPU time of all cores that was taken until now."""
        stolen = _stolen_seconds() - self._before
        return stolen / (time.monotonic() - self._since) / (os.cpu_count() or 1)


def require_wrk() -> None:
    """End with what to do where wrk is not installed."""
    if shutil.which("wrk") is None:
        raise SystemExit(
            "wrk is not installed. Debian and Ubuntu: apt-get install wrk; other systems: github.com/wg/wrk"
        )


def run_wrk(script: Path, port: int, *, connections: int, seconds: float) -> Load:
    """Put load on a server; one thread of wrk, as the machine is shared with the server."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "30s",
        "-s",
        str(script),
    ]
    stolen = Stolen()
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
    ).stdout
    figures = json.loads(next(line for line in said.splitlines() if line.startswith("FIGURES "))[8:])
    return Load(
        per_second=figures["requests"] / figures["micros"] * 1e6,
        p50=figures["p50"] / 1000,
        p90=figures["p90"] / 1000,
        p99=figures["p99"] / 1000,
        worst=figures["worst"] / 1000,
        requests=figures["requests"],
        errors=figures["refused"] + figures["broken"],
        stolen=stolen.share(),
    )


def _stolen_seconds() -> float:
    return float(getattr(psutil.cpu_times(), "steal", 0.0))
