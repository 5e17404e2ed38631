"""The figures by which a scenario is held against its base: money, hours, quantities by unit, chance of a shortfall."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.capacity.allocation.plan import Plan
from models.capacity.scenarios.apply import Applied
from models.capacity.scenarios.shortfall_changes import ShortfallPair
from models.capacity.shortfall.simulation import Shortfall

__all__ = ["SHORT", "measures_of", "short_products"]

SHORT: Final = 1e-6
"""Of a product's demand: what a solver may leave over is no shortage."""

_MONEY: Final = {
    "value": ("计划净值（边际利润减成本）", "Value of the plan (margin less costs)"),
    "margin": ("边际利润", "Margin"),
    "holding_cost": ("库存成本", "Cost of holding stock"),
    "backlog_cost": ("欠交成本", "Cost of backlog"),
    "overtime_cost": ("加班成本", "Cost of overtime"),
}
_HOURS: Final = {
    "hours": ("可用工时", "Hours there are"),
    "used": ("使用工时", "Hours used"),
    "overtime": ("加班工时", "Hours of overtime"),
}
_QUANTITIES: Final = {
    "demand": ("需求", "Demand"),
    "opening_backlog": ("期初欠交", "Backlog at the start"),
    "delivered": ("交付", "Delivered"),
    "unmet": ("未满足（流失与期末欠交）", "Unmet (lost, or owed at the end)"),
    "stock": ("期末库存", "Stock at the end"),
}


@dataclass(frozen=True)
class _Measure:
    measure: str
    label_zh: str
    label_en: str
    unit: str
    base: float
    scenario: float


def measures_of(
    result: Applied, base: Plan, after: Plan, products: pl.DataFrame, shortfalls: ShortfallPair | None
) -> pl.DataFrame:
    """Return [measure, label_zh, label_en, unit, base, scenario, change, relative]; see `Comparison`."""
    rows = [
        *_of_summary(base, after),
        *_of_products(products),
        *(() if shortfalls is None else _of_shortfalls(shortfalls)),
    ]
    table = pl.DataFrame([vars(one) for one in rows])
    change = pl.col("scenario") - pl.col("base")
    return table.with_columns(
        change.alias("change"),
        pl.when(pl.col("base") != 0).then(change / pl.col("base").abs()).alias("relative"),
    )


def short_products(products: pl.DataFrame, suffix: str = "") -> list[str]:
    """Return the products of which something is lost or owed in some week; `_base` asks for those of the base."""
    return products.filter(pl.col(f"weeks_short{suffix}") > 0)["product_id"].to_list()


def _of_summary(base: Plan, after: Plan) -> Iterator[_Measure]:
    rows = [one.summary.row(0, named=True) for one in (base, after)]
    for unit, labels in (("CNY", _MONEY), ("h", _HOURS)):
        for name, (zh, en) in labels.items():
            yield _Measure(name, zh, en, unit, float(rows[0][name]), float(rows[1][name]))


def _of_products(products: pl.DataFrame) -> Iterator[_Measure]:
    for (unit,), rows in products.sort("unit", "product_id").group_by("unit", maintain_order=True):
        for name, (zh, en) in _QUANTITIES.items():
            sums = [
                float(np.sum(rows[column].fill_null(0.0).to_numpy())) for column in (f"{name}_base", name)
            ]
            yield _Measure(name, zh, en, str(unit), *sums)
    counts = [float(len(short_products(products, one))) for one in ("_base", "")]
    yield _Measure("products_short", "有缺货周的产品数", "Products short in some week", "", *counts)


def _of_shortfalls(shortfalls: ShortfallPair) -> Iterator[_Measure]:
    pair = (shortfalls.base, shortfalls.scenario)
    yield _Measure(
        "worst_week_probability", "最差一周有产品缺货的概率", "Chance that any product is short in the worst week", "",
        *[_highest(one) for one in pair],
    )  # fmt: skip
    yield _Measure(
        "hours_short", "预期缺口工时", "Hours expected to be short", "h", *[_hours(one) for one in pair]
    )


def _highest(shortfall: Shortfall) -> float:
    return float(np.max(shortfall.weeks["probability"].to_numpy(), initial=0.0))


def _hours(shortfall: Shortfall) -> float:
    return float(np.sum(shortfall.weeks["hours_short"].to_numpy()))
