"""Whether probabilities of a shortfall come true: what was said at past cut-offs against what demand and lines became."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Final

import numpy as np
import polars as pl

from experiments.capacity_actuals import Came, actual_demand, actual_hours, demand_on
from experiments.capacity_backtest import CutOff
from features.capacity.line_panel import LinePanel
from features.capacity.plan_tables import plan_tables
from features.errors import DataError
from features.sources import Tables
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.demand_of_run import (
    GROUP_LEVELS,
    demand_by_product,
    groups_of_products,
    sums_of_run,
)
from models.capacity.published.run_info import CapacityInfo
from models.capacity.published.run_of_model import run_of_model
from models.capacity.published.shortfall_of_run import COUNT, PASSES, Setting, setting_of_run
from models.capacity.shortfall.calibration import (
    brier,
    brier_skill,
    calibration_error,
    climatology,
    reliability,
)
from models.capacity.shortfall.dependence import Dependence
from models.capacity.shortfall.learning import dependence_of_widths
from models.capacity.shortfall.marginals import marginals_of_frame
from models.capacity.shortfall.simulation import simulate
from models.capacity.shortfall.supply import median_shares
from models.demand.ledger.published_run import ForecastRun
from models.demand.series import FloatArray
from models.errors import ModelError

__all__ = ["Calibration", "calibrate", "said_and_came"]

_HISTORY_WEEKS: Final = 52
_LEAST_PAIRS: Final = 20
_WEEK_DAYS: Final = 7


@dataclass(frozen=True, eq=False)
class Calibration:
    """pairs: cutoff, product_id, week, probability, reference, outcome; errors: cutoff, product_id, step, error of demand.

    reference: the product's base rate of shortfalls in the year before the cut-off, by the same rule; `brier_skill` is
    against it. reliability: what came true by stated probability. Measures that cannot be taken are left out.
    """

    pairs: pl.DataFrame
    errors: pl.DataFrame
    measures: dict[str, float]
    reliability: pl.DataFrame | None


_PAIRS: Final = {
    "cutoff": pl.Date,
    "product_id": pl.String,
    "week": pl.Date,
    "probability": pl.Float64,
    "reference": pl.Float64,
    "outcome": pl.Boolean,
}
_ERRORS: Final = {"cutoff": pl.Date, "product_id": pl.String, "step": pl.Int64, "error": pl.Float64}


def calibrate(
    tables: Tables, cuts: Sequence[CutOff], *, panel: LinePanel, seed: int, count: int = COUNT
) -> Calibration:
    """Say at every cut-off how likely each product falls short in each week ahead, and hold it against what came.

    panel: the lines as known today. Every week stands alone, without stock: short means that the week's actual demand
    was more than what the lines' actual good hours could make of it, shared out by the same rule. Demand is forecast
    anew at every cut-off by the fast tier. Cut-offs without sales or routes give no pairs.
    """
    came = Came(actual_demand(tables, panel.as_of), actual_hours(panel))
    pairs, errors = [pl.DataFrame(schema=_PAIRS)], [pl.DataFrame(schema=_ERRORS)]
    for cut in sorted(cuts, key=lambda one: one.as_of):
        try:
            forecast = demand_on(tables, cut.as_of, seed=seed)
        except (DataError, ModelError):
            continue
        run = _run_on(tables, cut, forecast, seed)
        errors.append(_errors(cut.as_of, run.demand, came.demand))
        pairs.append(said_and_came(run, forecast, came, _before(tables, cut), count=count))
    both = pl.concat(pairs).sort("cutoff", "product_id", "week")
    return Calibration(both, pl.concat(errors), _measures(both), _reliability(both))


def said_and_came(
    run: CapacityRun, forecast: ForecastRun, came: Came, before: Came, *, count: int
) -> pl.DataFrame:
    """Return the pairs of one cut-off: probability and outcome by product and week."""
    cutoff = run.info.data_as_of
    weeks = _weeks_both(run, came, cutoff)
    setting = setting_of_run(run, weeks=weeks)
    if setting is None:
        return pl.DataFrame(schema=_PAIRS)
    said = simulate(
        setting.demand,
        setting.hours,
        setting.supply,
        dependence=_dependence(run, forecast),
        shares=setting.shares,
        count=count,
        passes=PASSES,
        seed=run.info.seed,
    )
    short = setting.short_of(
        _array(came.demand, "product_id", "demand", setting.demand.ids, weeks),
        _array(came.hours, "line_id", "hours", setting.hours.ids, weeks),
    )
    outcomes = pl.DataFrame(
        {
            "product_id": [one for one in setting.demand.ids for _ in weeks],
            "week": list(weeks) * len(setting.demand.ids),
            "outcome": (short > 0).ravel(),
        },
        schema={"product_id": pl.String, "week": pl.Date, "outcome": pl.Boolean},
    )
    both = said.products.select("product_id", "week", "probability").join(
        outcomes, on=["product_id", "week"], how="inner", maintain_order="left"
    )
    usual = climatology(_history(setting, before, cutoff), both["product_id"])
    return both.select(
        pl.lit(cutoff).alias("cutoff"),
        "product_id",
        "week",
        "probability",
        pl.Series("reference", usual, dtype=pl.Float64),
        "outcome",
    )


def _run_on(tables: Tables, cut: CutOff, forecast: ForecastRun, seed: int) -> CapacityRun:
    """Return the run of a cut-off, without stocks: what was in store is not part of what is judged."""
    info = CapacityInfo(
        run_id=f"backtest-{cut.as_of}",
        issued_at=datetime.combine(cut.as_of, time(), UTC),
        data_as_of=cut.as_of,
        model_version="backtest",
        horizon_days=1,
        seed=seed,
    )
    plans = plan_tables(tables, as_of=cut.as_of)
    run = run_of_model(cut.model, info, panel=cut.panel, tables=plans, demand=demand_by_product(forecast))
    return replace(run, products=run.products.drop("opening_stock", strict=False))


def _before(tables: Tables, cut: CutOff) -> Came:
    return Came(actual_demand(tables, cut.as_of), actual_hours(cut.panel))


def _weeks_both(run: CapacityRun, came: Came, cutoff: date) -> tuple[date, ...]:
    """Return the weeks wholly ahead of a cut-off of which forecasts and what came are known for all."""
    routed = run.lines.join(run.routes, on="line_id", how="semi").select("line_id")
    products = run.demand.select("product_id").unique()
    counts = (
        (run.weeks.filter(pl.col("days") == _WEEK_DAYS), routed, "line_id"),
        (run.demand, products, "product_id"),
        (came.hours, routed, "line_id"),
        (came.demand, products, "product_id"),
    )
    found = [
        set(
            frame.join(ids, on=key, how="semi")
            .group_by("week")
            .len()
            .filter(pl.col("len") == ids.height)["week"]
        )
        for frame, ids, key in counts
    ]
    return tuple(sorted(week for week in set.intersection(*found) if week > cutoff))


def _history(setting: Setting, before: Came, cutoff: date) -> pl.DataFrame:
    """Return product_id, outcome of the weeks before a cut-off, shared out as demand and hours were on average."""
    ids, lines = setting.demand.ids, setting.hours.ids
    known = [
        set(
            frame.filter(pl.col(key).is_in(names))
            .group_by("week")
            .len()
            .filter(pl.col("len") == len(names))["week"]
        )
        for frame, key, names in ((before.demand, "product_id", ids), (before.hours, "line_id", lines))
    ]
    weeks = tuple(sorted(week for week in known[0] & known[1] if week < cutoff))[-_HISTORY_WEEKS:]
    if not weeks:
        return pl.DataFrame(schema={"product_id": pl.String, "outcome": pl.Boolean})
    demand = _array(before.demand, "product_id", "demand", ids, weeks)
    hours = _array(before.hours, "line_id", "hours", lines, weeks)
    usual = [np.repeat(one.mean(axis=1, keepdims=True), len(weeks), axis=1) for one in (demand, hours)]
    past = replace(setting, shares=median_shares(setting.supply, *usual), stock=None)
    short = past.short_of(demand, hours) > 0
    return pl.DataFrame(
        {"product_id": [one for one in ids for _ in weeks], "outcome": short.ravel()},
        schema={"product_id": pl.String, "outcome": pl.Boolean},
    )


def _dependence(run: CapacityRun, forecast: ForecastRun) -> Dependence:
    groups = groups_of_products(demand_by_product(forecast))
    parts = marginals_of_frame(run.demand, "product_id")
    sums = marginals_of_frame(sums_of_run(forecast), "unique_id")
    known = groups.filter(pl.col("unique_id").is_in(list(parts.ids)))
    return dependence_of_widths(parts, sums, known, levels=GROUP_LEVELS)


def _errors(cutoff: date, said: pl.DataFrame, came: pl.DataFrame) -> pl.DataFrame:
    ahead = said.filter(pl.col("week") > cutoff).sort("product_id", "week")
    step = pl.col("week").rank("dense").cast(pl.Int64).alias("step")
    both = ahead.with_columns(step).join(came, on=["product_id", "week"], how="inner", maintain_order="left")
    return both.select(
        pl.lit(cutoff).alias("cutoff"), "product_id", "step", error=pl.col("demand") - pl.col("forecast")
    )


def _measures(pairs: pl.DataFrame) -> dict[str, float]:
    if pairs.height < _LEAST_PAIRS:
        return {}
    told, came = pairs["probability"].to_numpy(), pairs["outcome"].cast(pl.Float64).to_numpy()
    usual = pairs["reference"].to_numpy()
    found = {
        "pairs": float(pairs.height),
        "base_rate": float(came.mean()),
        "brier": brier(told, came),
        "brier_reference": brier(usual, came),
        "brier_skill": brier_skill(told, came, usual),
        "calibration_error": calibration_error(told, came),
    }
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _reliability(pairs: pl.DataFrame) -> pl.DataFrame | None:
    if pairs.height < _LEAST_PAIRS:
        return None
    return reliability(pairs["probability"].to_numpy(), pairs["outcome"].cast(pl.Float64).to_numpy())


def _array(
    frame: pl.DataFrame, key: str, value: str, ids: Sequence[str], weeks: Sequence[date]
) -> FloatArray:
    held = {(one, week): number for one, week, number in frame.select(key, "week", value).iter_rows()}
    return np.array([[held[one, week] for week in weeks] for one in ids], dtype=np.float64)
