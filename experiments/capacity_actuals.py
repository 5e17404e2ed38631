"""What came after a past day, and what the demand model would have said on it."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

import polars as pl

from experiments.capacity_backtest import whole_weeks
from features.capacity.line_panel import LinePanel
from features.demand import Panel
from features.errors import MissingColumnError
from features.sales.panel import SALES_LEVELS, sales_panel
from features.sources import Tables
from models.demand.forecaster import fit_forecaster
from models.demand.hierarchies.hierarchy import hierarchy_of_levels
from models.demand.ledger.published_run import ForecastRun
from models.demand.ledger.run_of_model import keys_of_nodes
from models.demand.ledger.run_of_model import run_of_model as demand_run_of_model
from models.demand.router import Tier

__all__ = ["WEEKS", "Came", "actual_demand", "actual_hours", "demand_on"]

WEEKS: Final = 13
"""Weeks ahead of which demand is forecast at every cut-off."""


@dataclass(frozen=True, eq=False)
class Came:
    """What came: demand by product and week, good hours by line and week, as known on the last day."""

    demand: pl.DataFrame
    hours: pl.DataFrame


def demand_on(tables: Tables, as_of: date, *, seed: int, weeks: int = WEEKS) -> ForecastRun:
    """Return what the demand model (fast tier) would have published on a past day. Raises DataError, ModelError."""
    panel = sales_panel(tables, freq="1w", as_of=as_of)
    static = _static(panel)
    hierarchy = hierarchy_of_levels(static, SALES_LEVELS)
    model = fit_forecaster(panel, weeks, tier=Tier.FAST, seed=seed, hierarchy=hierarchy)
    return demand_run_of_model(
        model,
        run_id=f"backtest-{as_of}",
        issued_at=datetime.combine(as_of, time(), UTC),
        data_as_of=as_of,
        model_version="backtest",
        static=keys_of_nodes(hierarchy, static, SALES_LEVELS),
    )


def actual_demand(tables: Tables, as_of: date) -> pl.DataFrame:
    """Return product_id, week, demand of weeks in which every region of a product was observed; no less than zero."""
    panel = sales_panel(tables, freq="1w", as_of=as_of)
    rows = panel.frame.join(_static(panel).select("unique_id", "product_id"), on="unique_id").sort(
        "unique_id", "ds"
    )
    found = [
        {"product_id": product, "week": week, "demand": max(math.fsum(own["y"]), 0.0)}
        for (product, week), own in rows.group_by(
            "product_id", pl.col("ds").cast(pl.Date), maintain_order=True
        )
        if own["observed"].all()
    ]
    return pl.DataFrame(found, schema={"product_id": pl.String, "week": pl.Date, "demand": pl.Float64})


def actual_hours(panel: LinePanel) -> pl.DataFrame:
    """Return line_id, week, hours: good hours (good output over the planned rate of its day) of whole reported weeks."""
    rates = dict(panel.lines.select("line_id", "planned_rate").iter_rows())
    usual = pl.col("line_id").replace_strict(rates, default=None, return_dtype=pl.Float64)
    return whole_weeks(panel, "hours", over=pl.coalesce("planned_rate", usual))


def _static(panel: Panel) -> pl.DataFrame:
    if panel.static is None:  # `sales_panel` always gives one
        raise MissingColumnError("sales", ["org_id", "family", "product_id", "region"], panel.frame.columns)
    return panel.static.filter(pl.col("region").is_not_null())
