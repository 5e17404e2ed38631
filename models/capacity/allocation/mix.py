"""Advice on the product mix: what an hour of each route earns, and what a product not made would have to earn."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from models.capacity.allocation.instance import BoolArray, FloatArray, Instance, IntArray
from models.capacity.allocation.prices import NOTICEABLE, Prices
from models.capacity.allocation.program import typical_margin
from models.capacity.allocation.quantities import Quantities
from models.capacity.allocation.wording import amount

__all__ = ["mix_frame", "route_frame"]

_MET: Final = 1e-6


def route_frame(
    instance: Instance, quantities: Quantities, prices: Prices, reduced: FloatArray
) -> pl.DataFrame:
    """Return each route's margin per hour, what its line's hour is worth, and what a unit would have to earn more.

    `reduced` (r, w) are the reduced costs of an hour, CNY. Means over the weeks in which the route can make anything.
    """
    can = instance.good > 0
    weeks = np.maximum(can.sum(axis=1), 1)
    return pl.DataFrame(
        {
            "line_id": [instance.line_ids[at] for at in instance.of_line],
            "product_id": [instance.product_ids[at] for at in instance.of_product],
            "hours": quantities.hours.sum(axis=1),
            "quantity": quantities.made.sum(axis=1),
            "margin_per_unit": instance.margin,
            "margin_per_hour": instance.margin * instance.good.sum(axis=1) / weeks,
            "hour_worth": np.where(can, prices.hours[instance.of_line], 0.0).sum(axis=1) / weeks,
            "extra_needed": _extra_needed(instance, reduced),
        }
    ).with_columns(pl.col("extra_needed").fill_nan(None))


def _extra_needed(instance: Instance, reduced: FloatArray) -> FloatArray:
    """Return the least over the weeks of a route's reduced cost per unit (r,); not a number where it makes nothing."""
    can = instance.good > 0
    per_unit = np.divide(
        np.maximum(reduced, 0.0), instance.good, out=np.full_like(reduced, np.inf), where=can
    )
    least = per_unit.min(axis=1, initial=np.inf)
    noticed = NOTICEABLE * typical_margin(instance) / instance.unit[instance.of_product]
    return np.where(np.isinf(least), np.nan, np.where(least > noticed, least, 0.0))


def mix_frame(
    instance: Instance, quantities: Quantities, routes: pl.DataFrame, units: Sequence[str]
) -> pl.DataFrame:
    """Return by product what is made and left undone, its best route, and what follows for the mix.

    `demand` is that of the weeks; what was owed before them is `opening_backlog`, and `unmet` is what is left of both.
    """
    asked = instance.demand.sum(axis=1)
    demand = asked + instance.opening_backlog
    made, delivered = quantities.produced(instance).sum(axis=1), quantities.delivered.sum(axis=1)
    unmet = np.maximum(demand - delivered, 0.0)
    best = _best_routes(instance, routes["margin_per_hour"].to_numpy())
    per_hour, extra = (
        routes["margin_per_hour"].to_list(),
        _least_extra(instance, routes["extra_needed"].to_numpy()),
    )
    lines = [None if at < 0 else instance.line_ids[instance.of_line[at]] for at in best]
    open_for = _has_hours(instance)
    advice = [
        _advice(
            made=made[at] > 0,
            unmet=bool(unmet[at] > _MET * max(demand[at], 1.0)),
            has_route=best[at] >= 0,
            has_hours=bool(open_for[at]),
        )
        for at in range(len(demand))
    ]
    texts = [
        _text(advice[at], name, unit=units[at], unmet=float(unmet[at]), extra=float(extra[at]))
        for at, name in enumerate(instance.product_ids)
    ]
    return pl.DataFrame(
        {
            "product_id": list(instance.product_ids),
            "demand": asked,
            "opening_backlog": instance.opening_backlog,
            "made": made,
            "delivered": delivered,
            "unmet": unmet,
            "best_line": pl.Series(lines, dtype=pl.String),
            "margin_per_hour": pl.Series([None if at < 0 else per_hour[at] for at in best], dtype=pl.Float64),
            "extra_needed": pl.Series(np.where(np.isfinite(extra), extra, np.nan)).fill_nan(None),
            "advice": advice,
            "text_zh": [zh for zh, _ in texts],
            "text_en": [en for _, en in texts],
        }
    )


def _best_routes(instance: Instance, per_hour: FloatArray) -> IntArray:
    """Return the place of each product's route that earns most in an hour, -1 without a route (p,)."""
    best = np.full(len(instance.product_ids), -1)
    order = np.lexsort((np.arange(len(per_hour)), -per_hour))[::-1]
    best[instance.of_product[order]] = order  # the last written, the best, stays
    return best


def _least_extra(instance: Instance, extra: FloatArray) -> FloatArray:
    least = np.full(len(instance.product_ids), np.inf)
    np.fmin.at(least, instance.of_product, extra)
    return least


def _has_hours(instance: Instance) -> BoolArray:
    """Tell for which products some line has an hour in which it makes any (p,)."""
    works = (instance.hours + instance.overtime > 0)[instance.of_line] & (instance.good > 0)
    found = np.zeros(len(instance.product_ids), dtype=np.bool_)
    found[instance.of_product[works.any(axis=1)]] = True
    return found


def _advice(*, made: bool, unmet: bool, has_route: bool, has_hours: bool) -> str:
    if not has_route:
        return "no_route"
    if made:
        return "make_more" if unmet else "keep"
    if not unmet:
        return "from_stock"
    return "drop" if has_hours else "no_hours"


def _text(advice: str, name: str, *, unit: str, unmet: float, extra: float) -> tuple[str, str]:
    left = amount(unmet)
    if advice == "make_more":
        return (
            f"“{name}”产能不足，{left} {unit} 未能交付；增加其产线工时或放宽约束可提高收益。",
            f"{name}: {left} {unit} stay undelivered for want of capacity; more hours on its lines would earn more.",
        )
    if advice in {"drop", "no_hours"}:
        return _not_made(advice, name, left=f"{left} {unit}", unit=unit, extra=extra)
    if advice == "from_stock":
        return (
            f"“{name}”的需求由库存满足，无需生产。",
            f"{name}: stock covers what is asked for; none is made.",
        )
    if advice == "no_route":
        return f"“{name}”没有工艺路线，也没有需求。", f"{name} has no route and no demand."
    return (
        f"“{name}”的需求全部满足，保持现有安排。",
        f"{name}: all that is asked for is delivered; keep it so.",
    )


def _not_made(advice: str, name: str, *, left: str, unit: str, extra: float) -> tuple[str, str]:
    if advice == "no_hours":
        return (
            f"“{name}”的产线在计划期内没有可用工时，{left} 未交付。",
            f"{name}: its lines have no hours in the plan's weeks; {left} stay undelivered.",
        )
    if not extra > 0:
        return (
            f"“{name}”不安排生产：其收益仅与占用同一产线工时的其他产品相当，{left} 未交付。",
            f"{name} is not made: it earns no more than what else the hours of its lines make; {left} stay "
            "undelivered.",
        )
    return (
        f"“{name}”不安排生产：每{unit}还需多赚 {amount(extra)} 元才值得占用产线，{left} 未交付。",
        f"{name} is not made: a {unit} would have to earn {amount(extra)} CNY more to be worth the line's time; "
        f"{left} stay undelivered.",
    )
