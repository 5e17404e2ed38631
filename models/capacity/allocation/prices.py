"""Shadow prices of a plan: what one more unit of each limit is worth, from the duals of its program."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from models.capacity.allocation.instance import FloatArray, Instance
from models.capacity.allocation.program import Program, cap_scale, typical_margin
from models.capacity.allocation.solver import Solution

__all__ = ["Kind", "Prices", "prices_of"]

NOTICEABLE: Final = 1e-5
"""Of a typical hour's margin; smaller prices are the tie rule's or rounding."""


class Kind(StrEnum):
    """What a constraint limits, in the order in which binding ones are listed."""

    LINE_HOURS = "line_hours"
    OVERTIME = "overtime_hours"
    MINIMUM_HOURS = "minimum_hours"
    CAP = "cap"
    STOCK_CEILING = "stock_ceiling"
    STOCK_FLOOR = "stock_floor"
    ORDER = "order"
    DEMAND = "demand"


@dataclass(frozen=True, eq=False)
class Prices:
    """What one more unit of each right side is worth to the objective, CNY; below 0 where more of it costs.

    `hours`, `overtime`, `least` (l, w) per hour; `caps` (c, w) per unit of the cap; `ceiling`, `floor`, `orders`,
    `demand` (p, w) per unit of the product. `least`, `floor` and `orders` are never above 0.
    """

    hours: FloatArray
    overtime: FloatArray
    least: FloatArray
    caps: FloatArray
    ceiling: FloatArray
    floor: FloatArray
    orders: FloatArray
    demand: FloatArray

    def by_kind(self) -> dict[Kind, FloatArray]:
        """Return the prices under their kinds."""
        return dict(
            zip(
                Kind,
                (
                    self.hours,
                    self.overtime,
                    self.least,
                    self.caps,
                    self.ceiling,
                    self.floor,
                    self.orders,
                    self.demand,
                ),
                strict=True,
            )
        )


def prices_of(program: Program, solution: Solution) -> Prices:
    """Return the shadow prices of the program at its optimum."""
    instance = program.instance
    gain = -program.money
    shape = instance.hours.shape
    hours = gain * solution.limits[: instance.hours.size].reshape(shape)
    overtime = np.zeros(instance.hours.size)
    overtime[program.overtime_at] = gain * solution.upper[program.overtime_from :]
    least = np.zeros(instance.hours.size)
    least[program.least_at] = -gain * solution.limits[program.least_from : program.caps_from]
    caps = gain * solution.limits[program.caps_from : program.taken_from].reshape(instance.limit.shape)
    stock = slice(program.stock_from, program.short_from)
    per_unit = gain / instance.unit[:, None]
    orders, demand = _asked(program, solution)
    return Prices(
        hours=_clean(hours, instance, 1.0),
        overtime=_clean(overtime.reshape(shape), instance, 1.0),
        least=_clean(least.reshape(shape), instance, 1.0),
        caps=_clean(caps / cap_scale(instance), instance, cap_scale(instance)),
        ceiling=_clean(
            solution.upper[stock].reshape(demand.shape) * per_unit, instance, instance.unit[:, None]
        ),
        floor=_clean(
            solution.lower[stock].reshape(demand.shape) * per_unit, instance, instance.unit[:, None]
        ),
        orders=_clean(orders, instance, instance.unit[:, None]),
        demand=_clean(demand, instance, instance.unit[:, None]),
    )


def _asked(program: Program, solution: Solution) -> tuple[FloatArray, FloatArray]:
    """Return the prices of orders and of demand, both of which move the most that may be owed or lost."""
    instance = program.instance
    size, shape = instance.demand.size, instance.demand.shape
    most = solution.upper[program.short_from :][:size].reshape(shape)
    later = np.cumsum(most[:, ::-1], axis=1)[:, ::-1]
    bound = np.where(instance.owed[:, None], later, most)
    taken = np.zeros(size)
    taken[program.taken_at] = solution.limits[program.taken_from :]
    cost = solution.balance.reshape(shape) + bound + taken.reshape(shape)
    per_unit = program.money / instance.unit[:, None]
    worth = instance.best_margin()[:, None] - per_unit * cost
    raised = instance.due > instance.forecast
    orders = np.where(instance.due > 0, per_unit * bound, 0.0)
    return orders + np.where(raised, worth, 0.0), np.where(raised, 0.0, worth)


def _clean(prices: FloatArray, instance: Instance, units_an_hour: float | FloatArray) -> FloatArray:
    """Take what is too small to be meant for 0."""
    least = NOTICEABLE * typical_margin(instance) / units_an_hour
    return np.where(np.abs(prices) > least, prices, 0.0)
