"""A planning problem as arrays, everything in one order whatever the order of the input."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.capacity.allocation.problem import CapKind, Objective, PlanProblem

__all__ = ["BoolArray", "FloatArray", "Instance", "IntArray", "instance_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Instance:
    """Lines, products and routes sorted by id (routes by product, then line); l lines, p products, r routes, w weeks.

    `good` (r, w): good units per hour, good_share / (1 / rate + changeover_hours / lot). `margins` (3, r) by objective
    line, company, group. `demand` (p, w) is `forecast` raised to the orders due in the week; `due` (p, w) are those orders.
    `room` (l, w): hours there can be on top of `hours`.
    `unit` (p,): units per standard hour, so that the program counts every product in hours. `usage` (c, r): what a good
    unit counts against each cap; `limit` (c, w).
    """

    line_ids: tuple[str, ...]
    product_ids: tuple[str, ...]
    cap_ids: tuple[str, ...]
    of_product: IntArray
    of_line: IntArray
    good: FloatArray
    margins: FloatArray
    minimum_lot: FloatArray
    hours: FloatArray
    overtime: FloatArray
    overtime_cost: FloatArray
    least: FloatArray
    room: FloatArray
    forecast: FloatArray
    demand: FloatArray
    due: FloatArray
    opening_stock: FloatArray
    opening_backlog: FloatArray
    floor: FloatArray
    ceiling: FloatArray
    holding: FloatArray
    backlog: FloatArray
    owed: BoolArray
    unit: FloatArray
    usage: sparse.csr_array
    limit: FloatArray
    scope: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of lines, products, routes and weeks."""
        return len(self.line_ids), len(self.product_ids), len(self.of_line), self.hours.shape[1]

    @property
    def margin(self) -> FloatArray:
        """Margin of each route per good unit sold, as the objective counts it, CNY (r,)."""
        return np.asarray(self.margins[self.scope])

    def best_margin(self, scope: int | None = None) -> FloatArray:
        """Return what a unit sold earns where its best route made it (p,); 0 for a product without a route.

        A unit from another route earns that less the difference, when it is made. So stock that is not sold has earned
        nothing, and a plan gains nothing by making for stock at the end.
        """
        best = np.full(len(self.product_ids), -np.inf)
        np.maximum.at(best, self.of_product, self.margins[self.scope if scope is None else scope])
        return np.where(np.isfinite(best), best, 0.0)

    def merged(self, sizes: Sequence[int]) -> "Instance":
        """Return the problem in coarser periods of so many weeks, to see which routes are worth a look."""
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
        last = np.cumsum(sizes) - 1

        def total(values: FloatArray) -> FloatArray:
            return np.asarray(np.add.reduceat(values, starts, axis=1))

        return replace(
            self,
            good=total(self.good) / np.asarray(sizes, dtype=np.float64),
            hours=total(self.hours),
            overtime=total(self.overtime),
            least=total(self.least),
            room=total(self.room),
            demand=total(self.demand),
            due=total(self.due),
            floor=self.floor[:, last],
            ceiling=self.ceiling[:, last],
            holding=total(self.holding),
            backlog=total(self.backlog),
            limit=total(self.limit) if self.limit.size else self.limit[:, : len(sizes)],
        )


def instance_of(problem: PlanProblem) -> Instance:
    """Return the problem's arrays, sorted by id."""
    lines = sorted(problem.lines, key=lambda line: line.line_id)
    place = {product.product_id: at for at, product in enumerate(problem.products)}
    products = sorted(problem.products, key=lambda product: product.product_id)
    weeks = len(problem.weeks)
    line_at = {line.line_id: at for at, line in enumerate(lines)}
    product_at = {product.product_id: at for at, product in enumerate(products)}
    share = _stacked([line.good_share for line in lines], weeks)
    of_line, of_product, figures = _routes(problem, line_at, product_at)
    good = _good_per_hour(figures, share[of_line])
    due = _due(problem, product_at)
    forecast = _stacked([problem.demand[place[product.product_id]] for product in products], weeks)
    overtime = (
        _stacked([line.overtime for line in lines], weeks)
        if problem.options.overtime
        else np.zeros_like(share)
    )
    cap_ids, usage, limit = _caps(problem, [line.org_id for line in lines], of_line, figures)
    ones = np.ones(weeks)
    backlog = np.array([product.backlog_cost or 0.0 for product in products])
    ceiling = [np.inf if product.stock_ceiling is None else product.stock_ceiling for product in products]
    return Instance(
        line_ids=tuple(line_at),
        product_ids=tuple(product_at),
        cap_ids=cap_ids,
        of_product=of_product,
        of_line=of_line,
        good=good,
        margins=figures[:, 4:7].T.copy(),
        minimum_lot=figures[:, 7],
        hours=_stacked([line.hours for line in lines], weeks),
        overtime=overtime,
        overtime_cost=np.array([line.overtime_cost for line in lines]),
        least=_stacked([line.least for line in lines], weeks),
        room=_stacked([line.room for line in lines], weeks),
        forecast=forecast,
        demand=np.maximum(forecast, due),
        due=due,
        opening_stock=np.array([product.opening_stock for product in products]),
        opening_backlog=np.array([product.opening_backlog for product in products]),
        floor=np.outer([product.stock_floor for product in products], ones),
        ceiling=np.outer(ceiling, ones),
        holding=np.outer([product.holding_cost for product in products], ones),
        backlog=np.outer(backlog, ones),
        owed=np.array([product.backlog_cost is not None for product in products]),
        unit=_units(of_product, good, len(products)),
        usage=usage,
        limit=limit,
        scope=list(Objective).index(problem.objective),
    )


def _stacked(rows: Sequence[FloatArray], weeks: int) -> FloatArray:
    return np.array(rows, dtype=np.float64).reshape(len(rows), weeks)


def _routes(
    problem: PlanProblem, line_at: dict[str, int], product_at: dict[str, int]
) -> tuple[IntArray, IntArray, FloatArray]:
    of_line = np.array([line_at[route.line_id] for route in problem.routes], dtype=np.int64)
    of_product = np.array([product_at[route.product_id] for route in problem.routes], dtype=np.int64)
    figures = np.array(
        [
            (
                route.rate,
                np.nan if route.good_share is None else route.good_share,
                route.changeover_hours,
                np.inf if route.lot is None else route.lot,
                route.margin_line,
                route.margin_company,
                route.margin_group,
                route.minimum_lot if problem.options.minimum_lots else 0.0,
                route.energy_per_unit,
                route.emission_per_unit,
            )
            for route in problem.routes
        ],
        dtype=np.float64,
    ).reshape(len(problem.routes), 10)
    order = np.lexsort((of_line, of_product))
    return of_line[order], of_product[order], figures[order]


def _good_per_hour(figures: FloatArray, line_share: FloatArray) -> FloatArray:
    share = np.where(np.isnan(figures[:, 1:2]), line_share, figures[:, 1:2])
    hours = 1.0 / figures[:, 0] + figures[:, 2] / figures[:, 3]
    return np.asarray(share / hours[:, None])


def _due(problem: PlanProblem, product_at: dict[str, int]) -> FloatArray:
    week_at = {week: at for at, week in enumerate(problem.weeks)}
    due = np.zeros((len(product_at), len(week_at)))
    for order in sorted(problem.orders, key=lambda order: order.order_id):  # a sum in one order
        due[product_at[order.product_id], week_at[order.week]] += order.quantity
    return due


def _caps(
    problem: PlanProblem, orgs: list[str], of_line: IntArray, figures: FloatArray
) -> tuple[tuple[str, ...], sparse.csr_array, FloatArray]:
    caps = sorted(problem.caps, key=lambda cap: cap.cap_id) if problem.options.caps else []
    org = np.array(orgs, dtype=object)[of_line]
    usage = np.zeros((len(caps), len(of_line)))
    for row, cap in zip(usage, caps, strict=True):
        used = figures[:, 8 if cap.kind is CapKind.ENERGY else 9]
        row[:] = used if cap.org_id is None else np.where(org == cap.org_id, used, 0.0)
    limit = np.array([[cap.limit] * len(problem.weeks) for cap in caps]).reshape(
        len(caps), len(problem.weeks)
    )
    return tuple(cap.cap_id for cap in caps), sparse.csr_array(usage), limit


def _units(of_product: IntArray, good: FloatArray, products: int) -> FloatArray:
    """Return good units of a typical hour of each product, so that rows and columns are of like size."""
    level = good.max(axis=1, initial=0.0)
    made = np.bincount(of_product, minlength=products)
    mean = np.bincount(of_product, weights=level, minlength=products) / np.maximum(made, 1)
    return np.where(mean > 0, mean, 1.0)
