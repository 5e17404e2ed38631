"""A real Neo4j over Bolt: how long a load of the seeded graph takes, and portraits of random parties."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import psutil

from bench.graph_parts.goal import Goal
from bench.graph_parts.seeded_graph import AS_OF, seeded_edges
from graph.edges import visible
from graph.neo4j_store import BoltConnection, Neo4jStore
from graph.portrait import portrait

__all__ = ["run"]

LOAD_SECONDS: Final = 35.0
PORTRAIT_MS: Final = 20.0
PORTRAITS: Final = 500
HUB: Final = 200
_PASSWORD: Final = "benchmark-only"  # noqa: S105 - of a server that lives as long as the benchmark
_SCRIPT: Final = Path(__file__).resolve().parents[2] / "deploy" / "neo4j" / "server.sh"


def run(seed: int, small: bool) -> list[Goal]:  # noqa: FBT001 - the shape of every part
    """Load 100k parties and 500k edges into a fresh server as `make neo4j` starts it, then ask for portraits."""
    missing = [command for command in ("java", "mvn") if shutil.which(command) is None]
    if missing:
        print(f"bolt: not measured, {' and '.join(missing)} to run Neo4j with is not installed")
        return []
    parties = 5_000 if small else 100_000
    edges = seeded_edges(parties, 5 * parties, seed)
    with _server() as (connection, server):
        store = Neo4jStore(connection)
        used, begun = _cpu(server), time.perf_counter()
        written = store.append(edges)
        loaded = time.perf_counter() - begun
        own, its = (after - before for after, before in zip(_cpu(server), used, strict=True))
        print(
            f"loaded {written:,} statements in {loaded:.1f} s; CPU {own:.1f} s here, {its:.1f} s of the server"
        )
        shown = visible(edges, AS_OF).select(party=pl.concat_list("src", "dst").explode()).collect()["party"]
        asked = np.random.default_rng(seed).choice(shown.unique().sort().to_numpy(), PORTRAITS, replace=False)
        times = _portraits(store, [str(party) for party in asked])
        print(f"server memory {server.memory_info().rss / 2**30:.2f} GB (heap {_heap()}, page cache 256m)")
    size = f"{parties // 1000}k/{written // 1000}k"
    return [
        Goal(f"load into a fresh Neo4j, {size}", loaded, LOAD_SECONDS, "s"),
        Goal(
            f"two-hop portrait over Bolt, {size}, hub {HUB}, server warm, p95",
            float(np.quantile(times, 0.95)),
            PORTRAIT_MS,
            "ms",
        ),
    ]


def _portraits(store: Neo4jStore, asked: list[str]) -> list[float]:
    """Return milliseconds for each party, a view of its own for each as a service would take.

    All are asked three times and the last counts: the server compiles what it runs often while it answers, and a
    service runs for weeks.
    """
    for label in ("first asked", "asked again", "asked a third time"):
        times: list[float] = []
        for party in asked:
            begun = time.perf_counter()
            portrait(store.view(AS_OF), party, hops=2, hub=HUB)
            times.append((time.perf_counter() - begun) * 1000)
        p50, p95, p99, most = np.quantile(times, [0.5, 0.95, 0.99, 1.0])
        print(f"portraits, {label}: p50 {p50:.1f}  p95 {p95:.1f}  p99 {p99:.1f}  max {most:.1f} ms")
    return times


def _cpu(server: psutil.Process) -> tuple[float, float]:
    spent = server.cpu_times()
    return time.process_time(), spent.user + spent.system


def _heap() -> str:
    return os.environ.get("ZHIHENG_NEO4J_HEAP", "1g")


@contextmanager
def _server() -> Iterator[tuple[BoltConnection, psutil.Process]]:
    """Start Neo4j with nothing in it, and stop it."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="zhiheng-bench-") as home:
        settings = {"HOME": home, "NEO4J_PORT": str(port), "NEO4J_PASSWORD": _PASSWORD}
        environment = os.environ | {f"ZHIHENG_{name}": value for name, value in settings.items()}
        try:
            subprocess.run([_SCRIPT, "start"], env=environment, check=True, stdout=subprocess.DEVNULL)
            pid = int((Path(home) / "neo4j" / "server.pid").read_text())
            uri = f"bolt://127.0.0.1:{port}"
            with BoltConnection(uri, user="neo4j", password=_PASSWORD) as connection:
                yield connection, psutil.Process(pid)
        finally:
            subprocess.run([_SCRIPT, "stop"], env=environment, check=True, stdout=subprocess.DEVNULL)
