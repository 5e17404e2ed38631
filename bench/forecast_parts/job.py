"""One forecaster on one data set in a process of its own, so that its CPU time can be told from others'.

Run: python -m bench.forecast_parts.job PEER DATASET FOLDER OUT.parquet; writes [origin, unique_id, ds, forecast, q10..q90].
"""

import sys
from pathlib import Path

import polars as pl

from bench.forecast_parts.datasets import problems
from bench.forecast_parts.peers import PEERS

__all__ = ["main"]


def main() -> int:
    """Forecast every problem of the data set and write the answers."""
    peer, dataset, folder, out = sys.argv[1:]
    found = [
        PEERS[peer](problem).with_columns(origin=pl.lit(problem.origin))
        for problem in problems(Path(folder), dataset)
    ]
    pl.concat(found, how="diagonal").write_parquet(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
