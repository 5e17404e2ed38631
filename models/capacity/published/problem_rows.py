"""Rows of a published run as the values that a plan's problem is made of."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.capacity.allocation.problem import PlanLine, PlanProduct, Route
from models.capacity.published.capacity_run import CapacityRun
from models.errors import PlanValueError
from models.quantile_columns import quantile_columns

__all__ = ["line_of_run", "number", "product_of_row", "quantile_column", "route_of_row"]

FloatArray = NDArray[np.float64]

_NEAR: Final = 1e-9
_ZH: Final = {"capacity": "产能", "demand": "需求"}


def route_of_row(row: Mapping[str, object], *, alone: bool = False) -> Route:
    """Return a route; what is null is none of it.

    A change-over is counted once a lot, and a lot is never less than the least that is made at a time; the only product
    of a line (`alone`) needs no change-over.
    """
    lot, least = _maybe(row, "lot"), number(row, "minimum_lot")
    return Route(
        line_id=str(row["line_id"]),
        product_id=str(row["product_id"]),
        rate=number(row, "rate"),
        margin_line=number(row, "margin_line"),
        margin_company=number(row, "margin_company"),
        margin_group=number(row, "margin_group"),
        good_share=_maybe(row, "good_share"),
        changeover_hours=0.0 if alone else number(row, "changeover_hours"),
        lot=None if lot is None else max(lot, least),
        minimum_lot=least,
        energy_per_unit=number(row, "energy_per_unit"),
        emission_per_unit=number(row, "emission_per_unit"),
    )


def product_of_row(row: Mapping[str, object]) -> PlanProduct:
    """Return a product; no ceiling and no cost of backlog stay none."""
    return PlanProduct(
        product_id=str(row["product_id"]),
        org_id=str(row["org_id"]),
        family=str(row["family"]),
        unit=str(row["unit"]),
        opening_stock=number(row, "opening_stock"),
        opening_backlog=number(row, "opening_backlog"),
        stock_floor=number(row, "stock_floor"),
        stock_ceiling=_maybe(row, "stock_ceiling"),
        holding_cost=number(row, "holding_cost"),
        backlog_cost=_maybe(row, "backlog_cost"),
    )


def line_of_run(
    run: CapacityRun, line: Mapping[str, object], stamps: Sequence[date], confidence: float | None
) -> PlanLine:
    """Return a line over the weeks, its hours at a confidence. Raises PlanValueError for a week it does not have."""
    name = str(line["line_id"])
    own = run.weeks.filter(pl.col("line_id") == name, pl.col("week").is_in(list(stamps))).sort("week")
    if own.height != len(stamps):
        missing = sorted(set(stamps) - set(own["week"]))
        raise PlanValueError(
            zh=f"产线“{name}”没有 {missing[0]} 周的产能预测。请缩短计划期，或延长 `zhiheng capacity forecast` 的天数。",
            en=f"Line '{name}' has no forecast of capacity for the week of {missing[0]}. Plan fewer weeks, or forecast "
            "more days (`zhiheng capacity forecast`).",
        )
    bottleneck, label = line.get("bottleneck"), line.get("name")
    return PlanLine(
        line_id=name,
        org_id=str(line["org_id"]),
        unit=str(line["unit"]),
        hours=_values(own, "effective_hours") * _share(own, confidence),
        good_share=np.clip(_values(own, "quality", missing=1.0), 0.0, 1.0),
        bottleneck=bottleneck if isinstance(bottleneck, str) else "",
        name=label if isinstance(label, str) else "",
        planned_hours=_planned(own),
    )


def _planned(own: pl.DataFrame) -> FloatArray:
    """Return the hours of the shifts; where none are known, as many as the line's effective hours."""
    known = own["planned_hours"].fill_nan(None) if "planned_hours" in own.columns else None
    effective = own["effective_hours"].fill_null(0.0)
    return (effective if known is None else known.fill_null(effective)).to_numpy().astype(np.float64)


def _share(weeks: pl.DataFrame, confidence: float | None) -> FloatArray:
    """Return what a line's output at a confidence is of its expected output, by week."""
    if confidence is None:
        return np.ones(weeks.height)
    column = quantile_column(weeks, 1 - confidence, "capacity", confidence)
    expected, level = _values(weeks, "forecast"), np.maximum(_values(weeks, column), 0.0)
    return np.divide(level, expected, out=np.ones(weeks.height), where=expected > 0)


def quantile_column(frame: pl.DataFrame, level: float, what: str, asked: float) -> str:
    """Return the column of a quantile. Raises PlanValueError naming those there are."""
    there = quantile_columns(frame)
    for column, one in there.items():
        if abs(one - level) < _NEAR:
            return column
    levels = [f"{1 - one if what == 'capacity' else one:g}" for one in there.values()]
    raise PlanValueError(
        zh=f"{_ZH[what]}的概率 {asked:g} 没有对应的分位数。可用：{', '.join(levels) or '无'}。",
        en=f"There is no quantile for the probability {asked:g} of {what}. Use one of {', '.join(levels) or 'none'}.",
    )


def _values(frame: pl.DataFrame, column: str, *, missing: float = 0.0) -> FloatArray:
    return frame[column].fill_null(missing).fill_nan(missing).to_numpy().astype(np.float64)


def number(row: Mapping[str, object], column: str) -> float:
    """Return a number of a row, 0 where there is none."""
    return _maybe(row, column) or 0.0


def _maybe(row: Mapping[str, object], column: str) -> float | None:
    value = row.get(column)
    return float(value) if isinstance(value, int | float) else None
