"""A synthetic plant: lines with a target, drivers known with the plan, rest days and long lower tails. Drawn, not real.

Ten sewing-like or assembly-like lines report one row a working day: the target that planners set (`planned_rate` x planned
hours), and what came. What came is the target times a share that depends on what the plan says about the day: how hard the
product is (`content`), whether it is new on the line (`changeover`, `days_on_product`: the first days are slow), staffing
(`staff`, against the target's own), overtime and a bonus offered. Planners overstate hard products and ignore the slow start.
In plants whose targets are `met`, planners set what they know can be made: most days end within 2 % of the target, some days
miss it by far, and how many do follows from the same drivers.
On top come a line's skill that drifts, everyday noise, and now and then a bad day (a fault, missing material) that takes 20
to 70 % away and that nothing announces.
"""

from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

__all__ = ["DRIVERS", "draw_plant"]

DRIVERS: Final = ("content", "changeover", "days_on_product", "staff", "overtime", "bonus")
_LINES: Final = 10


def draw_plant(
    seed: int, *, met: bool = False, days: int = 300, start: date = date(2025, 1, 6)
) -> pl.DataFrame:
    """Draw [line_id, ds, planned_rate, planned_hours, output, drivers] of all lines; Sundays are not reported."""
    rng = np.random.default_rng([seed, days, met])
    dates = [start + timedelta(days=step) for step in range(days)]
    working = [day for day in dates if day.isoweekday() != 7]
    return pl.concat([_line(rng, place, working, met=met) for place in range(_LINES)])


def _line(rng: np.random.Generator, place: int, dates: list[date], *, met: bool) -> pl.DataFrame:
    count = len(dates)
    product, on = _products(rng, count)
    content = rng.gamma(6, 4, product.max() + 1)[product]
    staff = np.round(np.clip(rng.normal(40, 3, count), 25, 50))
    overtime = np.where(rng.random(count) < 0.25, rng.choice([1.0, 2.0], count), 0.0)
    bonus = np.where(rng.random(count) < 0.3, rng.choice([25.0, 50.0, 80.0], count), 0.0)
    skill = 0.93 + rng.normal(0, 0.03) + np.cumsum(rng.normal(0, 0.004, count))
    slow = 0.22 * np.exp(-on / 2.5)
    share = skill - slow - 0.006 * (content - 24) + 0.008 * (staff - 40) - 0.03 * overtime + 0.0012 * bonus
    if met:
        # What a day lacks of 0.87 drives the chance that the target is missed by a third or so.
        missed = rng.random(count) < np.clip(8 * (0.87 - share), 0.03, 0.95)
        share = 1 - np.where(missed, rng.uniform(0.1, 0.6, count), 0.0) + rng.normal(0, 0.01, count)
    else:
        share = share + rng.normal(0, 0.04, count)
    bad = rng.random(count) < 0.06
    share = np.clip(np.where(bad, share * (1 - rng.uniform(0.2, 0.7, count)), share), 0.05, 1.15)
    rate = np.round(1200 / content, 1)
    hours = 8.0 + overtime
    return pl.DataFrame(
        {
            "line_id": f"S{place:02}",
            "ds": dates,
            "planned_rate": rate,
            "planned_hours": hours,
            "output": np.round(rate * hours * share, 1),
            "content": np.round(content, 2),
            "changeover": (on == 0).astype(np.float64),
            "days_on_product": on.astype(np.float64),
            "staff": staff,
            "overtime": overtime,
            "bonus": bonus,
        }
    )


def _products(
    rng: np.random.Generator, count: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the product of each day and the days it has been on the line; a product stays 3 to 20 days."""
    product, on = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    left = int(rng.integers(3, 21))
    for day in range(1, count):
        left -= 1
        fresh = left == 0
        product[day], on[day] = product[day - 1] + fresh, 0 if fresh else on[day - 1] + 1
        left = int(rng.integers(3, 21)) if fresh else left
    return product, on
