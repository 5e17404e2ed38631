"""2,000 futures of 200 products over 26 weeks: CPU seconds of `simulate`, at several densities of routes.

Drawn, not real: 40 lines, bands of demand and good hours with nine levels, products that share 10 % of their variance with
all, 15 % with their family and 10 % with their company; about 95 % of the hours are asked for. The CPU is that of the call,
drawing, stock, tallies, bottlenecks and sentences included, median of the runs; imports and bands are left out.
"""

import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from bench.capacity_parts.goals import Goal

if TYPE_CHECKING:
    from models.capacity.shortfall.marginals import Marginals

__all__ = ["run"]

PRODUCTS: Final = 200
LINES: Final = 40
WEEKS: Final = 26
COUNT: Final = 2000
DENSITIES: Final = (1, 3, 8)
"""Lines that can make a product."""
_LIMIT: Final = 0.5
_RUNS: Final = 5
_LEVELS: Final = tuple(round(0.1 * step, 1) for step in range(1, 10))
_LOAD: Final = 0.95
_START: Final = date(2026, 1, 5)
_SHARES: Final = {"total": 0.10, "family": 0.15, "org_id": 0.10}

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def run(data: Path, seed: int) -> list[Goal]:
    """Simulate each density with stock carried over, print CPU, wall and what came out."""
    del data
    _timed(seed, 1, 50)
    goals = []
    for routes_each in DENSITIES:
        spent = [_timed(seed, routes_each, COUNT) for _ in range(_RUNS)]
        cpu, wall = (float(np.median([one[place] for one in spent])) for place in (0, 1))
        name = f"{COUNT:,} futures x {PRODUCTS} products x {WEEKS} weeks, {routes_each} of {LINES} lines a product"
        each = ", ".join(f"{one[0]:.2f}" for one in spent)
        print(
            f"{name}: {cpu:.2f} CPU s ({each}), {wall:.2f} s wall; mean probability {spent[0][2]:.3f}",
            flush=True,
        )
        goals.append(Goal(f"{name}, CPU s", cpu, _LIMIT))
    return goals


def _timed(seed: int, routes_each: int, count: int) -> tuple[float, float, float]:
    """Return CPU seconds, seconds of wall clock and the mean probability of a shortfall."""
    from models.capacity.shortfall.dependence import dependence_of_shares
    from models.capacity.shortfall.futures import Stock
    from models.capacity.shortfall.simulation import simulate
    from models.capacity.shortfall.supply import Supply

    rate, demand, hours = _drawn(np.random.default_rng([seed, routes_each]), routes_each)
    products = tuple(f"P{place:03}" for place in range(PRODUCTS))
    groups = pl.DataFrame(
        {
            "unique_id": products,
            "family": [f"F{place % 12}" for place in range(PRODUCTS)],
            "org_id": [f"C{place % 5}" for place in range(PRODUCTS)],
        }
    )
    dependence = dependence_of_shares(groups, _SHARES, persistence=0.5, source="drawn")
    supply = Supply(products, tuple(f"L{place:02}" for place in range(LINES)), rate)
    bands = _bands(products, demand, 0.25), _bands(supply.line_ids, hours, 0.08)
    stock = Stock(0.5 * demand[:, 0], np.zeros(PRODUCTS))
    begun = time.process_time(), time.perf_counter()
    found = simulate(*bands, supply, dependence=dependence, stock=stock, count=count, seed=seed)
    spent = time.process_time() - begun[0], time.perf_counter() - begun[1]
    return *spent, float(found.products["probability"].to_numpy().mean())


def _drawn(rng: np.random.Generator, routes_each: int) -> tuple[Floats, Floats, Floats]:
    """Return rates (p, l), median demand (p, w) and median good hours (l, w)."""
    rate = np.zeros((PRODUCTS, LINES))
    pace = rng.lognormal(4.5, 0.5, PRODUCTS)
    for place in range(PRODUCTS):
        chosen = (
            {place % LINES, *rng.choice(LINES, routes_each - 1, replace=False)}
            if routes_each > 1
            else {place % LINES}
        )
        rate[place, sorted(chosen)] = pace[place] * rng.uniform(0.8, 1.2, len(chosen))
    hours = rng.uniform(100, 150, (LINES, 1)) * np.ones((LINES, WEEKS))
    weight = rng.lognormal(0, 0.5, PRODUCTS)
    for line in range(LINES if routes_each == 1 else 0):
        # With one line a product the load has to be even, else shortfalls are certain or impossible.
        mine = np.arange(PRODUCTS) % LINES == line
        weight[mine] *= hours[line, 0] / weight[mine].sum()
    season = 1 + 0.1 * np.sin(2 * np.pi * np.arange(WEEKS) / 52 + rng.uniform(0, 6, (PRODUCTS, 1)))
    asked = weight[:, None] * season
    return rate, np.asarray(asked * (_LOAD * hours.sum() / asked.sum()) * pace[:, None]), hours


def _bands(ids: tuple[str, ...], median: Floats, spread: float) -> "Marginals":
    from models.capacity.shortfall.marginals import Marginals, normal_quantile

    score = normal_quantile(np.array(_LEVELS))
    weeks = tuple(_START + timedelta(weeks=week) for week in range(WEEKS))
    return Marginals(ids, weeks, _LEVELS, median[:, :, None] * np.exp(spread * score))
