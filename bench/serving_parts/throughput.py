"""Throughput and latency of one score: the service, the bare handler and `mlflow models serve` in turns, in one run."""

import json
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from bench.graph_parts.goal import Goal
from bench.serving_parts.disk import commit_alone
from bench.serving_parts.home import COLUMNS, PARTIES
from bench.serving_parts.load import Load, Requests, run_wrk
from bench.serving_parts.servers import Server, bare_handler, mlflow_server, service

__all__ = ["measure_throughput"]

_ROWS: Final = 500  # sent to the peer of MLflow, 3 KB each
_WARM_UP_SECONDS: Final = 3
_MANY: Final = 32
_DISK: Final = "commits"
Runs = dict[tuple[str, int], list[Load]]


def measure_throughput(home: Path, key: str, *, rounds: int, seconds: float) -> list[Goal]:
    """Put load on all three in turns; anything but 200 is an error that ends in a missed goal."""
    wanted = _requests(home, key)
    scripts = {name: requests.script(home, name) for name, requests in wanted.items()}
    runs: Runs = {}
    with ExitStack() as stack:
        servers = [stack.enter_context(start(home)) for start in (service, bare_handler, mlflow_server)]
        for server in servers:
            print(f"{server.name:<8} ready after {server.seconds_to_ready:.1f} s", flush=True)
            run_wrk(scripts[server.name], server.port, connections=4, seconds=_WARM_UP_SECONDS)
        for _ in range(rounds):
            _keep(_DISK, 1, commit_alone(home, seconds=seconds), runs=runs)
            for connections in (1, _MANY):
                for server in servers:
                    _run(server, scripts[server.name], connections, seconds, runs=runs)
    return _goals(runs)


def _run(server: Server, script: Path, connections: int, seconds: float, *, runs: Runs) -> None:
    load = run_wrk(script, server.port, connections=connections, seconds=seconds)
    _keep(server.name, connections, load, runs=runs)


def _keep(name: str, connections: int, load: Load, *, runs: Runs) -> None:
    print(f"{name:<8} {connections:>3} connections {load.line()}", flush=True)
    runs.setdefault((name, connections), []).append(load)


def _requests(home: Path, key: str) -> dict[str, Requests]:
    frame = pl.read_parquet(home / "features" / "credit_latest.parquet")
    parties = [json.dumps({"party_id": party}) for party in frame["party_id"]]
    if len(parties) != PARTIES:
        raise SystemExit(f"there are {len(parties)} parties to ask about, not {PARTIES}")
    names = frame.columns[2:]
    if len(names) != COLUMNS:
        raise SystemExit(f"the rows have {len(names)} features, not {COLUMNS}")
    # The peer of MLflow has no store of features: it is sent the row, as its users would send it.
    rows = [
        json.dumps({"dataframe_split": {"columns": names, "data": [list(row)]}})
        for row in frame.select(names).head(_ROWS).rows()
    ]
    bearer = {"Authorization": f"Bearer {key}"}
    return {
        "service": Requests("/v1/credit/score", parties, bearer),
        "bare": Requests("/", parties, {}),
        "mlflow": Requests("/invocations", rows, {}),
    }


def _goals(runs: Runs) -> list[Goal]:
    def rate(name: str) -> float:
        return statistics.median(load.per_second for load in runs[name, _MANY])

    def spread(connections: int) -> float:
        return statistics.median(load.p99 / load.p50 for load in runs["service", connections])

    def tail(name: str) -> float:
        return statistics.median(load.p99 - load.p50 for load in runs[name, 1])

    def ratio(peer: str) -> float:
        """Compare within a round, so that what else the machine did meets both."""
        return _median_ratio(runs["service", _MANY], runs[peer, _MANY])

    print(
        f"medians at {_MANY} connections: "
        + ", ".join(f"{name} {rate(name):,.0f} /s" for name in ("service", "bare", "mlflow"))
    )
    print(
        "p99 - p50 at 1 connection: "
        + ", ".join(f"{name} {tail(name):.2f} ms" for name in ("service", "bare", _DISK))
    )
    errors = sum(load.errors for (name, _), loads in runs.items() for load in loads if name == "service")
    of_peers = sum(load.errors for loads in runs.values() for load in loads) - errors
    if of_peers:
        print(f"{of_peers} requests to the peers failed: their figures are not to be trusted")
    return [
        Goal(f"throughput at {_MANY} connections / mlflow models serve with shap", ratio("mlflow"), 20, "x", higher=True),
        Goal(f"throughput at {_MANY} connections / bare uvicorn handler", ratio("bare"), 0.6, "x", higher=True),
        Goal("p99 / p50 at 1 connection", spread(1), 2, "x"),
        Goal(f"p99 / p50 at {_MANY} connections", spread(_MANY), 2, "x"),
        Goal("answers of the service that were not 200", errors, 0, ""),
    ]  # fmt: skip


def _median_ratio(ours: Sequence[Load], theirs: Sequence[Load]) -> float:
    return float(
        np.median([one.per_second / other.per_second for one, other in zip(ours, theirs, strict=True)])
    )
