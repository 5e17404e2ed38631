"""Lay a plan's quantities and prices out as frames."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from models.capacity.allocation.instance import FloatArray, Instance, IntArray
from models.capacity.allocation.prices import Kind, Prices
from models.capacity.allocation.problem import Objective, PlanProblem
from models.capacity.allocation.quantities import Money, Quantities
from models.capacity.allocation.wording import price_text

__all__ = ["binding_frame", "line_frame", "product_frame", "production_frame", "weekly_frame"]


def production_frame(instance: Instance, quantities: Quantities, weeks: Sequence[date]) -> pl.DataFrame:
    """Return hours, good quantity and overtime by line, product and week, where something is made."""
    route, week = np.nonzero(quantities.hours > 0)
    hours = quantities.hours[route, week]
    used = np.maximum(quantities.used(instance), np.finfo(float).tiny)
    share = (quantities.overtime / used)[instance.of_line[route], week]
    frame = pl.DataFrame(
        {
            "line_id": _names(instance.line_ids, instance.of_line[route]),
            "product_id": _names(instance.product_ids, instance.of_product[route]),
            "week": _weeks(weeks, week),
            "hours": hours,
            "quantity": quantities.made[route, week],
            "overtime": hours * share,
        }
    )
    return frame.sort("line_id", "product_id", "week")


def product_frame(instance: Instance, quantities: Quantities, weeks: Sequence[date]) -> pl.DataFrame:
    """Return each product's balance by week: stock before + production = delivered + stock."""
    product, week = _grid(instance.demand.shape)
    return pl.DataFrame(
        {
            "product_id": _names(instance.product_ids, product),
            "week": _weeks(weeks, week),
            "demand": instance.demand.ravel(),
            "ordered": instance.due.ravel(),
            "production": quantities.produced(instance).ravel(),
            "delivered": quantities.delivered.ravel(),
            "lost": quantities.lost.ravel(),
            "stock": quantities.stock.ravel(),
            "backlog": quantities.backlog.ravel(),
        }
    )


def line_frame(
    instance: Instance, quantities: Quantities, prices: Prices, weeks: Sequence[date]
) -> pl.DataFrame:
    """Return each line's hours and load by week; load is null where the line has no hours."""
    line, week = _grid(instance.hours.shape)
    used = quantities.used(instance)
    load = np.divide(used, instance.hours, out=np.full_like(used, np.nan), where=instance.hours > 0)
    return pl.DataFrame(
        {
            "line_id": _names(instance.line_ids, line),
            "week": _weeks(weeks, week),
            "hours": instance.hours.ravel(),
            "overtime_hours": instance.overtime.ravel(),
            "minimum_hours": instance.least.ravel(),
            "used": used.ravel(),
            "overtime": quantities.overtime.ravel(),
            "load": load.ravel(),
            "shadow_price": prices.hours.ravel(),
        }
    ).with_columns(pl.col("load").fill_nan(None))


def binding_frame(problem: PlanProblem, instance: Instance, prices: Prices) -> pl.DataFrame:
    """Return the constraints that have a price, by kind, the largest first, in words."""
    rows = [
        row for kind, values in prices.by_kind().items() for row in _priced(problem, instance, kind, values)
    ]
    return pl.DataFrame(rows, schema=_BINDING, orient="row")


_BINDING = {
    "constraint": pl.String,
    "kind": pl.String,
    "line_id": pl.String,
    "product_id": pl.String,
    "week": pl.Date,
    "shadow_price": pl.Float64,
    "unit": pl.String,
    "text_zh": pl.String,
    "text_en": pl.String,
}
_OF_LINES = (Kind.LINE_HOURS, Kind.OVERTIME, Kind.MINIMUM_HOURS)


def _priced(
    problem: PlanProblem, instance: Instance, kind: Kind, values: FloatArray
) -> list[tuple[str, str, str | None, str | None, date, float, str, str, str]]:
    at, week = np.nonzero(values)
    size = -np.abs(values[at, week])
    rows = []
    ids, names, units = _subjects(problem, instance, kind)
    for index in np.lexsort((week, at, size)):
        name, when, price = ids[at[index]], problem.weeks[week[index]], float(values[at[index], week[index]])
        unit = units[at[index]]
        zh, en = price_text(kind, name=names[at[index]], week=when, unit=unit, price=price)
        line = name if kind in _OF_LINES else None
        product = None if line or kind is Kind.CAP else name
        rows.append(
            (f"{kind.value}:{name}:{when}", kind.value, line, product, when, price, f"CNY/{unit}", zh, en)
        )
    return rows


def _subjects(
    problem: PlanProblem, instance: Instance, kind: Kind
) -> tuple[Sequence[str], list[str], list[str]]:
    """Return the ids, names and units of what the kind of constraint is about."""
    if kind in _OF_LINES:
        named = {line.line_id: line.name or line.line_id for line in problem.lines}
        return instance.line_ids, [named[name] for name in instance.line_ids], ["h"] * len(named)
    if kind is Kind.CAP:
        kinds = {cap.cap_id: cap.kind.value for cap in problem.caps}
        return instance.cap_ids, list(instance.cap_ids), [f"{kinds[name]} unit" for name in instance.cap_ids]
    units = {product.product_id: product.unit for product in problem.products}
    return instance.product_ids, list(instance.product_ids), [units[name] for name in instance.product_ids]


def weekly_frame(instance: Instance, money: Money, weeks: Sequence[date]) -> pl.DataFrame:
    """Return what the plan earns and costs week by week in the objective's scope, added up, and in each scope."""
    margin = money.margins[instance.scope]
    contribution = margin - money.costs
    return pl.DataFrame(
        {
            "week": list(weeks),
            "margin": margin,
            "holding_cost": money.holding,
            "backlog_cost": money.backlog,
            "overtime_cost": money.overtime,
            "contribution": contribution,
            "cumulative": np.cumsum(contribution),
            **{
                f"value_{scope.value}": earned - money.costs
                for scope, earned in zip(Objective, money.margins, strict=True)
            },
        }
    )


def _grid(shape: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    rows, columns = np.indices(shape)
    return rows.ravel(), columns.ravel()


def _names(ids: Sequence[str], at: IntArray) -> pl.Series:
    return pl.Series(ids, dtype=pl.String).gather(at)


def _weeks(weeks: Sequence[date], at: IntArray) -> pl.Series:
    return pl.Series(list(weeks), dtype=pl.Date).gather(at)
