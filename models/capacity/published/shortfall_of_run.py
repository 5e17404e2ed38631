"""Simulate the shortfalls of a run: its demand against its lines' good hours over the weeks that can be planned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.run_scope import weeks_of_run
from models.capacity.shortfall.bottleneck import LineFacts, facts_of_frame
from models.capacity.shortfall.dependence import Dependence
from models.capacity.shortfall.futures import Stock, weeks_of_futures
from models.capacity.shortfall.marginals import Marginals, marginals_of_frame
from models.capacity.shortfall.simulation import Shortfall, simulate
from models.capacity.shortfall.supply import Supply, median_shares, plan_shares, supply_of_frame
from models.demand.series import FloatArray
from models.quantile_columns import quantile_columns

__all__ = [
    "COUNT",
    "PASSES",
    "Setting",
    "good_hours",
    "rated_weeks",
    "setting_of_run",
    "shortfall_of_run",
    "stock_of_products",
]

COUNT: Final = 2000
"""Futures drawn."""
PASSES: Final = 2
"""Rounds in which idle hours are handed on; see `sharing.make`."""
_NO_HOURS: Final = 1e-9


def shortfall_of_run(
    run: CapacityRun,
    dependence: Dependence,
    *,
    line_dependence: Dependence | None = None,
    count: int = COUNT,
    seed: int = 7,
    plan: pl.DataFrame | None = None,
    weeks: Sequence[date] | None = None,
) -> Shortfall | None:
    """Return the shortfalls by product, line and week; None where the run has no demand, no route or no common week.

    Demand follows the demand run's quantiles, a line's good hours are the quantiles of its good output over its planned
    rate; lines fail independently without `line_dependence`. Stock at hand is used first; hours that no product needs
    restore the stock to what it was, within its floor and ceiling. plan: line_id, product_id, week, hours of a plan whose
    sharing out of the lines' hours counts; the median demand's without one. weeks: `weeks_of_run` by default.
    """
    setting = setting_of_run(run, plan=plan, weeks=weeks)
    if setting is None:
        return None
    return simulate(
        setting.demand,
        setting.hours,
        setting.supply,
        dependence=dependence,
        line_dependence=None if line_dependence is None else line_dependence.take(setting.hours.ids),
        shares=setting.shares,
        stock=setting.stock,
        facts=_facts(run, setting.hours.ids, setting.demand.weeks),
        count=count,
        passes=PASSES,
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class Setting:
    """What the futures of a run are drawn from and shared out by; products and lines in the order of their ids."""

    demand: Marginals
    hours: Marginals
    supply: Supply
    shares: FloatArray
    stock: Stock | None

    def short_of(self, demand: FloatArray, hours: FloatArray) -> FloatArray:
        """Return what one future of demand (p, w) and good hours (l, w) falls short by, (p, w), by the same rule."""
        return self.run_through(demand, hours)[0]

    def run_through(self, demand: FloatArray, hours: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what one future falls short by and the stock at the end of each week, (p, w) each."""
        asked, able = (one[None].astype(np.float32) for one in (demand, hours))
        futures = weeks_of_futures(asked, able, self.supply, self.shares, stock=self.stock, passes=PASSES)
        both = [(one.short[:, 0].astype(np.float64), one.stock[:, 0].astype(np.float64)) for one in futures]
        short, stock = zip(*both, strict=True)
        return np.stack(short, axis=1), np.stack(stock, axis=1)


def setting_of_run(
    run: CapacityRun, *, plan: pl.DataFrame | None = None, weeks: Sequence[date] | None = None
) -> Setting | None:
    """Return the setting of `shortfall_of_run`; None where the run has no demand, no route or no common week."""
    wanted = list(weeks_of_run(run) if weeks is None else weeks)
    demand = run.demand.filter(pl.col("week").is_in(wanted))
    lines = run.lines.join(run.routes, on="line_id", how="semi")["line_id"].to_list()
    if not wanted or demand.is_empty() or not lines:
        return None
    rows = good_hours(run).filter(pl.col("week").is_in(wanted), pl.col("line_id").is_in(lines))
    asked, hours = marginals_of_frame(demand, "product_id"), marginals_of_frame(rows, "line_id")
    supply = supply_of_frame(run.routes, asked.ids, hours.ids, good_share=_usual_quality(run, hours.ids))
    shares = median_shares(supply, asked.median, hours.median)
    if plan is not None:
        shares = plan_shares(plan, supply, wanted, otherwise=shares)
    return Setting(asked, hours, supply, shares, stock_of_products(run.products, asked.ids, len(wanted)))


def good_hours(run: CapacityRun) -> pl.DataFrame:
    """Return line_id, week and quantiles of good hours: good output over the planned rate of the week."""
    columns = quantile_columns(run.weeks)
    return rated_weeks(run).select(
        "line_id", "week", *[(pl.col(one) / pl.col("rate")).alias(one) for one in columns]
    )


def rated_weeks(run: CapacityRun) -> pl.DataFrame:
    """Return the run's weeks with `rate`, the planned rate of the week: output over the hours at that rate.

    A week without such hours (nothing is planned, or it was reported) has the line's own.
    """
    rated = run.weeks.join(
        run.lines.select("line_id", rate="planned_rate"), on="line_id", how="left", maintain_order="left"
    )
    at_rate, output = pl.col("effective_hours"), pl.col("output")
    own = pl.when((at_rate > _NO_HOURS) & (output > 0)).then(output / at_rate)
    return rated.with_columns(rate=pl.coalesce(own, "rate"))


def stock_of_products(products: pl.DataFrame, ids: Sequence[str], weeks: int) -> Stock | None:
    """Return what is in stock before the first week and up to which stock lines may work; None where nobody says."""
    if "opening_stock" not in products.columns or products["opening_stock"].null_count() == products.height:
        return None
    rows = {row["product_id"]: row for row in products.iter_rows(named=True)}
    opening, backlog, target = np.zeros(len(ids)), np.zeros(len(ids)), np.zeros((len(ids), weeks))
    for place, name in enumerate(ids):
        row = rows.get(name, {})
        opening[place] = max(float(row.get("opening_stock") or 0.0), 0.0)
        backlog[place] = max(float(row.get("opening_backlog") or 0.0), 0.0)
        ceiling, floor = row.get("stock_ceiling"), row.get("stock_floor")
        wanted = max(float(floor or 0.0), opening[place])
        target[place] = wanted if ceiling is None else min(wanted, float(ceiling))
    return Stock(opening, backlog, target)


def _usual_quality(run: CapacityRun, line_ids: Sequence[str]) -> FloatArray:
    """Return the good share of each line over all its weeks, a ratio of sums."""
    sums: dict[str, tuple[float, float]] = {}
    for line, hours, quality in (
        run.weeks.sort("line_id", "week").select("line_id", "effective_hours", "quality").iter_rows()
    ):
        if hours is not None and quality is not None:
            good, whole = sums.get(line, (0.0, 0.0))
            sums[line] = (good + hours * quality, whole + hours)
    shares = [sums.get(one, (1.0, 1.0)) for one in line_ids]
    return np.array([good / whole if whole > 0 else 1.0 for good, whole in shares])


def _facts(run: CapacityRun, line_ids: Sequence[str], weeks: Sequence[date]) -> LineFacts:
    """Return what maintenance and a bad yield cost; the usual yield is the line's own of the past, where the run has it."""
    usual = "usual_quality" if "usual_quality" in run.lines.columns else None
    told = run.lines.select("line_id", usual_good_share=usual or pl.lit(None, pl.Float64))
    lost = (
        run.contributions.filter(pl.col("factor") == "maintenance")
        .sort("line_id", "week")
        .group_by("line_id", "week", maintain_order=True)
        .agg(lost=-pl.col("value").sum())
    )
    share = pl.when(pl.col("quality") > 0).then(pl.col("quality")).otherwise(1.0)
    frame = (
        rated_weeks(run).join(told, on="line_id", how="left").join(lost, on=["line_id", "week"], how="left")
    )
    return facts_of_frame(
        frame.with_columns(
            good_share=pl.col("quality"),
            maintenance_hours=pl.col("lost").fill_null(0.0) / pl.col("rate") / share,
        ),
        line_ids,
        weeks,
    )
