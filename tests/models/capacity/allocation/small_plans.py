"""Small planning problems that can be solved by hand, and random ones that cannot."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from models.capacity.allocation.problem import (
    CapKind,
    Objective,
    PlanCap,
    PlanLine,
    PlanOptions,
    PlanOrder,
    PlanProblem,
    PlanProduct,
    Route,
)

__all__ = ["WEEKS", "line", "plan_problem", "product", "random_problem", "route"]

WEEKS = (date(2026, 8, 3), date(2026, 8, 10))


def line(
    line_id: str,
    *,
    hours: float,
    overtime: float = 0.0,
    overtime_cost: float = 0.0,
    minimum: float = 0.0,
    weeks: int = 2,
) -> PlanLine:
    ones = np.ones(weeks)
    return PlanLine(
        line_id, "works", "t", hours * ones, ones, overtime * ones, overtime_cost, minimum * ones, "", line_id
    )


def product(
    product_id: str,
    *,
    opening_stock: float = 0.0,
    opening_backlog: float = 0.0,
    stock_floor: float = 0.0,
    stock_ceiling: float | None = None,
    holding_cost: float = 0.1,
    backlog_cost: float | None = 1.0,
) -> PlanProduct:
    return PlanProduct(
        product_id,
        "works",
        "salt",
        "t",
        opening_stock,
        opening_backlog,
        stock_floor,
        stock_ceiling,
        holding_cost,
        backlog_cost,
    )


def route(
    line_id: str,
    product_id: str,
    *,
    rate: float,
    margin: float = 10.0,
    margins: tuple[float, float, float] | None = None,
    minimum_lot: float = 0.0,
    energy: float = 0.0,
    changeover: float = 0.0,
    lot: float | None = None,
    good_share: float | None = None,
) -> Route:
    own, company, group = margins or (margin, margin, margin)
    return Route(
        line_id, product_id, rate, own, company, group, good_share, changeover, lot, minimum_lot, energy
    )


def plan_problem(
    *,
    lines: tuple[PlanLine, ...] | None = None,
    products: tuple[PlanProduct, ...] | None = None,
    routes: tuple[Route, ...] | None = None,
    demand: Sequence[Sequence[float]] | None = None,
    orders: tuple[PlanOrder, ...] = (),
    caps: tuple[PlanCap, ...] = (),
    objective: Objective = Objective.GROUP,
    options: PlanOptions | None = None,
) -> PlanProblem:
    return PlanProblem(
        WEEKS,
        lines or (line("L1", hours=10.0),),
        products or (product("A"),),
        routes or (route("L1", "A", rate=2.0),),
        np.array([[12.0, 12.0]] if demand is None else demand, dtype=np.float64),
        orders,
        caps,
        objective,
        options or PlanOptions(),
    )


def random_problem(seed: int, *, objective: Objective = Objective.GROUP, weeks: int = 4) -> PlanProblem:
    """Return a feasible problem: tight hours, overtime, ceilings, a cap, small orders, owed and lost demand."""
    random = np.random.default_rng(seed)
    lines = tuple(
        PlanLine(
            f"L{at}",
            f"C{at % 2}",
            "t",
            random.uniform(5, 12, weeks),
            random.uniform(0.9, 1.0, weeks),
            random.uniform(0, 2, weeks),
            float(random.uniform(5, 60)),
            np.full(weeks, 1.0) if at == 0 else None,
        )
        for at in range(3)
    )
    products = tuple(
        PlanProduct(
            f"P{at}",
            "C0",
            "salt",
            "t",
            opening_stock=float(random.uniform(3, 9)),
            opening_backlog=float(random.uniform(0, 2)),
            stock_floor=float(random.uniform(0, 2)) if at % 2 else 0.0,
            stock_ceiling=60.0 if at % 3 else None,
            holding_cost=float(random.uniform(0.1, 1)),
            backlog_cost=float(random.uniform(1, 9)) if at % 2 else None,
        )
        for at in range(5)
    )
    pairs = [(at, made) for made in range(5) for at in range(3) if at == made % 3 or random.random() < 0.5]
    routes = tuple(
        Route(
            f"L{at}",
            f"P{made}",
            float(random.uniform(1, 4)),
            margin_line=float(random.uniform(4, 40)),
            margin_company=float(random.uniform(4, 40)),
            margin_group=float(random.uniform(4, 40)),
            good_share=float(random.uniform(0.8, 1)) if random.random() < 0.5 else None,
            changeover_hours=float(random.uniform(0, 1)),
            lot=8.0,
            energy_per_unit=float(random.uniform(0.5, 2)),
        )
        for at, made in pairs
    )
    first = date(2026, 8, 3)
    return PlanProblem(
        tuple(first + timedelta(7 * at) for at in range(weeks)),
        lines,
        products,
        routes,
        random.uniform(2, 14, (5, weeks)),
        (PlanOrder("O1", "P1", first + timedelta(7), 1.0), PlanOrder("O2", "P2", first, 0.5)),
        (PlanCap("grid", CapKind.ENERGY, 45.0),),
        objective,
    )
