"""Monte Carlo of shortfalls: probability and size by product, line and week, and the bottleneck named."""

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.capacity.shortfall.bottleneck import LineFacts
from models.capacity.shortfall.dependence import Dependence, independent
from models.capacity.shortfall.drawing import draw
from models.capacity.shortfall.futures import Stock, weeks_of_futures
from models.capacity.shortfall.marginals import Marginals
from models.capacity.shortfall.outcome import Shortfall, shortfall_of_tally
from models.capacity.shortfall.supply import Supply, median_shares
from models.capacity.shortfall.tally import Tally
from models.demand.series import FloatArray
from models.errors import ShortfallError

__all__ = ["Shortfall", "simulate"]


def simulate(
    demand: Marginals,
    hours: Marginals,
    supply: Supply,
    *,
    dependence: Dependence,
    line_dependence: Dependence | None = None,
    shares: FloatArray | None = None,
    stock: Stock | None = None,
    facts: LineFacts | None = None,
    count: int = 2000,
    passes: int = 2,
    seed: int = 7,
) -> Shortfall:
    """Draw `count` futures of demand and of the lines' good hours and count where demand is not met.

    demand: units a week by product, as the demand run published them; hours: good hours a week by line; both over the
    same weeks. Without `line_dependence` lines fail independently. shares: (w, p, l) by a plan (`plan_shares`), else by
    the median demand. A product that no line can make is short whenever it is asked for. The rule inside a future is in
    `sharing.make`; what is carried over weeks in `futures.Stock`. The same seed gives a product and a line the same
    luck in base and scenario. Memory: about 10 bytes a future, product and week. Raises ShortfallError for series,
    weeks or shapes that do not fit.
    """
    _check(demand, hours, supply, shares)
    order = sorted(range(len(supply.product_ids)), key=lambda row: supply.product_ids[row])
    lines = sorted(range(len(supply.line_ids)), key=lambda row: supply.line_ids[row])
    if order != list(range(len(order))) or lines != list(range(len(lines))):
        supply, shares, stock, facts = _sorted(supply, shares, stock, facts, (order, lines))
    demand, hours = demand.take(supply.product_ids), hours.take(supply.line_ids)
    if shares is None:
        shares = median_shares(supply, demand.median, hours.median)
    asked = draw(demand, dependence, count=count, seed=seed)
    able = draw(hours, line_dependence or independent(hours.ids), count=count, seed=seed + 1)
    with threadpool_limits(1):
        tally = Tally(supply, len(demand.weeks), count)
        futures = weeks_of_futures(asked, able, supply, shares, stock=stock, passes=passes)
        for week, future in enumerate(futures):
            tally.add(week, future)
    return shortfall_of_tally(tally, demand.weeks, facts, seed=seed)


def _sorted(
    supply: Supply,
    shares: FloatArray | None,
    stock: Stock | None,
    facts: LineFacts | None,
    order: tuple[list[int], list[int]],
) -> tuple[Supply, FloatArray | None, Stock | None, LineFacts | None]:
    """Put products and lines in the order of their names: sums of floats then do not depend on the caller's."""
    products, lines = order
    ids = [supply.product_ids[one] for one in products], [supply.line_ids[one] for one in lines]
    sorted_supply = Supply(tuple(ids[0]), tuple(ids[1]), supply.rate[np.ix_(products, lines)])
    if shares is not None:
        shares = shares[:, products][:, :, lines]
    if stock is not None:
        target = None if stock.target is None else stock.target[products]
        stock = Stock(stock.opening[products], stock.backlog[products], target, stock.keep_backlog)
    if facts is not None:
        facts = LineFacts(facts.maintenance[lines], facts.yield_loss[lines])
    return sorted_supply, shares, stock, facts


def _check(demand: Marginals, hours: Marginals, supply: Supply, shares: FloatArray | None) -> None:
    if not supply.product_ids or not demand.weeks:
        raise ShortfallError(
            zh="没有需求：产品或周为空。请先发布需求预测，或放宽筛选。",
            en="There is no demand: no product or no week. Publish a demand forecast first, or filter less.",
        )
    strangers = sorted(set(demand.ids) ^ set(supply.product_ids)) + sorted(
        set(hours.ids) ^ set(supply.line_ids)
    )
    if strangers:
        raise ShortfallError(
            zh=f"{', '.join(strangers[:5])} 只在需求（产能）或只在路线中。请使用同一批产品与产线。",
            en=f"{', '.join(strangers[:5])}: only in demand (hours) or only in the routes. Use the same products and lines.",
        )
    if demand.weeks != hours.weeks:
        raise ShortfallError(
            zh=f"需求的周（{demand.weeks[:1]} 起 {len(demand.weeks)} 周）与产能的周（{hours.weeks[:1]} 起 "
            f"{len(hours.weeks)} 周）不一致。请取共同的周。",
            en=f"Weeks of demand ({len(demand.weeks)} from {demand.weeks[:1]}) and of hours ({len(hours.weeks)} from "
            f"{hours.weeks[:1]}) differ. Take those that both have.",
        )
    shape = (len(demand.weeks), len(supply.product_ids), len(supply.line_ids))
    if shares is not None and shares.shape != shape:
        raise ShortfallError(
            zh=f"计划份额形状 {shares.shape} 应为（周, 产品, 产线）{shape}。",
            en=f"The plan's shares have shape {shares.shape}; give (weeks, products, lines) {shape}.",
        )
