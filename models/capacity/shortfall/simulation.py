"""Monte Carlo of shortfalls: probability and size by product, line and week, and the bottleneck named."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.capacity.shortfall.bottleneck import (
    LineFacts,
    Reason,
    bottleneck_lines,
    line_reasons,
    reason_texts,
)
from models.capacity.shortfall.dependence import Dependence, independent
from models.capacity.shortfall.drawing import Draws, draw
from models.capacity.shortfall.futures import Stock, WeekOfFutures, weeks_of_futures
from models.capacity.shortfall.marginals import Marginals
from models.capacity.shortfall.supply import Supply, median_shares
from models.demand.series import BoolArray, FloatArray
from models.errors import ShortfallError

__all__ = ["Shortfall", "simulate"]

_HIGH: Final = 0.9


@dataclass(frozen=True, eq=False)
class Shortfall:
    """What 2,000 or so futures say; sizes in units of the product, hours are good hours of the line.

    products: [product_id, week, demand, made, probability, expected, when_short, p90, stock, bottleneck, reason,
    reason_zh, reason_en]; bottleneck and reason are null where no future is short. lines: [line_id, week, hours, load,
    full, probability, hours_short, hours_short_p90, reason, reason_zh, reason_en]; load: hours used over hours there;
    full: part of the futures without an idle hour; probability: full while a product it can make is short. weeks: [week,
    probability (of any product), hours_short]. totals: [product_id, probability (in any week), expected (of the worst
    week's size), demand]; line_totals: [line_id, probability, hours_short].
    """

    products: pl.DataFrame
    lines: pl.DataFrame
    weeks: pl.DataFrame
    totals: pl.DataFrame
    line_totals: pl.DataFrame
    count: int
    seed: int


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
        tally = _Tally(supply, len(demand.weeks), count)
        futures = weeks_of_futures(asked, able, supply, shares, stock=stock, passes=passes)
        for week, future in enumerate(futures):
            tally.add(week, future)
    return _shortfall(tally, demand.weeks, facts, seed)


@dataclass(eq=False)
class _Tally:
    """Sums over the futures, filled week by week: (w, p) by product, (w, l) by line, (w, p, l) by both."""

    supply: Supply
    weeks: int
    count: int
    product: dict[str, FloatArray] = field(default_factory=dict)
    line: dict[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        products, lines = self.supply.rate.shape
        names = ("demand", "made", "probability", "expected", "p90", "stock")
        self.product = {name: np.zeros((self.weeks, products)) for name in names}
        names = ("hours", "load", "full", "probability", "hours_short", "hours_short_p90")
        self.line = {name: np.zeros((self.weeks, lines)) for name in names}
        self.together = np.zeros((self.weeks, products, lines))
        self.any_product = np.zeros(self.weeks)
        self.ever = np.zeros((products, self.count), dtype=np.bool_)
        self.worst = np.zeros((products, self.count), dtype=np.float32)
        self.line_ever = np.zeros((lines, self.count), dtype=np.bool_)
        self.eligible = np.ascontiguousarray(self.supply.eligible.T.astype(np.float32))

    def add(self, week: int, future: WeekOfFutures) -> None:
        short, full = future.short > 0, future.full
        # Sums of flags in float32 are exact, and four times as fast as means of booleans.
        flag, busy = short.astype(np.float32), full.astype(np.float32)
        self.together[week] = flag @ busy.T / self.count
        self.any_product[week] = short.any(axis=0).mean()
        self.ever |= short
        np.maximum(self.worst, future.short, out=self.worst)
        self.product["probability"][week] = flag.sum(axis=1) / self.count
        self.line["full"][week] = busy.sum(axis=1) / self.count
        self._add_products(week, future)
        self._add_lines(week, future, full & ((self.eligible @ flag) > 0))

    def _add_products(self, week: int, future: WeekOfFutures) -> None:
        rows = self.product
        rows["demand"][week] = future.demand.mean(axis=1)
        rows["expected"][week] = future.short.mean(axis=1)
        rows["stock"][week] = future.stock.mean(axis=1)
        rows["made"][week] = future.net.mean(axis=1) - rows["expected"][week] + future.built.mean(axis=1)
        rows["p90"][week] = _high(future.short, rows["probability"][week])

    def _add_lines(self, week: int, future: WeekOfFutures, held_up: BoolArray) -> None:
        rows, hours = self.line, future.hours.mean(axis=1, dtype=np.float64)
        idle = future.idle.mean(axis=1, dtype=np.float64)
        rows["hours"][week] = hours
        rows["load"][week] = np.divide(hours - idle, hours, out=np.zeros_like(hours), where=hours > 0)
        rows["probability"][week] = held_up.mean(axis=1)
        missing = self._blame(week).astype(np.float32) @ future.short
        missing *= held_up
        rows["hours_short"][week] = missing.mean(axis=1)
        rows["hours_short_p90"][week] = _high(missing, rows["probability"][week])
        self.line_ever |= held_up

    def _blame(self, week: int) -> FloatArray:
        """Return the hours of each line that a unit short stands for, (l, p), split over its lines as often as full."""
        rate = self.supply.rate
        part = np.where(rate > 0, self.together[week], 0.0)
        total = part.sum(axis=1, keepdims=True)
        split = np.divide(part, total, out=np.zeros_like(part), where=total > 0)
        hours: FloatArray = np.divide(split, rate, out=np.zeros_like(rate), where=rate > 0).T
        return hours


def _high(sizes: Draws, probability: FloatArray) -> FloatArray:
    """Return the 90th percentile of each row, where more than a tenth is above zero."""
    found = np.zeros(len(sizes))
    rows = np.flatnonzero(probability > 1 - _HIGH)
    if len(rows):
        place = int(np.ceil(_HIGH * sizes.shape[1])) - 1
        # A whole sort: NumPy's partition takes six times as long where many values are alike, as zeros are here.
        found[rows] = np.sort(sizes[rows], axis=1)[:, place]
    return found


def _shortfall(tally: _Tally, weeks: Sequence[date], facts: LineFacts | None, seed: int) -> Shortfall:
    line_ids, product_ids = tally.supply.line_ids, tally.supply.product_ids
    probability, missing = tally.line["probability"], tally.line["hours_short"]
    when = np.divide(missing, probability, out=np.zeros_like(missing), where=probability > 0)
    reasons = line_reasons(when.T, facts)
    products, lines = (
        _frame("product_id", product_ids, weeks, tally.product),
        _frame("line_id", line_ids, weeks, tally.line),
    )
    by_week = pl.DataFrame(
        {"week": weeks, "probability": tally.any_product, "hours_short": missing.sum(axis=1)}
    )
    totals = pl.DataFrame(
        {
            "product_id": product_ids,
            "probability": tally.ever.mean(axis=1),
            "expected": tally.worst.mean(axis=1, dtype=np.float64),
            "demand": tally.product["demand"].sum(axis=0),
        }
    )
    line_totals = pl.DataFrame(
        {"line_id": line_ids, "probability": tally.line_ever.mean(axis=1), "hours_short": missing.sum(axis=0)}
    )
    return Shortfall(
        _with_bottleneck(products, tally, reasons),
        _with_reason(lines, tally, reasons),
        by_week,
        totals,
        line_totals,
        tally.count,
        seed,
    )


def _frame(
    key: str, ids: Sequence[str], weeks: Sequence[date], tables: dict[str, FloatArray]
) -> pl.DataFrame:
    held = {key: np.repeat(np.array(ids, dtype=object), len(weeks)), "week": list(weeks) * len(ids)}
    return pl.DataFrame(
        {**held, **{name: table.T.ravel() for name, table in tables.items()}},
        schema_overrides={key: pl.String, "week": pl.Date},
    )


def _with_bottleneck(frame: pl.DataFrame, tally: _Tally, reasons: list[list[Reason]]) -> pl.DataFrame:
    chosen = bottleneck_lines(tally.supply, tally.together, tally.line["full"])
    names: list[str | None] = []
    told: list[Reason | None] = []
    for product in range(chosen.shape[1]):
        for week in range(chosen.shape[0]):
            line = int(chosen[week, product])
            short = tally.product["probability"][week, product] > 0
            names.append(tally.supply.line_ids[line] if short and line >= 0 else None)
            told.append((reasons[line][week] if line >= 0 else Reason.NO_LINE) if short else None)
    expected, probability = pl.col("expected"), pl.col("probability")
    shown = frame.with_columns(
        pl.when(probability > 0).then(expected / probability).otherwise(0.0).alias("when_short"),
        pl.Series("bottleneck", names, dtype=pl.String),
        *_reason_columns(told, names),
    )
    first = ["product_id", "week", "demand", "made", "probability", "expected", "when_short", "p90", "stock"]
    return shown.select(*first, "bottleneck", "reason", "reason_zh", "reason_en")


def _with_reason(frame: pl.DataFrame, tally: _Tally, reasons: list[list[Reason]]) -> pl.DataFrame:
    ids, probability = tally.supply.line_ids, tally.line["probability"]
    names = [one for one in ids for _ in range(tally.weeks)]
    told = [
        reasons[line][week] if probability[week, line] > 0 else None
        for line in range(len(ids))
        for week in range(tally.weeks)
    ]
    return frame.with_columns(*_reason_columns(told, names))


def _reason_columns(reasons: Sequence[Reason | None], lines: Sequence[str | None]) -> list[pl.Series]:
    texts = [
        (None, None) if one is None else reason_texts(one, line)
        for one, line in zip(reasons, lines, strict=True)
    ]
    words = [None if one is None else str(one) for one in reasons]
    columns = (
        ("reason", words),
        ("reason_zh", [one for one, _ in texts]),
        ("reason_en", [one for _, one in texts]),
    )
    return [pl.Series(name, values, dtype=pl.String) for name, values in columns]


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
