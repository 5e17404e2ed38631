"""The linear program of a plan: hours of each route and week, stock, backlog or lost sales, and overtime."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from models.capacity.allocation.instance import BoolArray, FloatArray, Instance, IntArray

__all__ = [
    "TIE",
    "Columns",
    "Program",
    "all_columns",
    "cap_scale",
    "hour_costs",
    "program_of",
    "typical_margin",
]

TIE: Final = 1e-6
"""Of two plans worth the same the earlier week wins, then the line first by id: this share of a typical hour's margin."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Which route in which week the program may use; `extra` is added to the cost of an hour, `most` bounds hours."""

    route: IntArray
    week: IntArray
    extra: FloatArray
    most: FloatArray


@dataclass(frozen=True, eq=False)
class Program:
    """min cost · x, balance x = owed, limits x <= bound, lower <= x <= upper; money in `money` CNY.

    Columns: production (columns.route), stock (p, w), shortage (p, w): backlog or sales lost, overtime of the lines and
    weeks in `overtime_at`. Rows of `limits`: hours (l, w), then minimum hours at `least_at`, caps (c, w), and
    deliveries that may not be negative at `taken_at`. Products count in standard hours (`Instance.unit`).
    """

    instance: Instance
    columns: Columns
    cost: FloatArray
    balance: sparse.csc_array
    owed: FloatArray
    limits: sparse.csc_array
    bound: FloatArray
    lower: FloatArray
    upper: FloatArray
    overtime_at: IntArray
    least_at: IntArray
    taken_at: IntArray
    money: float

    @property
    def whole(self) -> float:
        """What all that is asked for would earn by the best routes, in the program's money; cost comes off it."""
        asked = self.instance.demand.sum(axis=1) + self.instance.opening_backlog
        return float((self.instance.best_margin() * asked).sum()) / self.money

    @property
    def stock_from(self) -> int:
        """First column of stock."""
        return len(self.columns.route)

    @property
    def short_from(self) -> int:
        """First column of shortage."""
        return self.stock_from + self.instance.demand.size

    @property
    def overtime_from(self) -> int:
        """First column of overtime."""
        return self.short_from + self.instance.demand.size

    @property
    def least_from(self) -> int:
        """First row of minimum hours."""
        return self.instance.hours.size

    @property
    def caps_from(self) -> int:
        """First row of caps."""
        return self.least_from + len(self.least_at)

    @property
    def taken_from(self) -> int:
        """First row of deliveries that may not be negative."""
        return self.caps_from + self.instance.limit.size


def all_columns(instance: Instance) -> Columns:
    """Return every route and week in which an hour of it makes anything."""
    usable = (instance.good > 0) & ((instance.hours + instance.overtime) > 0)[instance.of_line]
    route, week = np.nonzero(usable)
    return Columns(route, week, np.zeros(len(route)), np.full(len(route), np.inf))


def hour_costs(instance: Instance) -> FloatArray:
    """Return what an hour costs by earning less than the product's best route would, with the tie rule (r, w) CNY."""
    lines, _, _, weeks = instance.shape
    below = (instance.best_margin()[instance.of_product] - instance.margin)[:, None] * instance.good
    earlier = np.arange(weeks) / weeks + (instance.of_line[:, None] / max(lines, 1)) / weeks
    return np.asarray(below + TIE * typical_margin(instance) * earlier)


def typical_margin(instance: Instance) -> float:
    """Return the median over the routes of what an hour's good units earn, CNY; at least 1e-3."""
    earned = np.abs(instance.margin) * instance.good.max(axis=1, initial=0.0)
    positive = earned[earned > 0]
    return float(np.median(positive)) if positive.size else 1.0


def program_of(instance: Instance, columns: Columns) -> Program:
    """Build the program over the columns given."""
    least_at = np.flatnonzero(instance.least.ravel() > 0)
    overtime_at = np.flatnonzero(instance.overtime.ravel() > 0)
    taken_at = np.flatnonzero(np.repeat(instance.owed & _may_take_back(instance), instance.hours.shape[1]))
    money = typical_margin(instance) / 100.0
    demand = instance.demand / instance.unit[:, None]
    demand[:, 0] += instance.opening_backlog / instance.unit
    owed = demand.copy()
    owed[:, 0] -= instance.opening_stock / instance.unit
    short = _most_short(instance)
    return Program(
        instance=instance,
        columns=columns,
        cost=_costs(instance, columns, overtime_at) / money,
        balance=_balance(instance, columns, len(overtime_at)),
        owed=owed.ravel(),
        limits=_limits(instance, columns, overtime_at, least_at, taken_at),
        bound=np.concatenate(
            [
                instance.hours.ravel(),
                -instance.least.ravel()[least_at],
                (instance.limit / cap_scale(instance)).ravel(),
                demand.ravel()[taken_at],
            ]
        ),
        lower=np.concatenate(
            [
                np.zeros(len(columns.route)),
                (instance.floor / instance.unit[:, None]).ravel(),
                np.zeros(short.size + len(overtime_at)),
            ]
        ),
        upper=np.concatenate(
            [
                columns.most,
                (instance.ceiling / instance.unit[:, None]).ravel(),
                short.ravel(),
                instance.overtime.ravel()[overtime_at],
            ]
        ),
        overtime_at=overtime_at,
        least_at=least_at,
        taken_at=taken_at,
        money=money,
    )


def _may_take_back(instance: Instance) -> BoolArray:
    """Products for which the program must be told that no delivery can be taken back into stock (p,).

    Elsewhere that only costs: less shortage and less stock at once is cheaper, and the stock is above its floor. A bound
    that is not needed would share the price of the hours with them and blur it.
    """
    idle = (instance.holding + np.where(instance.owed[:, None], instance.backlog, 0.0)).min(axis=1) <= 0
    below = instance.opening_stock < instance.floor[:, 0]
    return np.asarray((instance.best_margin() <= 0) | idle | below)


def _most_short(instance: Instance) -> FloatArray:
    """Return the most backlog (all that is asked for but not ordered) or lost sales, in standard hours (p, w).

    Of a product with an order no week loses more than it asks for: an order must not be met with goods taken back.
    """
    asked = instance.demand.copy()
    asked[:, 0] += instance.opening_backlog
    free = asked - instance.due
    owed = np.where(np.cumsum(instance.due, axis=1) > 0, np.cumsum(free, axis=1), np.inf)
    ordered = (instance.due > 0).any(axis=1)
    lost = np.where((ordered | _may_take_back(instance))[:, None], free, np.inf)
    return np.asarray(np.where(instance.owed[:, None], owed, lost) / instance.unit[:, None])


def _costs(instance: Instance, columns: Columns, overtime_at: IntArray) -> FloatArray:
    weeks = instance.hours.shape[1]
    best = instance.best_margin()
    short = np.where(instance.owed[:, None], instance.backlog, best[:, None])
    short[:, -1] += np.where(instance.owed, best, 0.0)  # what is owed at the end has not been earned
    unit = instance.unit[:, None]
    return np.concatenate(
        [
            hour_costs(instance)[columns.route, columns.week] + columns.extra,
            (instance.holding * unit).ravel(),
            (short * unit).ravel(),
            instance.overtime_cost[overtime_at // weeks],
        ]
    )


def _balance(instance: Instance, columns: Columns, overtime: int) -> sparse.csc_array:
    """Last stock - stock + made + shortage - backlog before = demand: rows (p, w)."""
    weeks, size = instance.hours.shape[1], instance.demand.size
    made = len(columns.route)
    product = instance.of_product[columns.route]
    good = instance.good[columns.route, columns.week] / instance.unit[product]
    cell = np.arange(size)
    before = cell[cell % weeks < weeks - 1]
    owed = before[instance.owed[before // weeks]]
    return _matrix(
        (product * weeks + columns.week, np.arange(made), good),
        (cell, made + cell, -np.ones(size)),
        (before + 1, made + before, np.ones(len(before))),
        (cell, made + size + cell, np.ones(size)),
        (owed + 1, made + size + owed, -np.ones(len(owed))),
        shape=(size, made + 2 * size + overtime),
    )


def _limits(
    instance: Instance, columns: Columns, overtime_at: IntArray, least_at: IntArray, taken_at: IntArray
) -> sparse.csc_array:
    weeks, size, made = instance.hours.shape[1], instance.demand.size, len(columns.route)
    at_line = instance.of_line[columns.route] * weeks + columns.week
    row_of_least = np.full(instance.hours.size, -1)
    row_of_least[least_at] = instance.hours.size + np.arange(len(least_at))
    must = row_of_least[at_line] >= 0
    caps_from = instance.hours.size + len(least_at)
    cap_rows, cap_columns, cap_values = _cap_entries(instance, columns)
    taken_from = caps_from + instance.limit.size
    taken_row = taken_from + np.arange(len(taken_at))
    later = taken_at % weeks > 0
    return _matrix(
        (at_line, np.arange(made), np.ones(made)),
        (overtime_at, made + 2 * size + np.arange(len(overtime_at)), -np.ones(len(overtime_at))),
        (row_of_least[at_line][must], np.flatnonzero(must), -np.ones(int(must.sum()))),
        (caps_from + cap_rows, cap_columns, cap_values),
        (taken_row, made + size + taken_at, np.ones(len(taken_at))),
        (taken_row[later], made + size + taken_at[later] - 1, -np.ones(int(later.sum()))),
        shape=(taken_from + len(taken_at), made + 2 * size + len(overtime_at)),
    )


def _cap_entries(instance: Instance, columns: Columns) -> tuple[IntArray, IntArray, FloatArray]:
    weeks = instance.hours.shape[1]
    used = instance.usage.tocsc()[:, columns.route].tocoo()
    good = instance.good[columns.route[used.col], columns.week[used.col]]
    scale = cap_scale(instance)[used.row, 0]
    return used.row * weeks + columns.week[used.col], np.asarray(used.col), used.data * good / scale


def cap_scale(instance: Instance) -> FloatArray:
    """Return what a cap counts in an hour at most, so that its row is of the size of the others (c, 1)."""
    if not instance.limit.size:
        return np.ones((instance.limit.shape[0], 1))
    per_hour = (instance.usage.toarray() * instance.good.max(axis=1)[None, :]).max(axis=1, initial=0.0)
    return np.where(per_hour > 0, per_hour, 1.0)[:, None]


def _matrix(*parts: tuple[IntArray, IntArray, FloatArray], shape: tuple[int, int]) -> sparse.csc_array:
    rows, columns, values = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return sparse.csc_array((values, (rows, columns)), shape=shape)
