"""What is learnt of a panel of lines, and what it says of rows."""

from dataclasses import dataclass, field
from typing import Final

import lightgbm as lgb
import numpy as np

from models.capacity.lines.bands import Bands
from models.capacity.lines.boosters import Boosters, medians_told, shares
from models.capacity.lines.expectation import Expectation, expect
from models.capacity.lines.grid import BoolArray, FloatArray, IntArray
from models.capacity.lines.rows import Rows, World
from models.capacity.lines.spread import spread_of
from models.capacity.lines.trust import Medians

__all__ = ["LEAST_DAYS", "Days", "JointErrors", "Learnt", "centred", "say", "spread_columns"]

LEAST_DAYS: Final = 5
"""Reported days with planned hours below which a line is served its planned rate."""

_MIDDLE: Final = 0.5


@dataclass(frozen=True, eq=False)
class JointErrors:
    """Errors of weeks over their spread at past cut-offs, (cut-offs, n, weeks ahead), NaN where there is none."""

    values: FloatArray


@dataclass(frozen=True, eq=False)
class Learnt:
    """All that is learnt; arrays (n, ...) by line, trust (4, n).

    plan_error (levels,): quantiles of what was made over what was planned, minus one, of all lines' backtests: the band
    of a line that is served its planned rate. week_median: share of the sum of days' medians in the median of a week.
    """

    boosters: Boosters
    spread: lgb.Booster | None
    spread_places: tuple[int, ...]
    usual_error: float
    trust: FloatArray
    medians: Medians
    days: Bands
    weeks: Bands
    week_median: FloatArray
    plan_error: FloatArray
    best: FloatArray
    usable: BoolArray
    tested: IntArray
    seen_restarts: FloatArray
    size: FloatArray
    joint: JointErrors = field(repr=False)


@dataclass(frozen=True, eq=False)
class Days:
    """What is said of r line-days, in hours of the planned rate; quantiles (r, levels)."""

    told: Expectation
    shares: FloatArray
    expected: FloatArray
    median: FloatArray
    spread: FloatArray
    ceiling: FloatArray
    quantiles: FloatArray


def say(world: World, rows: Rows, learnt: Learnt) -> Days:
    """Say what rows will make: expectation, median and quantiles."""
    ratios = shares(learnt.boosters, rows)
    told = expect(world, rows, ratios, learnt.trust, seen_restarts=learnt.seen_restarts, best=learnt.best)
    ceiling = learnt.best[rows.line]
    middle = learnt.medians.of(rows, medians_told(learnt.boosters, rows), told.good + told.lost)
    middle = np.maximum(middle - told.lost, 0.0)
    size = learnt.size[rows.line]
    wide = (
        spread_of(
            learnt.spread, spread_columns(rows, learnt.spread_places, middle / size), learnt.usual_error
        )
        * size
    )
    wide = np.where((rows.hours > 0) & (told.good > 0), wide, 0.0)
    quantiles = middle[:, None] + wide[:, None] * learnt.days.at(rows.line, rows.day - rows.origin)
    quantiles = centred(quantiles, learnt.days.levels, middle)
    quantiles = np.clip(quantiles, 0.0, ceiling[:, None])
    return Days(told, ratios, told.good, np.clip(middle, 0.0, ceiling), wide, ceiling, quantiles)


def spread_columns(rows: Rows, places: tuple[int, ...], middle: FloatArray) -> FloatArray:
    """Return the columns that tell how sure rows are, (r, places + 1): the last is the median itself, in usual days."""
    return np.column_stack([rows.x[:, places], middle])


def centred(quantiles: FloatArray, levels: tuple[float, ...], middle: FloatArray) -> FloatArray:
    """Return quantiles (r, levels) that do not cross, with `middle` as the median.

    A quantile on the wrong side of the middle is laid between it and the next one outside, by level, so that a band
    that has width keeps it on both sides.
    """
    away = np.array(levels) - _MIDDLE
    made = np.array(quantiles)
    own = quantiles[:, levels.index(_MIDDLE)]
    made[:, away == 0] = middle[:, None]
    for sign in (1.0, -1.0):
        inward = [k for k in np.argsort(-sign * away) if sign * away[k] > 0]  # from the outermost level
        kept = np.maximum(sign * (quantiles[:, inward[0]] - own), 0.0)
        for place, k in enumerate(inward):
            over, apart = (sign * (quantiles[:, k] - one) for one in (middle, own))
            wrong = (over < 0) | ((over == 0) & (apart > 0))
            share = 1.0 if place == 0 else abs(away[k] / away[inward[place - 1]])
            kept = np.where(wrong, kept * share, np.minimum(over, kept) if place else over)
            made[:, k] = middle + sign * kept
    return np.sort(made, axis=1)
