"""Capacity beside its goals: allocation, simulation, lines, utilisation, shortfall.

Run: python bench/capacity.py [--only lines shortfall …] [--seed 7]. Each part runs in a process of its own, so CPU seconds
and peak memory are the part's. The sample group is generated (scale 1, several seeds); SupplyGraph and M3 are read from
../shared/data beside the project and printed as not measured where that is absent. What is drawn by a program is called
synthetic where its figures stand. Exit 0 when every goal is met.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else this file hides the packages

from bench.capacity_parts.goals import Goal
from bench.capacity_parts.one import PARTS
from bench.graph_parts.usage import measured

ROOT: Final = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the parts and report; 0 when every goal is met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    data = Path(os.environ.get("ZHIHENG_SHARED", ROOT.parent / "shared")) / "data" / "forecast"
    print(f"{os.cpu_count()} cores, load of the last minute {os.getloadavg()[0]:.1f}, seed {chosen.seed}")
    goals: list[Goal] = []
    failed: list[str] = []
    for part in chosen.only:
        found = _part(part, data, chosen.seed)
        if found is None:
            failed.append(part)
        else:
            goals += found
    print()
    for goal in goals:
        print(goal.line())
    for part in failed:
        print(f"{part}: failed (see above), nothing is claimed of it")
    met = sum(goal.met for goal in goals)
    missed = len(goals) - met + len(failed)
    print(f"\n{met} met, {missed} missed")
    return 0 if not missed else 1


def _part(part: str, data: Path, seed: int) -> list[Goal] | None:
    """Run a part in its own process; None where it fails."""
    print(f"\n== {part}", flush=True)
    with tempfile.TemporaryDirectory(prefix="zhiheng-bench-") as folder:
        out = Path(folder) / "goals.json"
        command = [sys.executable, "-m", "bench.capacity_parts.one", part, str(out)]
        usage = measured([*command, "--data", str(data), "--seed", str(seed)])
        if usage.code != 0:
            return None
        print(f"{part}: {usage.line()}")
        return [Goal(**fields) for fields in json.loads(out.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    sys.exit(main())
