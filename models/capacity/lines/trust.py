"""How far each line follows the trees, and which median it is given: chosen on its own backtests, drawn to those of all."""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from models.capacity.lines.backtests import Backtests
from models.capacity.lines.expectation import factors_of
from models.capacity.lines.grid import HOURS_A_DAY, FloatArray, IntArray
from models.capacity.lines.rows import Rows, World

__all__ = ["MEDIANS", "Medians", "choose_medians", "choose_trust", "median_candidates"]

MEDIANS: Final = ("trees", "recent_median", "planned_rate", "expected_value")
"""Candidates for the median of a day: the booster of the median, the recent median, the plan itself, the expectation."""

_TRUSTS: Final = np.array([1.0, 0.75, 0.5, 0.25, 0.0])
_STEPS: Final = 4
_DRAWN: Final = 60.0  # backtest days for which all lines together count beside a line's own
_CLEAR: Final = 0.005  # a later candidate must be better by this share


@dataclass(frozen=True, eq=False)
class Medians:
    """Weights (n, 4) of the candidates of `MEDIANS`, and the median of what is made over the expectation, (n,)."""

    weights: FloatArray
    made_over_expected: FloatArray

    def of(self, rows: Rows, ratio: FloatArray, expected: FloatArray) -> FloatArray:
        """Return the median of the rows in hours of the planned rate."""
        told = median_candidates(rows, ratio, expected * self.made_over_expected[rows.line])
        median: FloatArray = (self.weights[rows.line].T * told).sum(axis=0)
        return np.where(expected > 0, median, 0.0)


def choose_trust(world: World, tests: Backtests) -> FloatArray:
    """Return how far each line follows the trees, (4, n): what made the least squared error, drawn to all lines'.

    Of the schedule by the planned hours that came, of the other factors together by what was made of these hours.
    """
    lines, rows = world.grid.size[0], tests.rows
    if not len(rows):
        return np.full((4, lines), 0.5)
    planned = world.grid.hours[1, rows.line, rows.day]
    hours, made = [], []
    for trust in _TRUSTS:
        factors = factors_of(rows, tests.shares, np.full((4, lines), trust))
        hours.append(((planned - HOURS_A_DAY * factors[0]) / tests.size) ** 2)
        made.append(((tests.made - planned * factors[1:].prod(axis=0)) / tests.size) ** 2)
    schedule, rest = (_TRUSTS[_best(np.array(one), tests, lines)] for one in (hours, made))
    return np.stack([schedule, rest, rest, rest])


def choose_medians(world: World, tests: Backtests, expected: FloatArray) -> Medians:
    """Return the mixture of candidates with the least absolute error for each line, drawn to that of all lines."""
    lines = world.grid.size[0]
    mixtures = _mixtures(len(MEDIANS))
    if not len(tests.rows):
        return Medians(np.tile([0.0, 0.5, 0.5, 0.0], (lines, 1)), np.ones(lines))
    over = _made_over(tests, expected, lines)
    told = median_candidates(tests.rows, tests.ratio, expected * over[tests.rows.line])
    told = np.where(expected > 0, told, 0.0)
    losses = np.array([np.abs(tests.made - mixture @ told) / tests.size for mixture in mixtures])
    return Medians(mixtures[_best(losses, tests, lines)], over)


def median_candidates(rows: Rows, ratio: FloatArray, expected: FloatArray) -> FloatArray:
    """Return the candidates, (4, r) in hours of the planned rate."""
    recent = rows.hours * rows.median
    return np.stack([recent * np.maximum(ratio, 0.0), recent, rows.hours, expected])


def _mixtures(count: int) -> FloatArray:
    """Return the mixtures of candidates in quarters, the single candidates and the even ones first."""
    every = [one for one in product(range(_STEPS + 1), repeat=count) if sum(one) == _STEPS]
    return np.array(sorted(every, key=lambda one: (-max(one), one)), dtype=np.float64) / _STEPS


def _best(losses: FloatArray, tests: Backtests, lines: int) -> IntArray:
    """Return the candidate of each line, (n,), by losses (candidates, r)."""
    line, weight = tests.rows.line, tests.weight
    own = np.stack([np.bincount(line, one * weight, lines) for one in losses])
    count = np.bincount(line, weight, lines)
    pooled = (losses @ weight / weight.sum())[:, None]
    drawn = (own + _DRAWN * pooled) / (count + _DRAWN)
    least = drawn.min(axis=0)
    return np.asarray((drawn <= least * (1 + _CLEAR)).argmax(axis=0), dtype=np.int64)


def _made_over(tests: Backtests, expected: FloatArray, lines: int) -> FloatArray:
    """Return the median of what was made over what was expected by line, drawn to that of all lines."""
    counted = expected > 0.1 * tests.size
    ratio = tests.made[counted] / expected[counted]
    line = tests.rows.line[counted]
    pooled = float(np.median(ratio)) if len(ratio) else 1.0
    found = np.full(lines, pooled)
    for one in range(lines):
        own = ratio[line == one]
        if len(own):
            found[one] = (np.median(own) * len(own) + pooled * _DRAWN) / (len(own) + _DRAWN)
    return found
