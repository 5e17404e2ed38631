"""What a plan is made from: lines, products, routes between them, demand, orders, caps and the objective."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.capacity.allocation.checks import check_problem

__all__ = [
    "WEEK_HOURS",
    "CapKind",
    "Objective",
    "PlanCap",
    "PlanLine",
    "PlanOptions",
    "PlanOrder",
    "PlanProblem",
    "PlanProduct",
    "Route",
]

FloatArray = NDArray[np.float64]

WEEK_HOURS: Final = 168.0


class Objective(StrEnum):
    """Whose margin the plan earns most of.

    The feasible plans are the same for each, so the group's optimum earns the group at least as much as either of the
    others does (F-15):

    - `line`: the margin in each line's own books, transfer prices as they are, summed over the lines;
    - `company`: the margin in the books of the line's company, what its lines pay each other left out;
    - `group`: the consolidated margin, what the group's companies pay each other left out.
    """

    LINE = "line"
    COMPANY = "company"
    GROUP = "group"


class CapKind(StrEnum):
    """What a cap limits: energy used or emissions, both counted by unit of good product made."""

    ENERGY = "energy"
    EMISSION = "emission"


@dataclass(frozen=True, eq=False)
class PlanLine:
    """A line over the plan's weeks: effective hours (at the planned rate, before quality), good share, overtime.

    `hours`, `good_share` (0 to 1), `overtime_hours` and `minimum_hours` have one value a week; the last two default to
    none. `overtime_cost` is CNY an hour. `minimum_hours` are what a continuous line must run, whatever is asked for.
    `planned_hours` are the shifts by the clock that `hours` are made in (not known: as many as `hours`).
    """

    line_id: str
    org_id: str
    unit: str
    hours: FloatArray
    good_share: FloatArray
    overtime_hours: FloatArray | None = None
    overtime_cost: float = 0.0
    minimum_hours: FloatArray | None = None
    bottleneck: str = ""
    name: str = ""
    planned_hours: FloatArray | None = None

    @property
    def room(self) -> FloatArray:
        """Hours there can be on top of `hours`, by week (w,): (168 - planned) x hours / planned.

        What the clock leaves, counted as the line's hours are; none in a week that it does not work at all.
        """
        planned = self.hours if self.planned_hours is None else self.planned_hours
        effective = np.divide(self.hours, planned, out=np.zeros_like(self.hours), where=planned > 0)
        return np.maximum(WEEK_HOURS - planned, 0.0) * effective

    @property
    def overtime(self) -> FloatArray:
        """Hours of overtime there may be, by week (w,)."""
        return np.zeros_like(self.hours) if self.overtime_hours is None else self.overtime_hours

    @property
    def least(self) -> FloatArray:
        """Hours that must be run, by week (w,)."""
        return np.zeros_like(self.hours) if self.minimum_hours is None else self.minimum_hours


@dataclass(frozen=True)
class PlanProduct:
    """A product: its stock at the start of the first week, what it is owed, its bounds and costs.

    Quantities in `unit`; `holding_cost` and `backlog_cost` in CNY per unit and week. `stock_ceiling` None: no ceiling.
    `backlog_cost` None: what is not delivered in its week is lost, not owed.
    """

    product_id: str
    org_id: str
    family: str
    unit: str
    opening_stock: float = 0.0
    opening_backlog: float = 0.0
    stock_floor: float = 0.0
    stock_ceiling: float | None = None
    holding_cost: float = 0.0
    backlog_cost: float | None = None


@dataclass(frozen=True)
class Route:
    """A line that can make a product: at what rate, yield, margin, change-over, lot, energy and emission.

    `rate` in units an hour before quality; `good_share` None takes the line's of the week; margins in CNY per good
    unit sold; every `lot` units started cost `changeover_hours` (no lot: no allowance), so a good unit takes
    (1 / rate + changeover_hours / lot) / good_share hours; `minimum_lot` is the least good
    quantity in a week where any is made, and counts where `PlanOptions.minimum_lots` asks for it; energy and emission
    per good unit.
    """

    line_id: str
    product_id: str
    rate: float
    margin_line: float
    margin_company: float
    margin_group: float
    good_share: float | None = None
    changeover_hours: float = 0.0
    lot: float | None = None
    minimum_lot: float = 0.0
    energy_per_unit: float = 0.0
    emission_per_unit: float = 0.0

    def margin(self, objective: Objective) -> float:
        """Return the margin per good unit sold, CNY, as that scope counts it."""
        margins = {"line": self.margin_line, "company": self.margin_company, "group": self.margin_group}
        return margins[objective.value]


@dataclass(frozen=True)
class PlanOrder:
    """A priority order: `quantity` of the product's demand that must be delivered by the end of `week`."""

    order_id: str
    product_id: str
    week: date
    quantity: float


@dataclass(frozen=True)
class PlanCap:
    """A limit on energy or emissions in each week, of one company or (org_id None) of the group."""

    cap_id: str
    kind: CapKind
    limit: float
    org_id: str | None = None


@dataclass(frozen=True)
class PlanOptions:
    """What a plan may use and heed: overtime, caps, minimum lots (mixed integer), closeness to the last plan.

    `mip_gap`: share of the objective by which a plan with minimum lots may miss the best. `stability_cost`: CNY for
    each hour of a route and week that differs from the plan given as `previous`.
    """

    overtime: bool = True
    caps: bool = True
    minimum_lots: bool = False
    mip_gap: float = 1e-3
    stability_cost: float = 0.0


@dataclass(frozen=True, eq=False)
class PlanProblem:
    """All that a plan is made from; checked as it is made (each error names the line, product or week, and a remedy).

    `weeks` are Mondays, one after the other; `demand` (p, w) follows the order of `products` and their units.
    """

    weeks: tuple[date, ...]
    lines: tuple[PlanLine, ...]
    products: tuple[PlanProduct, ...]
    routes: tuple[Route, ...]
    demand: FloatArray
    orders: tuple[PlanOrder, ...] = ()
    caps: tuple[PlanCap, ...] = ()
    objective: Objective = Objective.GROUP
    options: PlanOptions = field(default_factory=PlanOptions)

    def __post_init__(self) -> None:
        check_problem(self)

    def routes_of(self, product_id: str) -> Iterator[Route]:
        """Give the routes that make the product."""
        return (route for route in self.routes if route.product_id == product_id)
