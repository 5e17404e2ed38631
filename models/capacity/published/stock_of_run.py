"""Alerts of a run's stocks: how likely each product's stock leaves its band in the weeks to plan (C-12)."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from models.capacity.profiles.profile import Profile
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.run_frames import empty_frame
from models.capacity.published.shortfall_of_run import Setting, setting_of_run
from models.capacity.shortfall.dependence import Dependence, independent
from models.capacity.shortfall.drawing import Draws, draw
from models.capacity.stock_bands import StockBands, StockOutlook, project_stock
from models.demand.series import FloatArray

__all__ = ["FINISHED", "alerts_of", "stock_outlook_of_run"]

FINISHED: Final = "finished"
"""The band of an industry's profile that counts where a product has no bounds of its own."""

_COUNT: Final = 1000
_WEEK_DAYS: Final = 7


def stock_outlook_of_run(
    run: CapacityRun,
    dependence: Dependence,
    profiles: Mapping[str, Profile],
    *,
    count: int = _COUNT,
    seed: int = 7,
) -> StockOutlook | None:
    """Project the stocks of a run in drawn futures and alert below and above their bands; None without stocks or demand.

    The lines run all hours they are forecast to have, shared out among their products as the median demand asks, so that
    stock shows what happens where nobody steps in: too little where demand is more, too much where it is less. A product's
    band is its own floor and ceiling (units); where it has neither, the band `finished` of the industry of the lines
    that make it, in days of its mean demand over the weeks to plan.
    """
    setting = setting_of_run(run)
    if setting is None or setting.stock is None:
        return None
    asked = draw(setting.demand, dependence, count=count, seed=seed)
    able = draw(setting.hours, independent(setting.hours.ids), count=count, seed=seed + 1)
    return project_stock(
        setting.demand.ids,
        setting.demand.weeks,
        asked,
        _made(setting, able),
        opening=setting.stock.opening - setting.stock.backlog,
        bands=_bands(run, setting, profiles),
    )


def alerts_of(outlook: StockOutlook | None) -> pl.DataFrame:
    """Return the alerts, or none."""
    return empty_frame("stock_alerts") if outlook is None else outlook.alerts


def _made(setting: Setting, able: Draws) -> Draws:
    """Return what the lines make in each future, (s, p, w), where they run their hours for what the median asks for."""
    rate = setting.supply.rate[None] * setting.shares
    return np.asarray(np.einsum("wpl,slw->spw", rate.astype(np.float32), able), dtype=np.float32)


def _bands(run: CapacityRun, setting: Setting, profiles: Mapping[str, Profile]) -> StockBands:
    ids = setting.demand.ids
    floor, ceiling = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
    rows = {row["product_id"]: row for row in run.products.iter_rows(named=True)}
    daily: FloatArray = setting.demand.median.mean(axis=1) / _WEEK_DAYS
    for place, name in enumerate(ids):
        row = rows.get(name, {})
        own = row.get("stock_floor"), row.get("stock_ceiling")
        days = _days(run, name, profiles) if own == (None, None) else None
        low, high = own if days is None else (days[0] * daily[place], days[1] * daily[place])
        floor[place] = np.nan if low is None else low
        ceiling[place] = np.nan if high is None else high
    return StockBands(floor, ceiling)


def _days(run: CapacityRun, product: str, profiles: Mapping[str, Profile]) -> tuple[float, float] | None:
    """Return the band of the industry of the first line, by name, that makes a product and has one."""
    makers = run.routes.filter(pl.col("product_id") == product).select("line_id")
    for name in run.lines.join(makers, on="line_id", how="semi").sort("line_id")["profile"].to_list():
        band = profiles[name].band(FINISHED) if name in profiles else None
        if band is not None:
            return band.lower_days, band.upper_days
    return None
