"""Which line can make which product at which rate, and how a plan shares a line's hours among products."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from models.demand.series import FloatArray
from models.errors import ShortfallError

__all__ = ["Supply", "median_shares", "plan_shares", "supply_of_frame"]


@dataclass(frozen=True, eq=False)
class Supply:
    """Output per good hour of every line and product: rate (p, l), in units of the product an hour, 0 where not eligible.

    A good hour is an hour at the planned rate whose output is good: planned hours x availability x performance x quality.
    """

    product_ids: tuple[str, ...]
    line_ids: tuple[str, ...]
    rate: FloatArray

    @property
    def eligible(self) -> FloatArray:
        """Return 1 where a line can make a product, (p, l)."""
        return (self.rate > 0).astype(np.float64)


def supply_of_frame(
    routes: pl.DataFrame,
    product_ids: Sequence[str],
    line_ids: Sequence[str],
    *,
    good_share: FloatArray | None = None,
) -> Supply:
    """Read routes [line_id, product_id, rate, good_share] for these products and lines.

    rate: units an hour; good_share: of the route, null where the line's own counts; the argument is the lines' own good
    share (l,), needed only where a route brings one: its good output then counts relative to its line's. Routes of other
    lines and products are left out. Raises ShortfallError for a route given twice, or a rate or share that cannot be.
    """
    place = {one: row for row, one in enumerate(product_ids)}
    column = {one: row for row, one in enumerate(line_ids)}
    rate = np.zeros((len(product_ids), len(line_ids)))
    shares = routes["good_share"] if "good_share" in routes.columns else pl.Series([None] * routes.height)
    for line, product, speed, share in zip(
        routes["line_id"], routes["product_id"], routes["rate"], shares, strict=True
    ):
        if line not in column or product not in place:
            continue
        here = place[product], column[line]
        _check_route(line, product, speed, share, taken=rate[here] > 0)
        own = 1.0 if good_share is None or share is None else float(good_share[column[line]])
        rate[here] = speed if share is None or own <= 0 else speed * share / own
    return Supply(tuple(product_ids), tuple(line_ids), rate)


def median_shares(supply: Supply, demand: FloatArray, hours: FloatArray) -> FloatArray:
    """Return how lines share their hours without a plan, (w, p, l), rows of a line summing to 1 over products.

    demand: median (p, w), units; hours: median good hours (l, w). A product's median demand goes to its lines in
    proportion to what each could make of it, and a line's hours to products in proportion to the hours this takes.
    """
    able = supply.rate[None] * hours.T[:, None, :]
    total = able.sum(axis=2, keepdims=True)
    asked = np.divide(
        demand.T[:, :, None] * hours.T[:, None, :], total, out=np.zeros_like(able), where=able > 0
    )
    return _normed(asked)


def plan_shares(
    plan: pl.DataFrame, supply: Supply, weeks: Sequence[date], *, otherwise: FloatArray
) -> FloatArray:
    """Return how a plan shares the lines' hours, (w, p, l), from its rows [line_id, product_id, week, hours].

    otherwise: (w, p, l), for weeks in which the plan gives a line nothing to do.
    """
    place = {one: row for row, one in enumerate(supply.product_ids)}
    column = {one: row for row, one in enumerate(supply.line_ids)}
    when = {one: row for row, one in enumerate(weeks)}
    hours = np.zeros_like(otherwise)
    for line, product, week, spent in plan.select("line_id", "product_id", "week", "hours").iter_rows():
        if line in column and product in place and week in when:
            hours[when[week], place[product], column[line]] += max(float(spent), 0.0)
    hours *= supply.eligible[None]
    planned = hours.sum(axis=1, keepdims=True) > 0
    return np.where(planned, _normed(hours), otherwise)


def _normed(hours: FloatArray) -> FloatArray:
    total = hours.sum(axis=1, keepdims=True)
    normed: FloatArray = np.divide(hours, total, out=np.zeros_like(hours), where=total > 0)
    return normed


def _check_route(line: str, product: str, rate: float | None, share: float | None, *, taken: bool) -> None:
    if taken:
        raise ShortfallError(
            zh=f"产线 {line} 生产 {product} 的路线出现两次。请只保留一行。",
            en=f"The route of {product} on line {line} is given twice. Keep one row.",
        )
    if rate is None or not np.isfinite(rate) or rate <= 0:
        raise ShortfallError(
            zh=f"产线 {line} 生产 {product} 的速率为 {rate}。请给出大于 0 的小时产量，或删去这条路线。",
            en=f"Line {line} makes {product} at a rate of {rate}. Give units an hour above 0, or take the route out.",
        )
    if share is not None and not 0 < share <= 1:
        raise ShortfallError(
            zh=f"产线 {line} 生产 {product} 的合格率为 {share}。请给出 0 至 1 之间的数，或留空。",
            en=f"Line {line} makes {product} with a good share of {share}. Give a number above 0, at most 1, or leave it empty.",
        )
