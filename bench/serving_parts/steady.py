"""Steady load for minutes: the memory of the worker stays flat and no answer fails."""

import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.graph_parts.goal import Goal
from bench.serving_parts.load import Requests, run_wrk
from bench.serving_parts.servers import Server, service

__all__ = ["measure_steady"]

_EVERY_SECONDS: Final = 2.0
_MINUTE: Final = 60.0
_CONNECTIONS: Final = 32


def measure_steady(home: Path, key: str, *, minutes: float) -> list[Goal]:
    """Put load on the service for some minutes after one of warming up, and watch its worker."""
    bodies = [f'{{"party_id": "P{number:07d}"}}' for number in range(2_000)]
    script = Requests("/v1/credit/score", bodies, {"Authorization": f"Bearer {key}"}).script(home, "steady")
    part = min(_MINUTE, minutes * _MINUTE / 4)
    errors = requests = 0
    with service(home) as server:
        run_wrk(script, server.port, connections=_CONNECTIONS, seconds=part)
        with _Watched(server) as watched:
            end = time.monotonic() + minutes * _MINUTE
            while (left := end - time.monotonic()) > 1:
                load = run_wrk(script, server.port, connections=_CONNECTIONS, seconds=min(part, left))
                errors, requests = errors + load.errors, requests + load.requests
                print(f"steady   {load.line()}  worker {watched.newest:,.0f} MB", flush=True)
    quarter = max(1, len(watched.sizes) // 4)
    first, last = statistics.mean(watched.sizes[:quarter]), statistics.mean(watched.sizes[-quarter:])
    swing = max(abs(size / first - 1) for size in watched.sizes)
    print(f"memory: first quarter {first:,.1f} MB, last {last:,.1f} MB ({last / first - 1:+.1%})")
    return [
        Goal(f"steady load of {minutes:g} minutes: memory furthest from its first quarter, +-", swing * 100, 5, "%"),
        Goal(f"steady load: errors in {requests:,} requests", errors, 0, ""),
    ]  # fmt: skip


@dataclass
class _Watched:
    """Looks at the worker's memory every two seconds while it is open."""

    server: Server
    sizes: list[float] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def newest(self) -> float:
        """Return the size seen last."""
        return self.sizes[-1]

    def __enter__(self) -> "_Watched":
        self.sizes.append(self.server.worker_memory_mb())
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            self.sizes.append(self.server.worker_memory_mb())
