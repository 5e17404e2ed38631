"""Alerts of a run's stocks: how likely each product's stock leaves its band in the weeks to plan (C-12)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from graph.ontology import Wording
from models.capacity.profiles.profile import Profile, StockBand
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.run_frames import empty_frame
from models.capacity.published.shortfall_of_run import Setting, setting_of_run
from models.capacity.shortfall.dependence import Dependence, independent
from models.capacity.shortfall.drawing import Draws, draw
from models.capacity.stock_bands import StockBands, StockOutlook, project_stock
from models.demand.series import FloatArray

__all__ = ["FINISHED", "RESERVE", "alerts_of", "stock_outlook_of_run"]

FINISHED: Final = "finished"
"""The band of an industry's profile for all of a product's stock, where the product has no bounds of its own."""
RESERVE: Final = "reserve"
"""The band of an industry's profile for that part of a product's stock that the tables give as a reserve."""
_RESERVE: Final = Wording(zh="政府储备", en="government reserve")

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
    that make it, in days of its mean demand over the weeks to plan. A product whose stock holds a reserve (`reserve` in
    the table of stocks) has the band `reserve` of that industry besides: the reserve is the last of the stock to go.
    Alerts have the column `band`.
    """
    setting = setting_of_run(run)
    if setting is None or setting.stock is None:
        return None
    asked = draw(setting.demand, dependence, count=count, seed=seed)
    able = draw(setting.hours, independent(setting.hours.ids), count=count, seed=seed + 1)
    project = partial(
        project_stock,
        setting.demand.ids,
        setting.demand.weeks,
        asked,
        _made(setting, able),
        opening=setting.stock.opening - setting.stock.backlog,
    )
    found, reserve = project(bands=_bands(run, setting, profiles)), _reserve_bands(run, setting, profiles)
    alerts = [found.alerts.with_columns(band=pl.lit(FINISHED))]
    if reserve is not None:
        alerts.append(project(bands=reserve).alerts.with_columns(band=pl.lit(RESERVE)))
    order = ("product_id", "week", "side", "band")
    return StockOutlook(found.weeks, pl.concat(alerts).sort(*order, maintain_order=True))


def alerts_of(outlook: StockOutlook | None) -> pl.DataFrame:
    """Return the alerts, or none."""
    return empty_frame("stock_alerts") if outlook is None else outlook.alerts


def _made(setting: Setting, able: Draws) -> Draws:
    """Return what the lines make in each future, (s, p, w), where they run their hours for what the median asks for."""
    rate = setting.supply.rate[None] * setting.shares
    return np.asarray(np.einsum("wpl,slw->spw", rate.astype(np.float32), able), dtype=np.float32)


def _bands(run: CapacityRun, setting: Setting, profiles: Mapping[str, Profile]) -> StockBands:
    """Return the bands of all stock: a product's own bounds, else its industry's days."""
    rows = {row["product_id"]: row for row in run.products.iter_rows(named=True)}
    bounds = []
    for name, daily in zip(setting.demand.ids, _daily(setting), strict=True):
        row = rows.get(name, {})
        own = row.get("stock_floor"), row.get("stock_ceiling")
        band = _band(run, name, profiles, FINISHED) if own == (None, None) else None
        bounds.append(own if band is None else (band.lower_days * daily, band.upper_days * daily))
    return StockBands(*_columns(bounds))


def _reserve_bands(run: CapacityRun, setting: Setting, profiles: Mapping[str, Profile]) -> StockBands | None:
    """Return the bands of the reserves within the stocks, None where no product has both a reserve and such a band."""
    held = (
        dict(run.products.select("product_id", "stock_reserve").iter_rows())
        if "stock_reserve" in run.products.columns
        else {}
    )
    bounds: list[tuple[float | None, float | None]] = []
    most: list[float | None] = []
    for name, daily in zip(setting.demand.ids, _daily(setting), strict=True):
        band = None if held.get(name) is None else _band(run, name, profiles, RESERVE)
        bounds.append((None, None) if band is None else (band.lower_days * daily, band.upper_days * daily))
        most.append(held.get(name))
    if all(bound == (None, None) for bound in bounds):
        return None
    return StockBands(*_columns(bounds), _column(most), _RESERVE)


def _daily(setting: Setting) -> FloatArray:
    """Return each product's mean demand a day over the weeks to plan, (p,)."""
    return np.asarray(setting.demand.median.mean(axis=1) / _WEEK_DAYS, dtype=np.float64)


def _columns(bounds: Sequence[tuple[float | None, float | None]]) -> tuple[FloatArray, FloatArray]:
    return _column([low for low, _ in bounds]), _column([high for _, high in bounds])


def _column(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if one is None else one for one in values], dtype=np.float64)


def _band(run: CapacityRun, product: str, profiles: Mapping[str, Profile], kind: str) -> StockBand | None:
    """Return the band of the industry of the first line, by name, that makes a product and has one."""
    makers = run.routes.filter(pl.col("product_id") == product).select("line_id")
    for name in run.lines.join(makers, on="line_id", how="semi").sort("line_id")["profile"].to_list():
        band = profiles[name].band(kind) if name in profiles else None
        if band is not None:
            return band
    return None
