"""The plan of 50 lines x 300 products x 26 weeks, at several densities of routes: CPU seconds of `solve_plan`.

Problems are drawn, not real. Five companies of ten lines; each product may be made on a number of lines that the density
gives (2 of 50 is 4 %); demand with a season of its own fills about 97 % of the hours, so that some weeks have too few.
Stock floors and ceilings, backlog or lost sales, change-over hours, overtime on every second line, 20 priority orders and
one energy cap that binds take part. The CPU is that of the call, all threads together, median of the runs; reading the
problem and importing SciPy are left out, writing the frames, shadow prices and sentences is in.
"""

import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from bench.capacity_parts.goals import Goal
from models.capacity.allocation.problem import (
    CapKind,
    PlanCap,
    PlanLine,
    PlanOrder,
    PlanProblem,
    PlanProduct,
    Route,
)

__all__ = ["draw_problem", "run"]

LINES: Final = 50
PRODUCTS: Final = 300
WEEKS: Final = 26
DENSITIES: Final = (2, 5, 10, 20, 50)
"""Lines that can make a product."""
_LIMIT: Final = 3.0
_RUNS: Final = 3
_COMPANIES: Final = 5
_START: Final = date(2026, 1, 5)
_LOAD: Final = 0.97


def run(data: Path, seed: int) -> list[Goal]:
    """Solve each density, print sizes and CPU; the issue names no density, so each is a goal."""
    from models.capacity.allocation.solve import solve_plan

    del data
    solve_plan(draw_problem(seed, lines=4, products=6, weeks=4, routes_each=2), time_limit_seconds=60)
    goals = []
    for count in DENSITIES:
        problem = draw_problem(seed, routes_each=count)
        spent = []
        for _ in range(_RUNS):
            begun = time.process_time()
            plan = solve_plan(problem, time_limit_seconds=300)
            spent.append(time.process_time() - begun)
        cpu = float(np.median(spent))
        print(
            f"{count:3d} of {LINES} lines a product ({count / LINES:.0%}), {len(problem.routes) * WEEKS:,} route-weeks: "
            f"{cpu:.2f} CPU s ({', '.join(f'{one:.2f}' for one in spent)}), {plan.production.height:,} rows of production, "
            f"{plan.binding.height:,} binding",
            flush=True,
        )
        goals.append(Goal(f"plan of 50 x 300 x 26, {count / LINES:.0%} of routes, CPU s", cpu, _LIMIT))
    return goals


def draw_problem(
    seed: int,
    *,
    lines: int = LINES,
    products: int = PRODUCTS,
    weeks: int = WEEKS,
    routes_each: int = 5,
) -> PlanProblem:
    """Draw a problem; the same seed and sizes give the same one."""
    rng = np.random.default_rng([seed, lines, products, weeks, routes_each])
    dates = tuple(_START + timedelta(weeks=week) for week in range(weeks))
    park = [_line(rng, place, weeks) for place in range(lines)]
    routes = [route for place in range(products) for route in _routes(rng, place, park, routes_each)]
    demand = _demand(rng, park, routes, (products, weeks))
    drawn = PlanProblem(
        weeks=dates,
        lines=tuple(park),
        products=tuple(_product(rng, place, float(row.mean())) for place, row in enumerate(demand)),
        routes=tuple(routes),
        demand=demand,
        orders=_orders(rng, dates, demand),
    )
    return replace(drawn, caps=(_cap(drawn),))


def _line(rng: np.random.Generator, place: int, weeks: int) -> PlanLine:
    hours = rng.uniform(110, 165) * np.clip(rng.normal(1, 0.08, weeks), 0.5, 1.02)
    if rng.random() < 0.4:
        hours[rng.integers(weeks)] *= 0.3  # a planned overhaul
    overtime = np.full(weeks, 12.0) if place % 2 else None
    return PlanLine(
        line_id=f"L{place:03}",
        org_id=f"C{place % _COMPANIES}",
        unit="piece",
        hours=hours,
        good_share=np.clip(rng.normal(0.95, 0.02, weeks), 0.8, 0.999),
        overtime_hours=overtime,
        overtime_cost=rng.uniform(200, 600),
    )


def _routes(rng: np.random.Generator, place: int, park: list[PlanLine], count: int) -> list[Route]:
    base, margin = rng.lognormal(4.5, 0.5), rng.uniform(2, 20)
    chosen = sorted(rng.choice(len(park), min(count, len(park)), replace=False))
    return [
        Route(
            line_id=park[one].line_id,
            product_id=f"P{place:04}",
            rate=base * rng.uniform(0.8, 1.2),
            margin_line=margin * rng.uniform(0.9, 1.1),
            margin_company=margin * rng.uniform(0.9, 1.1),
            margin_group=margin * rng.uniform(0.9, 1.1),
            changeover_hours=rng.uniform(0.5, 3),
            lot=base * 40,
            energy_per_unit=rng.uniform(0.5, 1.5) / base,
        )
        for one in chosen
    ]


def _demand(
    rng: np.random.Generator, park: list[PlanLine], routes: list[Route], shape: tuple[int, int]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return demand (p, w) that needs about the load's share of all hours."""
    products, weeks = shape
    rates = {f"P{place:04}": [] for place in range(products)}  # type: dict[str, list[float]]
    for route in routes:
        rates[route.product_id].append(route.rate)
    pace = np.array([float(np.mean(rates[f"P{place:04}"])) for place in range(products)])
    weight = rng.lognormal(0, 0.8, products)
    phase = rng.uniform(0, 2 * np.pi, products)[:, None]
    season = 1 + 0.25 * np.sin(2 * np.pi * np.arange(weeks)[None, :] / 52 + phase)
    hours = weight[:, None] * season * np.clip(rng.normal(1, 0.15, shape), 0.3, 2)
    available = sum(float((line.hours * line.good_share).sum()) for line in park)
    return np.asarray(hours * (_LOAD * available / hours.sum()) * pace[:, None])


def _product(rng: np.random.Generator, place: int, weekly: float) -> PlanProduct:
    return PlanProduct(
        product_id=f"P{place:04}",
        org_id=f"C{place % _COMPANIES}",
        family=f"F{place % 12}",
        unit="piece",
        opening_stock=weekly * rng.uniform(0.5, 1.5),
        opening_backlog=weekly * 0.2 if rng.random() < 0.2 else 0.0,
        stock_floor=weekly * 0.1,
        stock_ceiling=weekly * 6 if rng.random() < 0.5 else None,
        holding_cost=rng.uniform(0.01, 0.05),
        backlog_cost=rng.uniform(0.5, 3) if place % 10 < 7 else None,
    )


def _orders(
    rng: np.random.Generator,
    dates: tuple[date, ...],
    demand: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> tuple[PlanOrder, ...]:
    products, weeks = demand.shape
    chosen = rng.choice(products, min(20, products // 2), replace=False)
    found = []
    for number, place in enumerate(sorted(chosen)):
        week = int(rng.integers(min(2, weeks - 1), weeks))
        found.append(
            PlanOrder(f"O{number:02}", f"P{place:04}", dates[week], float(demand[place, week]) * 0.3)
        )
    return tuple(found)


def _cap(problem: PlanProblem) -> PlanCap:
    """Return a cap on the group's energy a little under what making all demand would take."""
    energy = {route.product_id: route.energy_per_unit for route in problem.routes}
    needed = sum(
        energy[product.product_id] * float(row.mean())
        for product, row in zip(problem.products, problem.demand, strict=True)
    )
    return PlanCap("energy", CapKind.ENERGY, needed * 0.98)
