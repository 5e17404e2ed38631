"""The graph at its full size, each part beside its goal: columns, cycles, portrait, bolt, resolution, figraph.

Run: python bench/graph.py [--only columns cycles …] [--small] [--seed 7]. Each part runs in a process of its own, so CPU
seconds and peak memory are the part's; `--small` runs everything at a fraction of the size, to see that it runs.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else this file hides the package graph

from bench.graph_parts.goal import Goal
from bench.graph_parts.one import MISSING
from bench.graph_parts.usage import measured

PARTS: Final = ("columns", "cycles", "portrait", "bolt", "resolution", "figraph")


def main() -> int:
    """Run the parts and report; 0 when every goal is met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--small", action="store_true", help="a fraction of the size")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, load of the last minute {os.getloadavg()[0]:.1f}, seed {chosen.seed}")
    goals: list[Goal] = []
    problems: list[str] = []
    for part in chosen.only:
        try:
            goals += _part(part, seed=chosen.seed, small=chosen.small)
        except PartError as error:
            problems.append(str(error))
    print()
    for goal in goals:
        print(goal.line())
    for problem in problems:
        print(problem)
    met = sum(goal.met for goal in goals)
    print(f"{met} met, {len(goals) - met + len(problems)} missed")
    return 0 if met == len(goals) and not problems else 1


class PartError(Exception):
    """A part could not be run."""


def _part(part: str, *, seed: int, small: bool) -> list[Goal]:
    """Run a part in its own process; raises PartError where it is missing or fails."""
    print(f"\n== {part}", flush=True)
    with tempfile.TemporaryDirectory(prefix="zhiheng-bench-") as folder:
        out = Path(folder) / "goals.json"
        command = [sys.executable, "-m", "bench.graph_parts.one", part, str(out), "--seed", str(seed)]
        usage = measured([*command, *(["--small"] if small else [])])
        if usage.code == MISSING:
            raise PartError(f"{part}: there is no such part in bench/graph_parts, nothing was measured")
        if usage.code != 0:
            raise PartError(f"{part}: ended with code {usage.code} (see above), nothing is claimed of it")
        print(f"{part}: {usage.line()}")
        return [Goal(**fields) for fields in json.loads(out.read_text())]


if __name__ == "__main__":
    sys.exit(main())
