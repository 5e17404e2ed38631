"""What a run of capacity says beside the lines' forecast: shortfalls, stock alerts, utilisation by month."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from pydantic import JsonValue

from experiments.capacity_calibration import Calibration
from experiments.capacity_demand import Demand, dependence_of_demand
from features.capacity.line_panel import LinePanel
from features.capacity.utilisation import monthly_utilisation
from models.capacity.lines.marginals import LineMarginals
from models.capacity.profiles.profile import Profile
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.run_frames import empty_frame
from models.capacity.published.run_info import Note
from models.capacity.published.shortfall_of_run import shortfall_of_run
from models.capacity.published.stock_of_run import alerts_of, stock_outlook_of_run
from models.capacity.shortfall.dependence import Dependence
from models.capacity.shortfall.learning import dependence_of_errors
from models.capacity.utilisation import forecast_utilisation
from models.demand.series import FloatArray
from models.errors import UtilisationError

__all__ = ["Outlook", "outlook_of", "utilisation_of"]


@dataclass(frozen=True, eq=False)
class Outlook:
    """Frames of a run; without demand or routes the shortfalls are empty and a note says so."""

    products: pl.DataFrame
    lines: pl.DataFrame
    alerts: pl.DataFrame
    utilisation: pl.DataFrame
    dependence: Mapping[str, JsonValue]
    count: int
    notes: tuple[Note, ...]


def outlook_of(
    run: CapacityRun,
    panel: LinePanel,
    demand: Demand,
    calibration: Calibration | None,
    *,
    profiles: Mapping[str, Profile],
    months: int,
    line_errors: LineMarginals,
    count: int,
) -> Outlook:
    """Simulate the run's shortfalls and stocks and forecast utilisation.

    Products move together as the demand run's bands and, where there are any, backtest errors say; lines as the errors
    of their own backtests say.
    """
    utilisation, notes = utilisation_of(panel, months)
    if demand.run is None or run.demand.is_empty():
        return _without(utilisation, notes)
    products = dependence_of_demand(demand, _errors(calibration, demand))
    lines = _line_dependence(line_errors, run)
    found = shortfall_of_run(run, products, line_dependence=lines, count=count, seed=run.info.seed)
    if found is None:
        return _without(utilisation, (*notes, _NO_ROUTES))
    outlook = stock_outlook_of_run(run, products, profiles, seed=run.info.seed)
    if outlook is None:
        notes = (*notes, _NO_STOCKS)
    dependence = {**json.loads(products.to_json()), "lines": json.loads(lines.to_json())}
    return Outlook(found.products, found.lines, alerts_of(outlook), utilisation, dependence, count, notes)


def utilisation_of(panel: LinePanel, months: int) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Return line_id, ds, forecast, quantiles of monthly utilisation; lines that are too young are left out, and told."""
    past = monthly_utilisation(panel).select(pl.col("line_id").alias("unique_id"), "ds", y="utilisation")
    try:
        made = forecast_utilisation(past, months)
    except UtilisationError as error:
        return empty_frame("utilisation"), (Note(code="no_utilisation", zh=error.zh, en=error.en),)
    return made.rename({"unique_id": "line_id"}).with_columns(pl.col("ds").cast(pl.Date)), ()


_NO_ROUTES = Note(
    code="no_routes",
    zh="没有产品与产线之间的工艺路线（line_products），未计算缺口；请补充该表后重新运行。",
    en="There is no route between a product and a line (line_products), so no shortfall was computed. Add the table and "
    "run again.",
)
_NO_STOCKS = Note(
    code="no_stocks",
    zh="没有库存表（stocks），缺口按各周独立计算，也没有库存预警。",
    en="There is no table of stocks, so every week's shortfall stands alone and there are no stock alerts.",
)


def _without(utilisation: pl.DataFrame, notes: tuple[Note, ...]) -> Outlook:
    frames = (empty_frame("shortfall_products"), empty_frame("shortfall_lines"), empty_frame("stock_alerts"))
    return Outlook(*frames, utilisation, {}, 0, notes)


def _errors(calibration: Calibration | None, demand: Demand) -> FloatArray | None:
    """Return demand's backtest errors, (cut-offs, n, weeks), products in the order of their ids; None without any."""
    if calibration is None or calibration.errors.is_empty() or demand.products is None:
        return None
    errors = calibration.errors
    ids = {one: row for row, one in enumerate(demand.products["product_id"].unique().sort().to_list())}
    cuts = {one: row for row, one in enumerate(errors["cutoff"].unique().sort().to_list())}
    steps = int(errors["step"].to_numpy().max())
    values = np.full((len(cuts), len(ids), steps), np.nan)
    for cutoff, product, step, error in errors.select("cutoff", "product_id", "step", "error").iter_rows():
        if product in ids:
            values[cuts[cutoff], ids[product], step - 1] = error
    return values


def _line_dependence(errors: LineMarginals, run: CapacityRun) -> Dependence:
    """Learn from the lines' backtests how they are good and bad together."""
    lines = dict(run.lines.select("line_id", "org_id").iter_rows())
    groups = pl.DataFrame(
        {"unique_id": list(errors.ids), "org_id": [lines.get(one) for one in errors.ids]},
        schema={"unique_id": pl.String, "org_id": pl.String},
    )
    return dependence_of_errors(errors.errors, groups, levels=("org_id",))
