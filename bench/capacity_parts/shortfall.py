"""Probability of a shortfall against what came: Brier skill and calibration error, in backtests.

- The sample group (synthetic, scale 1, three seeds), by `experiments.capacity_calibration` as the job judges itself: demand
  forecast and line model are learnt anew at each of three cut-offs, each 13 weeks before the next.
- Lines of SupplyGraph (real; see `supplygraph.py` for what short means there, and what else was tried): orders by the fast
  demand forecaster, hours by the line model, both learnt at the cut-off, 2,000 futures, 13 weekly cut-offs, four weeks ahead.
  Judged are probabilities as simulated, which is what a run publishes. Printed beside them, not judged: the same corrected
  by weeks that were over by each cut-off (five earlier cut-offs serve that alone), each half of the cut-offs, lines that run
  seldom, a lower planned rate, and products in the place of lines.

Skill is one minus the Brier score over that of the base rates known at the cut-off (`calibration.climatology`). Beside it
stands the skill over the events' own frequency, which no forecaster knows beforehand.

How sure is it? SupplyGraph holds 23 short pairs, which are 15 weeks of four lines. Weeks drawn anew with replacement give a
skill of -0.15 to 0.22 (90 %; above 0 in 79 %). Every other cut-off alone: 0.33 and -0.34; without the line AT: -0.07. Products
say the same as lines, with other pairs: 0.10. The sample group over six cut-offs in the place of three, by seed: skill 0.67,
0.72, 0.72, error 0.022, 0.034, 0.037; over three, probabilities that were exactly true would show an error of 0.028 to 0.039
by seed (on pairs as independent as they are not), so errors of 0.048 to 0.077 of a single seed tell little.

Corrections were tried and are not what is judged, nor what a run publishes, since they help no oftener than they harm (skill
before and after). Logistic, drawn to identity: sample group by seed 0.479 to 0.429, 0.708 to 0.723, 0.875 to 0.874; lines of
SupplyGraph 0.092 to 0.149, at the lower rate 0.019 to -0.004, products 0.096 to 0.095. The same only where it had paid at
earlier cut-offs: sample group 0.420, 0.713, 0.875. Half base rate, half simulation: sample group 0.397, 0.507, 0.610; it helps
only where the event cannot be told (the former one, -0.121 to -0.018). Logistic in both, drawn to half and half: -0.142 there,
0.437 for the sample group's first seed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from bench.capacity_parts.goals import Goal, not_measured
from bench.capacity_parts.group import GROUP_SEEDS, generated_group
from bench.capacity_parts.supplygraph import HORIZON_WEEKS, SupplyGraph, read_supplygraph

if TYPE_CHECKING:
    from models.capacity.shortfall.marginals import Marginals

__all__ = ["run"]

_CALIBRATION: Final = 0.05
_COUNT: Final = 2000
_FIRST: Final = date(2023, 4, 16)
_WEEKLY: Final = tuple(_FIRST + timedelta(weeks=step) for step in range(-5, 13))
_MIDDLE: Final = date(2023, 6, 4)
_LOWER_RATE: Final = 0.75
_QUANTILES: Final = ("q5", "q10", "q25", "q50", "q75", "q90", "q95")
_AHEAD: Final = 91
_END: Final = date(2025, 12, 31)


def run(data: Path, seed: int) -> list[Goal]:
    """Judge both backtests, print their figures, return two goals each."""
    goals = _group(seed)
    try:
        return [*goals, *_supplygraph(data, seed)]
    except FileNotFoundError:
        reason = "no ../shared/data"
        return [
            *goals,
            not_measured("shortfall on lines of SupplyGraph (real): Brier skill", 0.0, reason, above=True),
            not_measured("shortfall on lines of SupplyGraph (real): calibration error", _CALIBRATION, reason),
        ]


def _group(seed: int) -> list[Goal]:
    """Judge the sample group, all seeds together and each."""
    each = [_group_pairs(one, seed).with_columns(group=pl.lit(one)) for one in GROUP_SEEDS]
    for one in each:
        _print(f"sample group (synthetic), seed {one['group'][0]}", one, "probability", table=False)
    skill, error = _print("sample group (synthetic), all seeds", pl.concat(each), "probability")
    return [
        Goal("shortfall, sample group (synthetic): Brier skill", skill, 0.0, above=True),
        Goal("shortfall, sample group (synthetic): calibration error", error, _CALIBRATION),
    ]


def _group_pairs(group_seed: int, seed: int) -> pl.DataFrame:
    """Return [cutoff, product_id, week, probability, reference, outcome] of one sample group."""
    from experiments.capacity_backtest import cut_off_days, cut_offs
    from experiments.capacity_calibration import calibrate
    from features.capacity.group_lines import group_line_panel
    from features.sources import read_tables
    from models.capacity.profiles.profile_files import load_profiles

    with generated_group(group_seed) as folder:
        tables = read_tables(folder)
        panel = group_line_panel(tables, as_of=_END, horizon_days=1)
        cuts = cut_offs(
            tables,
            cut_off_days(panel, 3, _AHEAD),
            horizon_days=_AHEAD,
            seed=seed,
            profiles=load_profiles(),
            say=lambda _zh, en: print(f"  {en}", flush=True),
        )
        pairs = calibrate(tables, cuts, panel=panel, seed=seed).pairs
    return pairs.with_columns(pl.col("outcome").cast(pl.Float64))


def _supplygraph(data: Path, seed: int) -> list[Goal]:
    graph = read_supplygraph(data)
    skill, error = _judge("SupplyGraph, short", graph, seed)
    _judge(
        f"SupplyGraph, short, rate of the {_LOWER_RATE:.0%} quantile", replace(graph, rate=_LOWER_RATE), seed
    )
    _judge("SupplyGraph, short, products", read_supplygraph(data, unit="product"), seed)
    return [
        Goal("shortfall on lines of SupplyGraph (real): Brier skill", skill, 0.0, above=True),
        Goal("shortfall on lines of SupplyGraph (real): calibration error", error, _CALIBRATION),
    ]


def _judge(name: str, graph: SupplyGraph, seed: int) -> tuple[float, float]:
    """Print the scores of one set of lines; return skill and calibration error as simulated."""
    parts = []
    for cutoff in _WEEKLY:
        told = _simulated(_orders(graph, cutoff, seed), _hours(graph, cutoff, seed), seed)
        usual = pl.col("line_id").is_in(graph.judged(cutoff))
        short = graph.short(cutoff)
        parts.append(
            told.with_columns(usual=usual, cutoff=pl.lit(cutoff)).join(short, on=["line_id", "week"])
        )
    every = pl.concat(parts).sort("cutoff", "line_id", "week")
    rows = _corrected(every.filter("usual"), graph)
    for half, column in (("first", pl.col("cutoff") < _MIDDLE), ("second", pl.col("cutoff") >= _MIDDLE)):
        _print(f"{name}, {half} half", rows.filter(column), "probability", table=False)
    _print(f"{name}, also lines that run seldom", _corrected(every, graph), "probability", table=False)
    _print(f"{name}, corrected", rows, "corrected", table=False)
    return _print(name, rows, "probability")


def _corrected(rows: pl.DataFrame, graph: SupplyGraph) -> pl.DataFrame:
    """Add outcome, reference and the probability corrected by weeks that were over; the judged cut-offs alone."""
    from models.capacity.shortfall.calibration import climatology
    from models.capacity.shortfall.recalibration import learn_recalibration

    pairs = rows.with_columns(outcome=pl.col("short").cast(pl.Float64))
    parts = []
    for cutoff in _WEEKLY:
        if cutoff < _FIRST:
            continue
        now = pairs.filter(pl.col("cutoff") == cutoff)
        rule = learn_recalibration(pairs, before=cutoff + timedelta(days=1))
        known = graph.past_weeks(cutoff).filter(pl.col("line_id").is_in(now["line_id"].unique().to_list()))
        history = known.select(product_id="line_id", outcome=pl.col("short").cast(pl.Int64))
        parts.append(
            now.with_columns(
                corrected=rule.apply(now["probability"].to_numpy()),
                reference=climatology(history, now["line_id"]),
            )
        )
    return pl.concat(parts)


def _print(name: str, rows: pl.DataFrame, column: str, *, table: bool = True) -> tuple[float, float]:
    """Print scores and the reliability table; return the skill over the reference and the calibration error."""
    from models.capacity.shortfall.calibration import brier_skill, calibration_error, reliability

    told, came = rows[column].to_numpy(), rows["outcome"].to_numpy()
    own = brier_skill(told, came, np.full(len(came), came.mean()))
    skill = (
        brier_skill(told, came, rows["reference"].to_numpy()) if "reference" in rows.columns else float("nan")
    )
    error = calibration_error(told, came)
    print(
        f"{name}: {len(came)} pairs, frequency {came.mean():.3f}, mean probability {told.mean():.3f}, skill over base rates "
        f"known {skill:.3f}, over the frequency itself {own:.3f}, calibration error {error:.3f}",
        flush=True,
    )
    for row in reliability(told, came, bins=5).iter_rows(named=True) if table else ():
        print(
            f"  {row['low']:.1f} to {row['high']:.1f}: {row['count']:4d} pairs, said {row['probability']:.2f}, "
            f"came {row['frequency']:.2f} [{row['low_90']:.2f}, {row['high_90']:.2f}]"
        )
    return skill, error


def _orders(graph: SupplyGraph, cutoff: date, seed: int) -> "Marginals":
    """Forecast weekly orders of the lines by the fast demand forecaster."""
    from features.demand import build_panel
    from models.capacity.shortfall.marginals import marginals_of_frame
    from models.demand.forecaster import fit_forecaster
    from models.demand.router import Tier

    known = graph.weeks("ordered").filter(pl.col("week") <= cutoff)
    panel = build_panel(known.select(unique_id="line_id", ds="week", y="ordered"), freq="1w")
    found = fit_forecaster(panel, HORIZON_WEEKS, tier=Tier.FAST, seed=seed).forecast()
    quantiles = [name for name in found.columns if name.startswith("q")]
    return marginals_of_frame(found.select("unique_id", *quantiles, week="ds"), "unique_id")


def _hours(graph: SupplyGraph, cutoff: date, seed: int) -> "Marginals":
    """Forecast what open days could make, by the line model; in the line's unit, so that a good hour makes one unit."""
    from features.capacity.history_file import line_panel_of_file
    from models.capacity.lines.model import fit_lines
    from models.capacity.shortfall.marginals import marginals_of_frame

    panel = line_panel_of_file(*graph.capability(cutoff), as_of=cutoff)
    weeks = fit_lines(panel, seed=seed).weeks().filter(pl.col("week") > cutoff)
    return marginals_of_frame(weeks.select("line_id", "week", *_QUANTILES), "line_id")


def _simulated(orders: "Marginals", hours: "Marginals", seed: int) -> pl.DataFrame:
    """Return [line_id, week, probability] where each line makes its own sub-group alone."""
    from models.capacity.shortfall.dependence import DEFAULT_SHARES, dependence_of_shares
    from models.capacity.shortfall.simulation import simulate
    from models.capacity.shortfall.supply import Supply

    both: Sequence[str] = sorted(set(orders.ids) & set(hours.ids))
    groups = pl.DataFrame({"unique_id": both})
    dependence = dependence_of_shares(groups, DEFAULT_SHARES, persistence=0.5, source="default")
    supply = Supply(tuple(both), tuple(both), np.eye(len(both)))
    found = simulate(
        orders.take(both),
        hours.take(both),
        supply,
        dependence=dependence,
        count=_COUNT,
        seed=seed,
    )
    return found.products.select("week", "probability", line_id="product_id")
