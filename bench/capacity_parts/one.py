"""Run one part of the benchmark in this process and write its goals: python -m bench.capacity_parts.one PART OUT."""

import argparse
import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

__all__ = ["PARTS", "main"]

PARTS = ("allocation", "simulation", "lines", "utilisation", "shortfall")


def main() -> int:
    """Run the part and write its goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public forecast data")
    parser.add_argument("--seed", type=int, required=True)
    chosen = parser.parse_args()
    goals = import_module(f"bench.capacity_parts.{chosen.part}").run(chosen.data, chosen.seed)
    chosen.out.write_text(json.dumps([asdict(goal) for goal in goals]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
