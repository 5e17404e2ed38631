"""Read a program's optimum as hours, quantities, stock, backlog and money."""

from dataclasses import dataclass

import numpy as np

from models.capacity.allocation.instance import FloatArray, Instance
from models.capacity.allocation.program import Program

__all__ = ["Money", "Quantities", "money_of", "quantities_of"]

_NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Quantities:
    """What a plan does: hours (r, w), made (r, w), overtime (l, w), stock, backlog, lost, delivered (p, w)."""

    hours: FloatArray
    made: FloatArray
    overtime: FloatArray
    stock: FloatArray
    backlog: FloatArray
    lost: FloatArray
    delivered: FloatArray

    def produced(self, instance: Instance) -> FloatArray:
        """Return what is made of each product, over its lines (p, w)."""
        total = np.zeros_like(instance.demand)
        np.add.at(total, instance.of_product, self.made)
        return total

    def used(self, instance: Instance) -> FloatArray:
        """Return the hours used of each line, overtime among them (l, w)."""
        total = np.zeros_like(instance.hours)
        np.add.at(total, instance.of_line, self.hours)
        return total


@dataclass(frozen=True, eq=False)
class Money:
    """What a plan earns and costs by week (w,), CNY; `margins` (3, w) by objective line, company, group."""

    margins: FloatArray
    holding: FloatArray
    backlog: FloatArray
    overtime: FloatArray

    @property
    def costs(self) -> FloatArray:
        """Holding, backlog and overtime together (w,)."""
        return self.holding + self.backlog + self.overtime

    @property
    def values(self) -> FloatArray:
        """Margin less costs over the weeks, by objective line, company, group (3,)."""
        return np.asarray((self.margins - self.costs).sum(axis=1))


def quantities_of(program: Program, x: FloatArray) -> Quantities:
    """Return the quantities that the program's point stands for."""
    instance = program.instance
    size, shape, unit = instance.demand.size, instance.demand.shape, instance.unit[:, None]
    hours = np.zeros_like(instance.good)
    np.add.at(hours, (program.columns.route, program.columns.week), np.maximum(x[: program.stock_from], 0.0))
    hours[hours < _NOTHING] = 0.0
    overtime = np.zeros(instance.hours.size)
    overtime[program.overtime_at] = np.maximum(x[program.overtime_from :], 0.0)
    stock = np.maximum(x[program.stock_from :][:size], 0.0).reshape(shape) * unit
    short = np.maximum(x[program.short_from :][:size], 0.0).reshape(shape) * unit
    backlog = np.where(instance.owed[:, None], short, 0.0)
    lost = np.where(instance.owed[:, None], 0.0, short)
    before = np.column_stack([instance.opening_backlog, backlog[:, :-1]])
    return Quantities(
        hours=hours,
        made=hours * instance.good,
        overtime=overtime.reshape(instance.hours.shape),
        stock=stock,
        backlog=backlog,
        lost=lost,
        delivered=np.maximum(instance.demand + before - backlog - lost, 0.0),
    )


def money_of(instance: Instance, quantities: Quantities) -> Money:
    """Return what the plan earns in each scope and what it costs, by week.

    Margin of a week: what is delivered at the margin of the product's best route, less what its other routes earn below
    that for what they make in the week.
    """
    margins = np.array(
        [
            (instance.best_margin(scope)[:, None] * quantities.delivered).sum(axis=0)
            - ((instance.best_margin(scope)[instance.of_product] - earned)[:, None] * quantities.made).sum(
                axis=0
            )
            for scope, earned in enumerate(instance.margins)
        ]
    )
    return Money(
        margins=margins,
        holding=(instance.holding * quantities.stock).sum(axis=0),
        backlog=(instance.backlog * quantities.backlog).sum(axis=0),
        overtime=(instance.overtime_cost[:, None] * quantities.overtime).sum(axis=0),
    )
