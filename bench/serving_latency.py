"""Cold start and latency of one score: the service beside a bare Starlette handler that does the same work.

python bench/serving_latency.py [--home DIR] [--requests N]

Without a model under --home a model of 500 trees of 31 leaves is trained here on generated data. The service runs on
a copy, so that the measured answers do not enter anybody's ledger.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else bench/graph.py hides the package graph

STARTS: Final = 3
BLOCK: Final = 100
WARM_UP: Final = 200
UNWANTED: Final = ("mlflow", "pandas", "prophet", "shap")
SEED: Final = 20261121


@dataclass(frozen=True)
class Goal:
    """One line of the report."""

    work: str
    figure: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Tell whether the figure is within the limit."""
        return self.figure <= self.limit

    def line(self) -> str:
        """Write goal, figure and verdict."""
        verdict = "met" if self.met else "MISSED"
        return f"{self.work:<64} {self.figure:>9.2f} {self.unit:<3} goal <= {self.limit:g} {verdict}"


def main() -> int:
    """Measure and report."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--home", type=Path, default=Path("var"))
    options.add_argument("--requests", type=int, default=2000)
    options.add_argument("--peer", type=int, help=argparse.SUPPRESS)  # the port, in the peer's own process
    chosen = options.parse_args()
    if chosen.peer is not None:
        run_peer(chosen.home, chosen.peer)
        return 0
    with tempfile.TemporaryDirectory(prefix="zhiheng-bench-") as folder:
        home = Path(folder)
        print(prepare(chosen.home, home))
        goals = measure(home, chosen.requests)
    for goal in goals:
        print(goal.line())
    met = sum(goal.met for goal in goals)
    print(f"{met} met, {len(goals) - met} missed")
    return 0


def prepare(source: Path, home: Path) -> str:
    """Copy model and features of a home, or make them; return what is measured."""
    if (source / "models" / "credit" / "champion.json").is_file():
        shutil.copytree(source / "models" / "credit", home / "models" / "credit")
        shutil.copytree(source / "features", home / "features")
        return f"model and features of {source}"
    generate(home, rows=5000, columns=141)
    return "a model of 500 trees of 31 leaves, 141 features, trained here on generated data"


def generate(home: Path, *, rows: int, columns: int) -> None:
    """Train on generated data and write what the service reads."""
    from models.bundle import write_bundle
    from models.credit.booster import BoosterSettings, Design, train_boosters
    from models.credit.calibration.fit import fit_affine
    from models.credit.grade import group_master_scale
    from models.credit.model import FAMILY, CreditModel

    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(rows, columns))
    x[rng.random(x.shape) < 0.2] = np.nan
    y = (np.nan_to_num(x[:, :10]).sum(axis=1) + 3 * rng.normal(size=rows) > 6).astype(np.float64)
    features = tuple(f"feature_{number:03}" for number in range(columns))
    settings = BoosterSettings(rounds=500, bags=1, num_leaves=31, learning_rate=0.02)
    boosters = train_boosters(Design(x, y, features), settings=settings, seed=SEED, num_threads=2)
    model = CreditModel(
        features, boosters, fit_affine(boosters.raw(x, num_threads=2), y), group_master_scale()
    )
    folder = home / "models" / "credit" / "bench"
    written = write_bundle(
        folder,
        model.files(),
        family=FAMILY,
        features=features,
        seed=SEED,
        data_hash="generated",
        code_version="bench",
    )
    pointer = {"version": written.manifest.version, "folder": folder.name}
    (folder.parent / "champion.json").write_text(json.dumps(pointer))
    (home / "features").mkdir()
    today = datetime.now(UTC).date()
    frame = pl.DataFrame(x, schema=list(features), orient="row").fill_nan(None)
    frame.insert_column(0, pl.Series("party_id", [f"P{row:07d}" for row in range(rows)]))
    frame.insert_column(1, pl.Series("standing", ["at_risk"] * rows))
    frame.write_parquet(home / "features" / "credit_latest.parquet")
    sidecar = {"data_as_of": str(today), "graph_as_of": str(today), "features": list(features)}
    (home / "features" / "credit_latest.json").write_text(json.dumps(sidecar))


def measure(home: Path, requests: int) -> list[Goal]:
    """Run the service and the peer and return every figure."""
    key = make_key(home)
    parties = some_parties(home)
    starts, peer_starts = [], []
    for _ in range(STARTS):
        with service(home) as (_, _, seconds):
            starts.append(seconds)
        with peer(home) as (_, seconds):
            peer_starts.append(seconds)
    with service(home) as (port, process, _), peer(home) as (peer_port, _):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        ours, theirs = side_by_side((port, peer_port), parties, headers=headers, requests=requests)
        memory = worker_memory_mb(process.pid)
    imported = imported_by_the_service(home)
    p50, p95 = statistics.median(ours), percentile(ours, 95)
    peer_p50, peer_p95 = statistics.median(theirs), percentile(theirs, 95)
    print(f"{requests} requests each, one connection, in turns of {BLOCK}:")
    print(f"  service  p50 {p50:.2f} ms  p95 {p95:.2f} ms  p99 {percentile(ours, 99):.2f} ms")
    print(f"  peer     p50 {peer_p50:.2f} ms  p95 {peer_p95:.2f} ms  p99 {percentile(theirs, 99):.2f} ms")
    print(f"cold starts: service {seconds_of(starts)}, peer {seconds_of(peer_starts)}")
    print(f"load of the machine in the last 5 minutes: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")
    print(f"imported although a scoring worker does not need it: {', '.join(imported) or 'nothing'}")
    start, peer_start = statistics.median(starts), statistics.median(peer_starts)
    return [
        Goal("cold start, process start to first /readyz 200 (median of 3)", start, 10, "s"),
        Goal("cold start / cold start of the bare handler (medians of 3)", start / peer_start, 2, "x"),
        Goal("p50 of one score / p50 of the bare handler", p50 / peer_p50, 1 / 0.6, "x"),
        Goal("p95 of one score / p95 of the bare handler", p95 / peer_p95, 1 / 0.6, "x"),
        Goal("p95 / p50 of one score", p95 / p50, 2, "x"),
        Goal("memory of the worker after the run", memory, 600, "MB"),
        Goal(f"imports of {', '.join(UNWANTED)} by service and worker", len(imported), 0, ""),
    ]


def seconds_of(values: list[float]) -> str:
    """Write a list of seconds."""
    return ", ".join(f"{value:.2f}" for value in values) + " s"


def make_key(home: Path) -> str:
    """Make a key in the copy's own ledger."""
    from serving.access.keys import KeyStore
    from serving.access.roles import Role
    from serving.ledger.database import Database

    database = Database(home / "ledger.db")
    database.open()
    _, text = KeyStore(database).create("bench", [Role.RISK_OFFICER], companies=["*"], now=datetime.now(UTC))
    database.close()
    return text


def some_parties(home: Path) -> list[str]:
    """Return up to 500 parties that have at least one feature."""
    frame = pl.read_parquet(home / "features" / "credit_latest.parquet")
    sidecar = json.loads((home / "features" / "credit_latest.json").read_text())
    known = frame.filter(pl.any_horizontal(pl.col(sidecar["features"]).is_not_null()))
    return known["party_id"].head(500).to_list()


@contextmanager
def service(home: Path, **environment: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]", float]]:
    """Start the service as a user would; yield its port, its process and the seconds it took to be ready."""
    port = free_port()
    command = [sys.executable, "-m", "zhiheng", "serve", "--port", str(port)]
    with (home / "service.log").open("wb") as log:
        given = {**os.environ, "ZHIHENG_HOME": str(home), **environment}
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=given, stdout=log, stderr=log, start_new_session=True)
        try:
            wait(port, "/readyz", process)
            yield port, process, time.perf_counter() - begun
        finally:
            end(process)


@contextmanager
def peer(home: Path) -> Iterator[tuple[int, float]]:
    """Start the bare handler in a process of its own; yield its port and the seconds it took to be ready."""
    port = free_port()
    command = [sys.executable, __file__, "--home", str(home), "--peer", str(port)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, start_new_session=True)
    try:
        wait(port, "/", process)
        yield port, time.perf_counter() - begun
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process of ours and its workers."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def wait(port: int, path: str, process: "subprocess.Popen[bytes]") -> None:
    """Ask until the answer is 200; a connection is given up after 200 ms, as it may be waiting for a worker."""
    limit = time.monotonic() + 120
    while time.monotonic() < limit and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.2)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.01)
    raise SystemExit(f"{process.args!r} was not ready on port {port} within 120 s, or ended")


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def side_by_side(
    ports: tuple[int, int], parties: list[str], *, headers: Mapping[str, str], requests: int
) -> tuple[list[float], list[float]]:
    """Time requests to both in turns, so that whatever else the machine does meets both; milliseconds."""
    connections = [http.client.HTTPConnection("127.0.0.1", port) for port in ports]
    bodies = [json.dumps({"party_id": party}).encode() for party in parties]
    times: tuple[list[float], list[float]] = ([], [])
    for connection in connections:
        for number in range(WARM_UP):
            ask(connection, bodies[number % len(bodies)], headers)
    for turn in range(0, requests, BLOCK):
        for connection, found in zip(connections, times, strict=True):
            found += [ask(connection, bodies[(turn + i) % len(bodies)], headers) for i in range(BLOCK)]
    for connection in connections:
        connection.close()
    return times


def ask(connection: http.client.HTTPConnection, body: bytes, headers: Mapping[str, str]) -> float:
    """Return the milliseconds of one request; anything but 200 ends the benchmark."""
    begun = time.perf_counter()
    connection.request("POST", "/v1/credit/score", body, dict(headers))
    response = connection.getresponse()
    text = response.read()
    seconds = time.perf_counter() - begun
    if response.status != 200:
        raise SystemExit(f"{response.status}: {text.decode()}")
    return seconds * 1000


def percentile(values: list[float], share: int) -> float:
    """Return a percentile."""
    return float(np.percentile(values, share))


def worker_memory_mb(supervisor: int) -> float:
    """Return the resident memory of the service's worker."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    sizes = [re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{child}/status").read_text()) for child in children]
    return max(int(size.group(1)) for size in sizes if size is not None) / 1024


def imported_by_the_service(home: Path) -> list[str]:
    """Start the service with Python's own record of imports and return the unwanted ones that are in it."""
    with service(home, PYTHONPROFILEIMPORTTIME="1"):
        pass  # ready means that the model is loaded
    log = (home / "service.log").read_text(errors="replace")
    found = set(re.findall(r"^import time:.*\|\s+([a-z_]+)\.", log, re.MULTILINE))
    if "lightgbm" not in found:
        raise SystemExit("the record of imports is not complete; lightgbm is not in it")
    return sorted(found & set(UNWANTED))


def run_peer(home: Path, port: int) -> None:
    """Serve the same prediction, explanation and durable record with nothing else around it."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from models.credit.model import load_credit_model
    from serving.credit.feature_store import load_feature_store

    models = home / "models" / "credit"
    model = load_credit_model(models / json.loads((models / "champion.json").read_text())["folder"])
    store = load_feature_store(home / "features" / "credit_latest.parquet").ordered(model.features)
    records = sqlite3.connect(home / "peer.db", isolation_level=None)
    records.execute("PRAGMA journal_mode=WAL")
    records.execute("PRAGMA synchronous=FULL")
    records.execute("CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, record TEXT)")

    async def score(request: Request) -> Response:
        values = store.row(json.loads(await request.body())["party_id"])
        scores = model.score_matrix(values.reshape(1, -1))
        inputs = [None if np.isnan(value) else value for value in values.tolist()]
        parts = [
            {"feature": name, "value": value, "contribution": part}
            for name, value, part in zip(
                model.features, inputs, scores.contributions[0].tolist(), strict=True
            )
        ]
        text = json.dumps(
            {"pd": float(scores.pd[0]), "log_odds": float(scores.log_odds[0]), "contributions": parts}
        )
        records.execute("INSERT INTO records (record) VALUES (?)", (text,))
        return Response(text, media_type="application/json")

    async def ready(_request: Request) -> Response:
        return Response("ready")

    app = Starlette(routes=[Route("/v1/credit/score", score, methods=["POST"]), Route("/", ready)])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    sys.exit(main())
