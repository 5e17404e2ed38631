"""Probability of a shortfall against what came: Brier skill and calibration error, in backtests.

- The sample group (synthetic, scale 1, three seeds), by `experiments.capacity_calibration` as the job judges itself: demand
  forecast and line model are learnt anew at each of three cut-offs, each 13 weeks before the next.
- Lines of SupplyGraph (real; see `supplygraph.py` for what short means there): orders by the fast demand forecaster, hours
  by the line model, both learnt at the cut-off, 2,000 futures, 13 weekly cut-offs, four weeks ahead. Five earlier cut-offs
  serve the correction of probabilities, which at each cut-off learns from weeks that were over by then.

Skill is one minus the Brier score over that of the base rates known at the cut-off (`calibration.climatology`). Beside it
stands the skill over the events' own frequency, which no forecaster knows beforehand. Gaps (see there) are printed, not
judged: production follows orders, while the simulation draws the two apart.
"""

from collections.abc import Sequence
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
_QUANTILES: Final = ("q5", "q10", "q25", "q50", "q75", "q90", "q95")
_AHEAD: Final = 91
_END: Final = date(2025, 12, 31)
_GOING_ON: Final = 1e12
"""Stock target of lines that go on working when nothing is due."""


def run(data: Path, seed: int) -> list[Goal]:
    """Judge both backtests, print their figures, return two goals each."""
    goals = _group(seed)
    try:
        return [*goals, *_supplygraph(read_supplygraph(data), seed)]
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


def _supplygraph(graph: SupplyGraph, seed: int) -> list[Goal]:
    short, gaps = [], []
    for cutoff in _WEEKLY:
        orders, hours = _orders(graph, cutoff, seed), _hours(graph, cutoff, seed)
        told = _simulated(orders, hours, seed).with_columns(cutoff=pl.lit(cutoff))
        short.append(told.join(graph.short(cutoff), on=["line_id", "week"]))
        if cutoff >= _FIRST:
            carried = _simulated(orders, hours, seed, opening=graph.stock(cutoff)).with_columns(
                cutoff=pl.lit(cutoff)
            )
            gaps.append(carried.join(graph.gaps(cutoff), on=["line_id", "week"]))
    corrected = _corrected(pl.concat(short).sort("cutoff", "line_id", "week"), graph)
    told = (
        pl.concat(gaps)
        .sort("cutoff", "line_id", "week")
        .with_columns(outcome=pl.col("short").cast(pl.Float64))
    )
    _print("SupplyGraph, gaps (not judged)", told, "probability")
    _print("SupplyGraph, short, as simulated", corrected, "probability")
    skill, error = _print("SupplyGraph, short, corrected", corrected, "corrected")
    return [
        Goal("shortfall on lines of SupplyGraph (real): Brier skill", skill, 0.0, above=True),
        Goal("shortfall on lines of SupplyGraph (real): calibration error", error, _CALIBRATION),
    ]


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
        history = graph.past_weeks(cutoff).select(
            product_id="line_id", outcome=pl.col("short").cast(pl.Int64)
        )
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
    """Forecast what hours run could make, by the line model; in the line's unit, so that a good hour makes one unit."""
    from features.capacity.history_file import line_panel_of_file
    from models.capacity.lines.model import fit_lines
    from models.capacity.shortfall.marginals import marginals_of_frame

    panel = line_panel_of_file(*graph.capability(cutoff), as_of=cutoff)
    weeks = fit_lines(panel, seed=seed).weeks().filter(pl.col("week") > cutoff)
    return marginals_of_frame(weeks.select("line_id", "week", *_QUANTILES), "line_id")


def _simulated(
    orders: "Marginals", hours: "Marginals", seed: int, *, opening: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return [line_id, week, probability] where each line makes its own sub-group alone."""
    from models.capacity.shortfall.dependence import DEFAULT_SHARES, dependence_of_shares
    from models.capacity.shortfall.futures import Stock
    from models.capacity.shortfall.simulation import simulate
    from models.capacity.shortfall.supply import Supply

    both: Sequence[str] = sorted(set(orders.ids) & set(hours.ids))
    groups = pl.DataFrame({"unique_id": both})
    dependence = dependence_of_shares(groups, DEFAULT_SHARES, persistence=0.5, source="default")
    stock = None
    if opening is not None:
        held = dict(opening.iter_rows())
        there = np.array([max(float(held[one]), 0.0) for one in both])
        target = np.full((len(both), len(orders.weeks)), _GOING_ON)
        stock = Stock(there, np.zeros(len(both)), target=target)
    supply = Supply(tuple(both), tuple(both), np.eye(len(both)))
    found = simulate(
        orders.take(both),
        hours.take(both),
        supply,
        dependence=dependence,
        stock=stock,
        count=_COUNT,
        seed=seed,
    )
    return found.products.select("week", "probability", line_id="product_id")
