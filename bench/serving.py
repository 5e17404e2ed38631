"""The goals of issue 8, measured: one worker, one model of 500 trees of 31 leaves over 141 features, wrk on the same machine.

Run: python bench/serving.py [--parts throughput explanation book memory steady] [--rounds 3] [--seconds 10]
[--rows 1000000] [--steady-minutes 10]. Every answer of the service is explained, checked to add up, given to a known key and
durable before it is given. Peers run in the same run, in turns with the service: `mlflow models serve` on a pyfunc with
shap.TreeExplainer (no key, no record), and one ASGI function on uvicorn with the same compiled kernel and one SQLite commit
for all answers that gathered (no key, no rules, no chain: what is physically possible). Ratios are of neighbouring runs. Beside
them p99 - p50 of durable commits and nothing else is printed: the part of an answer's that is the disk's.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else this file hides the package serving

from bench.graph_parts.goal import Goal
from bench.serving_parts.book import measure_book
from bench.serving_parts.explanation import measure_explanation
from bench.serving_parts.home import make_home, make_key
from bench.serving_parts.load import require_wrk
from bench.serving_parts.memory import measure_memory
from bench.serving_parts.steady import measure_steady
from bench.serving_parts.throughput import measure_throughput


def main() -> int:
    """Make the model, measure the parts that are asked for, report; 0 when every goal is met."""
    parts = ("throughput", "explanation", "book", "memory", "steady")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--rounds", type=int, default=3, help="times that each server is put under each load")
    parser.add_argument("--seconds", type=float, default=10, help="length of one load")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the book")
    parser.add_argument("--steady-minutes", type=float, default=10)
    chosen = parser.parse_args()
    if {"throughput", "steady"} & set(chosen.parts):
        require_wrk()
    # Idle threads that spin would take the second core from the server that is measured.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    # What pip installed has its bytecode beside it; ours is written by the first start, as at a user's, unless this forbids it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"{os.cpu_count()} cores, load of the last minute {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="zhiheng-serving-") as name:
        goals = _measure(Path(name), chosen)
    print()
    for goal in goals:
        print(goal.line())
    met = sum(goal.met for goal in goals)
    print(f"{met} met, {len(goals) - met} missed")
    return 0 if met == len(goals) else 1


def _measure(home: Path, chosen: argparse.Namespace) -> list[Goal]:
    make_home(home)
    key = make_key(home)
    works: dict[str, Callable[[], list[Goal]]] = {
        "throughput": lambda: measure_throughput(home, key, rounds=chosen.rounds, seconds=chosen.seconds),
        "explanation": lambda: measure_explanation(home),
        "book": lambda: measure_book(home, chosen.rows),
        "memory": lambda: measure_memory(home),
        "steady": lambda: measure_steady(home, key, minutes=chosen.steady_minutes),
    }
    goals: list[Goal] = []
    for part in chosen.parts:
        print(f"\n{part}", flush=True)
        goals += works[part]()
    return goals


if __name__ == "__main__":
    sys.exit(main())
