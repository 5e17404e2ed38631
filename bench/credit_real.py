"""Results on real data, mean over seeds, beside LightGBM's default, OptBinning's scorecard and logistic regression.

Run: python bench/credit_real.py [--only smesd polish ratings sba] [--seeds 7 8 9 10 11] [--jobs 2]. Needs ../shared/data
beside the project. All models learn from and are judged on the same rows; SMEsD's goals are for a later split that is
scored elsewhere, here it is its valid part that is judged. Exit 0 when every goal that must be met is.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from joblib import Parallel, delayed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else this file hides the package graph

from bench.credit_parts.goals import GOALS
from bench.credit_parts.tasks import Row, averaged, boosted, peers, scorecards
from experiments.metrics import METRICS


def main() -> int:
    """Fit every card with every seed, run the peers on the same cuts, print figures and goals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(GOALS), default=list(GOALS), metavar="DATA")
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9, 10, 11])
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each")
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, load of the last minute {os.getloadavg()[0]:.1f}, seeds {chosen.seeds}")
    met: list[bool] = []
    for name in chosen.only:
        started = time.perf_counter()
        # The peers draw nothing, so one seed tells all of them.
        work = [delayed(peers)(name)]
        work += [delayed(task)(name, seed) for task in (boosted, scorecards) for seed in chosen.seeds]
        rows = [row for rows in Parallel(n_jobs=chosen.jobs)(work) for row in rows]
        print(f"\n== {name} ({time.perf_counter() - started:.0f} s)")
        met += _report(name, rows)
    print(f"\n{sum(met)} met, {len(met) - sum(met)} missed of what must be reached")
    return 0 if all(met) else 1


def _report(name: str, rows: list[Row]) -> list[bool]:
    """Print one line a model and one a goal; return which of the goals that must be met are."""
    means: dict[str, dict[str, float]] = {}
    for row, spread, seeds in averaged(rows):
        means[row.name] = row.figures
        cells = [f"{m.upper()} {row.figures[m]:.4f} [{row.low[m]:.4f}, {row.high[m]:.4f}]" for m in METRICS]
        over = f"  AUC over {seeds} seeds ± {spread['auc']:.4f}" if seeds > 1 else ""
        print(f"{row.name:36s} {'  '.join(cells)}  mean cut AUC {row.figures['mean_cut_auc']:.4f}{over}")
    met = []
    for goal in GOALS[name]:
        value = means[goal.row][goal.figure]
        print(goal.line(value))
        met.append(goal.met(value, goal.must))
    return met


if __name__ == "__main__":
    sys.exit(main())
