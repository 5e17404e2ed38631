"""Run one part of the benchmark in this process and write its goals: python -m bench.graph_parts.one PART OUT."""

import argparse
import json
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

__all__ = ["MISSING"]

MISSING = 3
"""Exit code where there is no such part."""


def main() -> int:
    """Run the part and write its goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--small", action="store_true")
    chosen = parser.parse_args()
    name = f"bench.graph_parts.{chosen.part}"
    if find_spec(name) is None:
        return MISSING
    goals = import_module(name).run(chosen.seed, chosen.small)
    chosen.out.write_text(json.dumps([asdict(goal) for goal in goals]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
