"""Carry the last count of stock forward to the first week to plan: what is sold and made until then."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.run_info import Note
from models.capacity.published.run_scope import listed, weeks_of_run
from models.capacity.published.shortfall_of_run import Setting, rated_weeks, setting_of_run
from models.demand.series import FloatArray
from models.quantile_columns import quantile_columns

__all__ = ["stock_carried_forward"]

_WEEK_DAYS: Final = 7


def stock_carried_forward(
    run: CapacityRun, counted_on: Mapping[str, date], made: pl.DataFrame | None = None
) -> tuple[CapacityRun, tuple[Note, ...]]:
    """Return the run with the stocks and backlogs that are expected at the start of its first week to plan.

    counted_on: the day of each product's count; made: line_id, week, actual (good output) of weeks that a line has
    reported already, for which it has no forecast. Between that day and the plan, products are sold as the demand run
    expects and lines work as in the shortfalls, week by week; the weeks before the first that both know are not
    counted. A note names the products that were carried. Without stock, demand or such weeks nothing changes.
    """
    told = run if made is None else replace(run, weeks=_with_reports(run, made))
    weeks = _weeks_between(told, run, max(counted_on.values(), default=date.max))
    setting = setting_of_run(told, weeks=weeks) if weeks else None
    if setting is None or setting.stock is None:
        return run, ()
    short, stock = setting.run_through(_demand(told, setting), _hours(told, setting))
    moved = {
        name: (float(stock[row, -1]), float(short[row, -1]))
        for row, name in enumerate(setting.demand.ids)
        if name in counted_on and counted_on[name] < weeks[0]
    }
    products = run.products.with_columns(
        _replaced("opening_stock", {name: pair[0] for name, pair in moved.items()}),
        _replaced("opening_backlog", {name: pair[1] for name, pair in moved.items()}),
    )
    return replace(run, products=products), _notes(sorted(moved), weeks, counted_on)


def _with_reports(run: CapacityRun, made: pl.DataFrame) -> pl.DataFrame:
    """Return the weeks with those that a line has reported already, whose quantiles are all what was made."""
    known = made.join(run.lines, on="line_id", how="semi")
    whole = run.weeks.filter(pl.col("days") == _WEEK_DAYS) if "days" in run.weeks.columns else run.weeks
    lacking = known.join(whole, on=["line_id", "week"], how="anti").filter(
        pl.col("week").is_in(run.demand["week"].to_list())
    )
    values = [pl.col("actual").alias(name) for name in ("forecast", *quantile_columns(run.weeks))]
    rows = lacking.select("line_id", "week", pl.lit(_WEEK_DAYS, pl.Int64).alias("days"), *values)
    kept = run.weeks.join(rows, on=["line_id", "week"], how="anti", maintain_order="left")
    return pl.concat([kept, rows], how="diagonal_relaxed").sort("line_id", "week")


def _weeks_between(told: CapacityRun, run: CapacityRun, counted: date) -> tuple[date, ...]:
    """Return the whole weeks after a count and before the first week to plan that demand and all lines know."""
    ahead = weeks_of_run(run)
    whole = told.weeks.filter(pl.col("days") == _WEEK_DAYS) if "days" in told.weeks.columns else told.weeks
    counts = whole.group_by("week").len().filter(pl.col("len") == run.lines.height)
    shared = set(counts["week"]) & set(run.demand["week"])
    return tuple(sorted(week for week in shared if ahead and counted < week < ahead[0]))


def _replaced(column: str, values: Mapping[str, float]) -> pl.Expr:
    return (
        pl.col("product_id")
        .replace_strict(values, default=pl.col(column), return_dtype=pl.Float64)
        .alias(column)
    )


def _demand(run: CapacityRun, setting: Setting) -> FloatArray:
    held = {
        (one, week): value
        for one, week, value in run.demand.select("product_id", "week", "forecast").iter_rows()
    }
    rows = [[max(held[one, week], 0.0) for week in setting.demand.weeks] for one in setting.demand.ids]
    return np.array(rows, dtype=np.float64)


def _hours(run: CapacityRun, setting: Setting) -> FloatArray:
    """Return expected good hours, (l, w)."""
    hours = rated_weeks(run).select("line_id", "week", pl.col("forecast") / pl.col("rate"))
    held = {(one, week): value for one, week, value in hours.iter_rows()}
    rows = [[held[one, week] for week in setting.hours.weeks] for one in setting.hours.ids]
    return np.array(rows, dtype=np.float64)


def _notes(moved: list[str], weeks: tuple[date, ...], counted_on: Mapping[str, date]) -> tuple[Note, ...]:
    if not moved:
        return ()
    first = min(counted_on[name] for name in moved)
    return (
        Note(
            code="stock_carried_forward",
            zh=f"{listed(moved)} 的库存最近一次盘点为 {first}，已按预测的需求与产出推算到计划首周（{len(weeks)} 周）。",
            en=f"The stock of {listed(moved)} was last counted on {first}; it is carried forward by forecast demand and "
            f"output over {len(weeks)} weeks to the first week to plan.",
        ),
    )
