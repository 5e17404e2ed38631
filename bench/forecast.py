"""Demand forecasts of ours beside Prophet, AutoETS, Theta, the seasonal naive and mlforecast, on public data.

Run: python bench/forecast.py [--only m3_monthly taiwan_power] [--peers-from FOLDER]. Needs ../shared/data beside the project.
Every forecaster gets the same rows in a process of its own, one after the other, so that CPU times compare; ours runs with
the same defaults on every set: only the horizon, the frequency and which columns are known ahead are named. Exit 0 when
every goal is met. A full run takes about an hour of CPU, most of it Prophet's; `--peers-from` takes peers' forecasts that
an earlier run kept in a folder (and keeps those that are new), and says so.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else this file hides the packages

from bench.forecast_parts.datasets import DATASETS, Problem, problems
from bench.forecast_parts.figures import figures, judge
from bench.forecast_parts.goals import GOALS, NEEDED, STANDARD
from bench.forecast_parts.job import Done, run_job

ROOT: Final = Path(__file__).resolve().parent.parent
_SHOWN: Final = ("owa", "wape", "mase", "wql", "sql", "cover80", "bias", "negatives", "unanswered")


def main() -> int:
    """Run every forecaster on every set, print figures and goals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(DATASETS), default=list(DATASETS), metavar="DATA")
    parser.add_argument("--peers-from", type=Path, metavar="FOLDER", help="reuse peers' forecasts kept there")
    chosen = parser.parse_args()
    shared = Path(os.environ.get("ZHIHENG_SHARED", ROOT.parent / "shared"))
    folder = shared / "data" / "forecast"
    print(f"{os.cpu_count()} cores, load of the last minute {os.getloadavg()[0]:.1f}")
    if chosen.peers_from:
        print(f"peers' forecasts and CPU times are those kept in {chosen.peers_from}, where there are any")
    report: dict[tuple[str, str], dict[str, float]] = {}
    for dataset in chosen.only:
        _run(dataset, folder, chosen.peers_from, report)
    return _verdict(chosen.only, report)


def _run(
    dataset: str, folder: Path, kept: Path | None, report: dict[tuple[str, str], dict[str, float]]
) -> None:
    """Run the forecasters of a data set, print their figures and put them into the report."""
    given = problems(folder, dataset)
    print(f"\n== {dataset}: {_described(given)}", flush=True)
    for forecaster in (STANDARD, *NEEDED[dataset]):
        ours = forecaster.startswith(STANDARD)
        done = run_job(forecaster, dataset, folder) if ours else _peer(forecaster, dataset, folder, kept)
        if done.forecasts is None:
            print(f"{forecaster:18s} no forecast: {done.refusal}", flush=True)
            continue
        report[dataset, forecaster] = _figures(given, done.forecasts) | {"cpu": done.cpu}
        print(_row(forecaster, report[dataset, forecaster]), flush=True)
    if dataset == "m3_monthly":
        published = _published(folder, given[0])
        report[dataset, "ForecastPro"] = _figures(given, published)
        print(_row("ForecastPro", report[dataset, "ForecastPro"]), flush=True)


def _peer(forecaster: str, dataset: str, folder: Path, kept: Path | None) -> Done:
    if kept is None:
        return run_job(forecaster, dataset, folder)
    kept.mkdir(parents=True, exist_ok=True)
    out = kept / f"{dataset}.{forecaster}.parquet"
    cost = out.with_suffix(".cpu")
    if out.exists() and cost.exists():
        return Done(pl.read_parquet(out), float(cost.read_text(encoding="utf-8")))
    done = run_job(forecaster, dataset, folder, out)
    cost.write_text(str(done.cpu), encoding="utf-8")
    return done


def _figures(given: list[Problem], forecasts: pl.DataFrame) -> dict[str, float]:
    return figures(judge(given, forecasts), given[0])


def _published(folder: Path, problem: Problem) -> pl.DataFrame:
    """Return ForecastPro's own forecasts of the competition, with the dates of their steps."""
    steps = problem.actuals.sort("unique_id", "ds").with_columns(
        step=pl.int_range(1, pl.len() + 1).over("unique_id")
    )
    entered = pl.read_parquet(folder / "m3_published_forecasts.parquet").filter(
        pl.col("method") == "ForecastPro"
    )
    found = steps.join(entered, on=["unique_id", "step"])
    return found.select("unique_id", "ds", "forecast", origin=pl.lit(problem.origin))


def _described(given: list[Problem]) -> str:
    first = given[0]
    known = f", known ahead: {', '.join(first.known)}" if first.known else ""
    origins = f", {len(given)} origins" if len(given) > 1 else ""
    series = first.train["unique_id"].n_unique()
    return f"{series} series, every {first.freq}, {first.horizon} ahead{origins}{known}"


def _row(forecaster: str, found: dict[str, float]) -> str:
    by_origin = [name for name in found if name not in (*_SHOWN, "cpu")]
    cells = [f"{name} {found[name]:.4g}" for name in (*_SHOWN, *by_origin) if name in found]
    cpu = f"  CPU {found['cpu']:.1f} s" if "cpu" in found else ""
    return f"{forecaster:18s} {'  '.join(cells)}{cpu}"


def _verdict(chosen: list[str], report: dict[tuple[str, str], dict[str, float]]) -> int:
    """Print each goal of the sets that ran; one that could not be measured is missed."""
    goals = [goal for goal in GOALS if goal.dataset in chosen]
    print()
    met = 0
    for goal in goals:
        print(goal.line(report))
        value = goal.value(report)
        met += value is not None and goal.met(value)
    print(f"\n{met} met, {len(goals) - met} missed")
    return 0 if met == len(goals) else 1


if __name__ == "__main__":
    sys.exit(main())
