"""Run every future of demand and hours through the lines, week by week, with stock and backlog carried over."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.capacity.shortfall.drawing import Draws
from models.capacity.shortfall.sharing import Rates, make, rates_of, use_idle_hours
from models.capacity.shortfall.supply import Supply
from models.demand.series import BoolArray, FloatArray
from models.errors import ShortfallError

__all__ = ["Stock", "WeekOfFutures", "weeks_of_futures"]

_ROUNDING: Final = 1e-4  # of a product's mean demand: what float32 may leave over is no shortfall


@dataclass(frozen=True, eq=False)
class Stock:
    """What is there before the first week, in units of the product, (p,) each, not below 0.

    target: (p, w) stock to build up to with hours that no product needs that week, None for none; keep_backlog: whether
    what could not be delivered stays due. With it, a week's shortfall is all that is due and not delivered at its end.
    """

    opening: FloatArray
    backlog: FloatArray
    target: FloatArray | None = None
    keep_backlog: bool = True

    def __post_init__(self) -> None:
        tables = [self.opening, self.backlog, *([] if self.target is None else [self.target])]
        if any(not np.isfinite(one).all() or (one < 0).any() for one in tables):
            raise ShortfallError(
                zh="库存、欠交或目标库存缺失或为负。请更正。",
                en="A stock, backlog or stock target is missing or below 0. Correct it.",
            )


@dataclass(frozen=True, eq=False)
class WeekOfFutures:
    """One week in all futures, units of the product (p, s), good hours of the lines (l, s); views, used before the next.

    net: what had to be made after stock was used; built: made for stock; stock: at the end; full: where a line has no
    hour left before anything is built for stock; arrays may have one column where it is the same for all.
    """

    demand: Draws
    net: Draws
    short: Draws
    built: Draws
    stock: Draws
    hours: Draws
    idle: Draws
    full: BoolArray

    @property
    def made(self) -> Draws:
        """Return what was made, (p, s)."""
        return self.net - self.short + self.built


def weeks_of_futures(
    demand: Draws, hours: Draws, supply: Supply, shares: FloatArray, *, stock: Stock | None, passes: int
) -> Iterator[WeekOfFutures]:
    """Yield the weeks one after the other. demand: (s, p, w), hours: (s, l, w), shares: (w, p, l).

    Without `stock` every week stands alone: what it lacks is lost, what it does not need is not made. With it, stock is
    used up first, then lines work for what is due, then up to the stock target; stock + made - delivered is carried.
    """
    rates = rates_of(supply)
    products, weeks, count = demand.shape[1], demand.shape[2], demand.shape[0]
    floor = np.float32(_ROUNDING) * demand.transpose(1, 2, 0).mean(axis=(1, 2))[:, None]
    held, due = _before(stock, products, count)
    for week in range(weeks):
        asked, able = demand[:, :, week].T, hours[:, :, week].T
        if stock is None:
            short, idle = make(asked, able, rates, shares[week], passes=passes)
            np.multiply(short, short > floor, out=short)
            yield WeekOfFutures(asked, asked, short, held, held, able, idle, idle <= 0)
            continue
        need = asked + due
        net = np.maximum(need - held, 0)
        short, idle = make(net, able, rates, shares[week], passes=passes)
        np.multiply(short, short > floor, out=short)
        full = idle <= 0
        held = np.maximum(held - need, 0)
        built, idle = _build(stock, week, held, (idle, rates))
        held = held + built
        due = short if stock.keep_backlog else due * 0
        yield WeekOfFutures(asked, net, short, built, held, able, idle, full)


def _before(stock: Stock | None, products: int, count: int) -> tuple[Draws, Draws]:
    if stock is None:
        nothing = np.zeros((products, 1), dtype=np.float32)
        return nothing, nothing
    opening, backlog = (one.astype(np.float32)[:, None] for one in (stock.opening, stock.backlog))
    return np.repeat(opening, count, axis=1), np.repeat(backlog, count, axis=1)


def _build(stock: Stock, week: int, held: Draws, lines: tuple[Draws, Rates]) -> tuple[Draws, Draws]:
    """Return what idle hours add to stock, (p, s), and the hours still idle."""
    idle, rates = lines
    if stock.target is None:
        return np.zeros((1, 1), dtype=np.float32), idle
    lacks = np.maximum(stock.target[:, week].astype(np.float32)[:, None] - held, 0)
    left = lacks.copy()
    use_idle_hours(left, idle, rates)
    np.subtract(lacks, left, out=lacks)
    return np.maximum(lacks, 0, out=lacks), idle
