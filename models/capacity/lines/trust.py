"""How far each line follows the trees, and which median it is given: chosen on its own backtests, drawn to those of all."""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from models.capacity.lines.backtests import Backtests
from models.capacity.lines.expectation import factors_of
from models.capacity.lines.grid import HOURS_A_DAY, FloatArray
from models.capacity.lines.rows import Rows, World

__all__ = ["MEDIANS", "Medians", "choose_medians", "choose_trust", "median_candidates"]

MEDIANS: Final = (
    "trees",
    "trees_of_plan",
    "recent_median",
    "trailing_share",
    "planned_rate",
    "expected_value",
)
"""Candidates for the median of a day: boosters of the median over the recent median and over the plan, the recent median,
the plan by what was made of it in the last four weeks, the plan itself, the expectation."""

_TRUSTS: Final = np.array([1.0, 0.75, 0.5, 0.25, 0.0])
_STEPS: Final = 4
_DRAWN: Final = 60.0  # backtest days for which all lines together count beside a line's own
_UNTESTED: Final = (0.0, 0.0, 0.25, 0.25, 0.5, 0.0)  # weights of a line that no backtest judges
_LEARNT: Final = frozenset({"trees", "trees_of_plan", "expected_value"})
_OWN_EVIDENCE: Final = 0.3  # of a line's own backtest day: days in a row tell little new
_COMMON_EVIDENCE: Final = 0.1  # the same of all lines together, of which
_MOST_COMMON: Final = 400.0  # so many days count at most
_DOUBT: Final = 2.0  # in logarithms, against what is learnt by trees
_SMALLEST: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Medians:
    """Weights (n, candidates) of the candidates of `MEDIANS`, and the median of what is made over the expectation, (n,)."""

    weights: FloatArray
    made_over_expected: FloatArray

    def of(self, rows: Rows, ratios: FloatArray, expected: FloatArray) -> FloatArray:
        """Return the median of the rows in hours of the planned rate."""
        told = median_candidates(rows, ratios, expected * self.made_over_expected[rows.line])
        median: FloatArray = (self.weights[rows.line].T * told).sum(axis=0)
        return np.where(expected > 0, median, 0.0)


def choose_trust(world: World, tests: Backtests) -> FloatArray:
    """Return how far each line follows the trees, (4, n): the likelier by squared errors, drawn to those of all lines.

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
    schedule, rest = (_likely_trust(np.array(one), tests, lines) for one in (hours, made))
    return np.stack([schedule, rest, rest, rest])


def choose_medians(world: World, tests: Backtests, expected: FloatArray) -> Medians:
    """Return the mixture of candidates for each line: the mean of all mixtures, each by how likely its backtests make it.

    Errors are taken for those of a Laplace distribution, so a mixture's weight falls with the exponent of its excess
    loss; with few days to judge by the weights stay near even, drawn to the candidates that learn least.
    """
    lines = world.grid.size[0]
    if not len(tests.rows):
        return Medians(np.tile(_UNTESTED, (lines, 1)), np.ones(lines))
    over = _made_over(tests, expected, lines)
    told = median_candidates(tests.rows, tests.ratios, expected * over[tests.rows.line])
    told = np.where(expected > 0, told, 0.0)
    mixtures = _mixtures(len(MEDIANS))
    losses = np.array([np.abs(tests.made - mixture @ told) / tests.size for mixture in mixtures])
    return Medians(_likely(losses, mixtures, tests, lines).T @ mixtures, over)


def _likely(losses: FloatArray, mixtures: FloatArray, tests: Backtests, lines: int) -> FloatArray:
    """Return how likely each mixture is the best of each line, (mixtures, n), by losses (mixtures, r)."""
    own, count, pooled = _by_line(losses, tests, lines)
    usual = np.maximum(((own + _DRAWN * pooled) / (count + _DRAWN)).min(axis=0), _SMALLEST)
    worse = np.maximum(pooled / max(float(pooled.min()), _SMALLEST) - 1, 0.0)
    learnt = mixtures @ np.array([one in _LEARNT for one in MEDIANS], dtype=np.float64)
    told = -_OWN_EVIDENCE * (own - own.min(axis=0)) / usual
    told -= _COMMON_EVIDENCE * min(float(count.sum()), _MOST_COMMON) * worse
    told -= _DOUBT * learnt[:, None]
    likely = np.exp(told - told.max(axis=0))
    shares: FloatArray = likely / likely.sum(axis=0)
    return shares


def median_candidates(rows: Rows, ratios: FloatArray, expected: FloatArray) -> FloatArray:
    """Return the candidates of `MEDIANS`, (6, r) in hours of the planned rate, from the trees' ratios (2, r)."""
    recent, ratios = rows.hours * rows.median, np.maximum(ratios, 0.0)
    return np.stack(
        [recent * ratios[0], rows.hours * ratios[1], recent, rows.hours * rows.trailing, rows.hours, expected]
    )


def _mixtures(count: int) -> FloatArray:
    """Return the mixtures of candidates in quarters."""
    every = [one for one in product(range(_STEPS + 1), repeat=count) if sum(one) == _STEPS]
    return np.array(every, dtype=np.float64) / _STEPS


def _likely_trust(losses: FloatArray, tests: Backtests, lines: int) -> FloatArray:
    """Return the mean trust of each line, (n,), each by how likely its squared errors (trusts, r) make it.

    Of normal errors of a size that is known from the best: the weight falls with the exponent of half the excess.
    """
    own, count, pooled = _by_line(losses, tests, lines)
    drawn = (own + _DRAWN * pooled) / (count + _DRAWN)
    worse = drawn / np.maximum(drawn.min(axis=0), _SMALLEST**2) - 1
    likely = np.exp(-0.5 * _OWN_EVIDENCE * (count + _DRAWN) * np.maximum(worse, 0.0))
    trust: FloatArray = _TRUSTS @ (likely / likely.sum(axis=0))
    return trust


def _by_line(losses: FloatArray, tests: Backtests, lines: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return sums of losses (candidates, r) by line, the days of each line, and the mean loss of all, (candidates, 1)."""
    line, weight = tests.rows.line, tests.weight
    own = np.stack([np.bincount(line, one * weight, lines).astype(np.float64) for one in losses])
    pooled: FloatArray = (losses @ weight / weight.sum())[:, None]
    return own, np.bincount(line, weight, lines).astype(np.float64), pooled


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
