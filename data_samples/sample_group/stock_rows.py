"""Stocks at the ends of months, priority orders and caps: what a plan of the lines has to keep to."""

from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import NO_DAY, Floats, Ints, days, ids, money
from sample_group.companies import COMPANIES, reported_on
from sample_group.line_park import Line
from sample_group.line_products import price_on, routes_of
from sample_group.products import Product
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["plan_caps_frame", "plan_orders_frame", "stocks_frame"]

_COVER: Final = {
    "cell": (7, 15, 40),
    "carbon_fibre": (15, 30, 60),
    "salt": (30, 55, 90),
    "sea_salt": (30, 150, 240),
}
"""Days of sales in the floor, the target and the ceiling; salt is a reserve against a run, sea salt lasts the winter."""
_LEAST_ABOVE_FLOOR: Final = 18  # days of sales: what would take a stock below that is bought elsewhere
_WINTER_LEFT: Final = {
    10: 120,
    11: 120,
    12: 90,
    1: 60,
    2: 30,
}  # days after a month's end until fields give salt again
_CAPITAL_A_WEEK: Final = 0.0018  # of the price: interest, store and loss of 9 % a year
_LATE_A_WEEK: Final = 0.08  # of the price: discount and lost custom
_ORDERS_BEYOND: Final = 3  # months after the window of which orders are known
_TOLD_AHEAD: Final = 20  # days from the notice of a cap to its year
_WEEK_AT_WORK: Final = 140.0  # hours a week of a line that has enough to do


def stocks_frame(
    window: Window,
    lines: tuple[Line, ...],
    products: tuple[Product, ...],
    *,
    sales: pl.DataFrame,
    output: pl.DataFrame,
) -> pl.DataFrame:
    """Return the count of every product at the end of each month, as output and sales leave it.

    A product takes of its lines' good output what restores its target cover, at most its share by sales of what the
    lines made; what is missing to stay above the floor, of sea salt until the winter is over, is bought elsewhere. What is
    sold in a month beyond all of that is backlog.
    """
    ends = np.array([end for end in window.month_ends() if end <= window.last], dtype=np.int32)
    sold = {
        product.number: _by_month(sales.filter(product_id=product.product_id), "quantity", ends)
        for product in products
    }
    made = {
        line.number: _by_month(output.filter(line_id=line.line_id), "good_output", ends) for line in lines
    }
    room = _room(lines, products, sold, made)
    harvested = {
        product.number for _, line, product in routes_of(lines, products) if line.process == "sea_salt"
    }
    parts = [
        _counts(
            window,
            product,
            ends,
            (sold[product.number], room[product.number]),
            cover=_COVER["sea_salt" if product.number in harvested else product.family],
        )
        for product in products
    ]
    return pl.concat(parts).filter(pl.col("known_at") <= window.end)


def _by_month(frame: pl.DataFrame, column: str, ends: Ints) -> Floats:
    sums = np.zeros(len(ends))
    at = np.searchsorted(ends, frame["ds"].cast(pl.Int32).to_numpy())
    inside = at < len(ends)
    np.add.at(sums, at[inside], frame[column].to_numpy()[inside])
    return sums


def _room(
    lines: tuple[Line, ...], products: tuple[Product, ...], sold: dict[int, Floats], made: dict[int, Floats]
) -> dict[int, Floats]:
    # a line is shared out among its products by what is sold of them over a year
    room = {product.number: np.zeros_like(sold[product.number]) for product in products}
    routes = list(routes_of(lines, products))
    for line in lines:
        asked = {product.number: _daily(sold[product.number]) for _, of, product in routes if of is line}
        for number, quantity in asked.items():
            room[number] += made[line.number] * quantity / sum(asked.values())
    return room


def _counts(
    window: Window, product: Product, ends: Ints, moved: tuple[Floats, Floats], *, cover: tuple[int, int, int]
) -> pl.DataFrame:
    sold, room = moved
    daily = _daily(sold)
    floor, target, ceiling = (share * daily for share in cover)
    winter = cover is _COVER["sea_salt"]
    least = [_WINTER_LEFT.get(month, 0) * winter + cover[0] + _LEAST_ABOVE_FLOOR for month in _months(ends)]
    stock = _run_of(sold, room, target, least=np.array(least) * daily)
    price = np.array([price_on(product, (end - window.first) / 365.25) for end in ends])
    org = np.full(len(ends), product.org - 1, dtype=np.int32)
    decimals = 0 if product.unit != "t" else 1
    return pl.DataFrame(
        {
            "product_id": [product.product_id] * len(ends),
            "ds": days(ends),
            "quantity": money(np.maximum(stock, 0), decimals),
            "floor": money(_round_limit(floor), decimals),
            "ceiling": money(_round_limit(ceiling), decimals),
            "backlog": money(np.maximum(-stock, 0), decimals),
            "holding_cost": money(price * _CAPITAL_A_WEEK, 4),
            "backlog_cost": money(price * _LATE_A_WEEK, 4),
            "known_at": days(reported_on(org, ends)),
        }
    )


def _months(ends: Ints) -> list[int]:
    return [int(month) % 12 + 1 for month in ends.astype("datetime64[D]").astype("datetime64[M]").astype(int)]


def _run_of(sold: Floats, room: Floats, target: Floats, *, least: Floats) -> Floats:
    stock = np.zeros(len(sold))
    before = target[0]
    for month in range(len(sold)):
        wanted = target[month] + sold[month] - before
        kept = before + np.clip(wanted, 0, room[month])
        # bought as last month's sales would have it, so a run on salt empties the store
        bought = max(least[month] - (kept - sold[max(month - 1, 0)]), 0.0)
        before = kept + bought - sold[month]
        stock[month] = before
    return stock


def _daily(sold: Floats) -> Floats:
    # mean sales a day over the year up to each month
    sums = np.cumsum(np.concatenate([[0.0], sold]))
    last = np.arange(1, len(sold) + 1)
    first = np.maximum(last - 12, 0)
    return np.asarray(np.maximum((sums[last] - sums[first]) / ((last - first) * 30.44), 1e-6))


def _round_limit(values: Floats) -> Floats:
    # limits are set as round figures: two digits
    size = 10.0 ** (np.floor(np.log10(np.maximum(values, 1.0))) - 1)
    return np.asarray(np.maximum(np.round(values / size) * size, size))


def plan_orders_frame(
    streams: Streams, window: Window, products: tuple[Product, ...], *, sales: pl.DataFrame
) -> pl.DataFrame:
    """Return the orders that must be met on time, one a month and product; some are changed, some cancelled."""
    parts = [
        _orders(streams, window, product, sales.filter(product_id=product.product_id)) for product in products
    ]
    drawn = pl.concat(parts)
    first = drawn.with_columns(ids("O", np.arange(1, drawn.height + 1, dtype=np.int32), 6).alias("order_id"))
    changed = first.filter(pl.col("changed_on").is_not_null()).with_columns(
        quantity="changed", known_at="changed_on"
    )
    columns = ["order_id", "product_id", "due_on", "quantity", "known_at"]
    return pl.concat([first.select(columns), changed.select(columns)]).filter(
        pl.col("known_at") <= window.end
    )


def _orders(streams: Streams, window: Window, product: Product, sales: pl.DataFrame) -> pl.DataFrame:
    rng = streams.of(f"orders/{product.product_id}")
    starts = np.append(
        window.month_starts()[:-1], [window.last + 1 + 30 * ahead for ahead in range(_ORDERS_BEYOND)]
    )
    count = len(starts)
    due = (starts + rng.integers(0, 28, count)).astype(np.int32)
    known = (due - rng.integers(14, 84, count)).astype(np.int32)
    daily = sales.group_by("ds").agg(pl.col("quantity").sum()).sort("ds")
    level = 7 * np.cumsum(daily["quantity"].to_numpy()) / np.arange(1, daily.height + 1)
    week = level[np.clip(known - window.first, 0, len(level) - 1)]
    quantity = week * rng.uniform(0.1, 0.35, count)
    changes, kind = rng.random(count) < 0.08, rng.random(count)
    later = np.where(kind < 0.3, 0.0, quantity * rng.uniform(0.6, 1.4, count))
    on = np.where(changes, known + (due - known) // 2, NO_DAY).astype(np.int32)
    decimals = 0 if product.unit != "t" else 1
    return pl.DataFrame(
        {
            "product_id": [product.product_id] * count,
            "due_on": days(due),
            "quantity": money(quantity, decimals),
            "known_at": days(known),
            "changed": money(later, decimals),
            "changed_on": days(on),
        }
    )


def plan_caps_frame(window: Window, lines: tuple[Line, ...], products: tuple[Product, ...]) -> pl.DataFrame:
    """Return a year's caps on energy and emission a week: the group's, and those of each company that runs lines."""
    rows = []
    for year in range(window.start.year, window.end.year + 2):
        tighter = 0.985 ** (year - window.start.year)
        for org in (0, *sorted({line.org for line in lines})):
            own = tuple(line for line in lines if org in (0, line.org))
            energy, emission = _full_load(own, products)
            rows.append((year, "energy", org, energy * tighter * (0.92 if org == 0 else 0.97)))
            rows.append((year, "emission", org, emission * tighter * (0.92 if org == 0 else 0.97)))
    number = np.arange(1, len(rows) + 1, dtype=np.int32)
    starts = [max(date(row[0], 1, 1), window.start) for row in rows]
    return pl.DataFrame(
        {
            "cap_id": ids("CAP-", number, 3),
            "kind": [row[1] for row in rows],
            "org_id": [COMPANIES[row[2] - 1].org_id if row[2] else None for row in rows],
            "limit": [round(row[3], -2) for row in rows],
            "start_on": starts,
            "end_on": [date(row[0], 12, 31) for row in rows],
            "known_at": [max(start - timedelta(days=_TOLD_AHEAD), window.start) for start in starts],
        }
    ).filter(pl.col("known_at") <= window.end)


def _full_load(lines: tuple[Line, ...], products: tuple[Product, ...]) -> tuple[float, float]:
    # what the lines take in a busy week, each with the first of its products
    first = {line.number: route for route, line, _ in reversed(list(routes_of(lines, products)))}
    made = {line.number: line.planned_rate * _WEEK_AT_WORK * _season(line) for line in lines}
    return (
        sum(made[number] * route.energy for number, route in first.items()),
        sum(made[number] * route.emission for number, route in first.items()),
    )


def _season(line: Line) -> float:
    return 0.45 if line.process == "sea_salt" else 1.0
