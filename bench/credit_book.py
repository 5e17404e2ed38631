"""A book of a million parties scored and explained in one process, beside LightGBM's `pred_contrib` and shap.TreeExplainer.

Run: python bench/credit_book.py [--rows 1000000] [--sample 20000] [--large-sample 2000] [--seed 7]. Ours counts whole:
the process from start to end, reading, compiling, calibrating, grading, checking that every answer adds up, writing. Of
the peers only the explaining of a sample of the same rows counts, so that their rows per CPU second are no understatement.
Model: 200 features, own 3 x 150 trees of 15 leaves, network 3 x 100 trees of 4 leaves; and one booster of 500 x 31.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else this file hides the package graph

from bench.graph_parts.goal import Goal
from bench.graph_parts.usage import Usage, measured


def main() -> int:
    """Make the book, run ours and the peers, compare, report; 0 when every goal is met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=20_000, help="rows that the peers explain")
    parser.add_argument("--large-sample", type=int, default=2_000, help="rows for the booster of 500 x 31")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, load of the last minute {os.getloadavg()[0]:.1f}, seed {chosen.seed}")
    with tempfile.TemporaryDirectory(prefix="zhiheng-book-") as name:
        goals = _run(Path(name), chosen.rows, min(chosen.sample, chosen.rows), chosen)
    print()
    for goal in goals:
        print(goal.line())
    met = sum(goal.met for goal in goals)
    print(f"{met} met, {len(goals) - met} missed")
    return 0 if met == len(goals) else 1


def _run(folder: Path, rows: int, sample: int, chosen: argparse.Namespace) -> list[Goal]:
    _job("make", folder, rows, chosen.seed)
    ours = _job("ours", folder, rows, chosen.seed)
    size = (folder / "book.parquet").stat().st_size, (folder / "scores.parquet").stat().st_size
    print(f"book of {size[0] / 1e6:,.0f} MB scored to {size[1] / 1e6:,.0f} MB")
    speed = {"ours": rows / ours.cpu}
    for peer in ("lightgbm", "shap"):
        _job(peer, folder, sample, chosen.seed)
        told = json.loads((folder / f"{peer}.json").read_text())
        speed[peer] = told["rows"] / told["cpu"]
        print(
            f"{peer}: {speed[peer]:,.0f} rows per CPU second on {sample:,} rows; {rows:,} rows scaled: {rows / speed[peer]:,.0f} s CPU"
        )
    print(
        f"ours: {speed['ours']:,.0f} rows per CPU second, {rows / ours.wall:,.0f} per second of wall clock, all counted"
    )
    _job("compare", folder, sample, chosen.seed)
    gaps = json.loads((folder / "compare.json").read_text())
    _job("large", folder, min(chosen.large_sample, rows), chosen.seed)
    large = json.loads((folder / "large.json").read_text())
    told = {name: large["rows"] / large[name] for name in ("ours", "lightgbm", "shap")}
    print(
        "one booster of 500 x 31, explaining alone, rows per CPU second: "
        + ", ".join(f"{name} {value:,.0f}" for name, value in told.items())
    )
    return [
        Goal(f"{rows:,} parties: rows per CPU second, ours / pred_contrib", speed["ours"] / speed["lightgbm"], 3, "x", higher=True),
        Goal(f"{rows:,} parties: rows per CPU second, ours / shap's own extension", speed["ours"] / speed["shap"], 1, "x", higher=True),
        Goal(f"{rows:,} parties: peak memory", ours.peak_mb, 2048, "MB"),
        Goal(f"{gaps['rows']:,} rows written of {rows:,}", gaps["rows"], rows, "", higher=True),
        Goal("contributions, largest gap to pred_contrib, in 1e-6", gaps["lightgbm"] * 1e6, 1, ""),
        Goal("contributions, largest gap to shap, in 1e-6", gaps["shap"] * 1e6, 1, ""),
        Goal("base and contributions to log-odds, every row of the file, in 1e-6", gaps["additive"] * 1e6, 1, ""),
        Goal("500 x 31: rows per CPU second, ours / pred_contrib", told["ours"] / told["lightgbm"], 1, "x", higher=True),
        Goal("500 x 31: contributions, largest gap to either peer, in 1e-6", large["gap"] * 1e6, 1, ""),
    ]  # fmt: skip


def _job(work: str, folder: Path, rows: int, seed: int) -> Usage:
    """Run one piece of work in its own process; raises SystemExit where it fails."""
    command = [sys.executable, "-m", "bench.credit_parts.book_job", work, str(folder)]
    usage = measured([*command, "--rows", str(rows), "--seed", str(seed)])
    if usage.code != 0:
        raise SystemExit(f"{work}: ended with code {usage.code} (see above), nothing is claimed of it")
    print(f"{work:<9} {rows:>9,} rows: {usage.line()}", flush=True)
    return usage


if __name__ == "__main__":
    sys.exit(main())
