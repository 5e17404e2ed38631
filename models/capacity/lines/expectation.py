"""The expected output of line-days: the chain of factors, what limits it, and how far the trees are trusted."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.capacity.lines.grid import HOURS_A_DAY, BoolArray, FloatArray, LineGrid
from models.capacity.lines.rows import Rows, World

__all__ = [
    "Expectation",
    "best_hours",
    "best_week_hours",
    "expect",
    "factors_of",
    "lost_to_restarts",
    "restarts_seen",
]

_MOST = np.array([1.0, 1.1, 20.0, 1.0])[
    :, None
]  # a shift may end late; a rate may be beaten; no more is good than made
_SEEN_RESTARTS: Final = 2
_ALLOWANCE: Final = 1.05  # above the best rate ever seen
_WEEK: Final = 7
_WEEK_ALLOWANCE: Final = 1.01  # above the best rate of seven days in a row


@dataclass(frozen=True, eq=False)
class Expectation:
    """Expected hours of the planned rate of r line-days.

    chain (5, r): calendar, planned, run hours, output and good output over the planned rate before limits; factors
    (4, r): their ratios; good (r,): what is forecast, after the bottleneck; lost (r,): hours that a restart takes.
    """

    chain: FloatArray
    factors: FloatArray
    lost: FloatArray
    good: FloatArray


def expect(
    world: World,
    rows: Rows,
    shares: FloatArray,
    trust: FloatArray,
    *,
    seen_restarts: FloatArray,
    best: FloatArray | None = None,
) -> Expectation:
    """Return the expectation of rows from the trees' shares (4, r); trust (4, n) is how far each line follows them."""
    factors = factors_of(rows, shares, trust)
    ones = np.full((1, len(rows)), HOURS_A_DAY)
    chain = np.concatenate([ones, HOURS_A_DAY * np.cumprod(factors, axis=0)])
    lost = np.minimum(lost_to_restarts(world, rows, seen_restarts) * factors[3], chain[4])
    most = np.array(
        [HOURS_A_DAY if one.bottleneck_hours is None else one.bottleneck_hours for one in world.limits]
    )
    capped = np.where(
        _bounded(world)[rows.line], np.minimum(chain[4], most[rows.line] * factors[3]), chain[4]
    )
    good = np.maximum(capped - lost, 0.0)
    good = good if best is None else np.minimum(good, best[rows.line])
    return Expectation(chain, factors, np.where(good > 0, lost, capped), good)


def factors_of(rows: Rows, shares: FloatArray, trust: FloatArray) -> FloatArray:
    """Return the factors of rows, (4, r); a known shift plan is what it is."""
    factors: FloatArray = np.clip(rows.base * (1 + trust[:, rows.line] * shares), 0.0, _MOST)
    factors[0] = np.where(rows.plan_known, rows.hours / HOURS_A_DAY, factors[0])
    return factors


def _bounded(world: World) -> BoolArray:
    return np.array([one.bottleneck_hours is not None for one in world.limits], dtype=np.bool_)


def lost_to_restarts(world: World, rows: Rows, seen: FloatArray) -> FloatArray:
    """Return the hours a restart takes on the day after a shutdown, for lines whose history shows no restart yet."""
    grid = world.grid
    yesterday = np.maximum(rows.day - 1, 0)
    kinds = dict(enumerate(grid.kinds))
    lost = np.zeros(len(rows))
    for line, limits in enumerate(world.limits):
        if limits.restart_hours <= 0 or seen[line] >= _SEEN_RESTARTS:
            continue
        codes = [code for code, kind in kinds.items() if kind in limits.stopping]
        after = np.isin(grid.maintenance[rows.line, yesterday], codes) & (
            grid.maintenance[rows.line, rows.day] < 0
        )
        lost = np.where((rows.line == line) & after, limits.restart_hours, lost)
    return lost


def restarts_seen(grid: LineGrid, end: int) -> FloatArray:
    """Count the reported first days after maintenance of each line up to a day, (n,)."""
    held = grid.maintenance >= 0
    first = held[:, :-1] & ~held[:, 1:] & grid.known[:, 1:]
    return np.asarray(first[:, : max(end, 0)].sum(axis=1), dtype=np.float64)


def best_hours(grid: LineGrid, end: int) -> FloatArray:
    """Return the most that a line could make on a day, (n,) in hours of the planned rate: 24 h at its best rate.

    The best rate is the best daily output over run hours ever seen, of days that ran at least a quarter of the usual.
    Lines whose planned hours are no clock hours (more is made of an hour than 24 hours could) keep their best day.
    """
    known = grid.known & (np.arange(grid.size[1])[None, :] <= end)
    run, good = np.where(known, grid.hours[2], 0.0), np.where(known, grid.hours[4], 0.0)
    usual = run.sum(axis=1) / np.maximum((run > 0).sum(axis=1), 1)
    counted = known & (run >= usual[:, None] / 4) & (run > 0)
    pace = np.where(counted, good / np.maximum(run, 1e-9), 0.0).max(axis=1, initial=0.0)
    most: FloatArray = np.maximum(HOURS_A_DAY * np.where(pace > 0, pace, 1.0), good.max(axis=1, initial=0.0))
    return most * _ALLOWANCE


def best_week_hours(grid: LineGrid) -> FloatArray:
    """Return the most that a line could make a day over a week, (n,): 24 h at the best rate of seven days in a row.

    A day may catch up what another left, or be counted late; a week cannot. Of stretches that ran at least a quarter of
    the usual; infinite where no line-week was reported.
    """
    known = grid.known
    run, good = (np.where(known, one, 0.0).cumsum(axis=1) for one in (grid.hours[2], grid.hours[4]))
    if grid.size[1] <= _WEEK:
        return np.full(grid.size[0], np.inf)
    run, good = (one[:, _WEEK:] - one[:, :-_WEEK] for one in (run, good))
    whole = known.cumsum(axis=1)
    counted = (whole[:, _WEEK:] - whole[:, :-_WEEK] == _WEEK) & (run > 0)
    usual = np.where(counted, run, 0.0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    counted &= run >= usual[:, None] / 4
    pace = np.where(counted, good / np.maximum(run, 1e-9), 0.0).max(axis=1, initial=0.0)
    most = np.maximum(HOURS_A_DAY * pace, np.where(counted, good, 0.0).max(axis=1, initial=0.0) / _WEEK)
    return np.where(pace > 0, most * _WEEK_ALLOWANCE, np.inf)
