"""What is learnt of a panel of lines: boosters, trust, medians and bands; and what it says of rows."""

from dataclasses import dataclass, field
from typing import Final

import lightgbm as lgb
import numpy as np

from models.capacity.lines.backtests import Backtests, backtests_of
from models.capacity.lines.bands import DAY_EDGES, WEEK_EDGES, Bands, learn_bands
from models.capacity.lines.boosters import MEDIAN, Boosters, learn_boosters, predicted, shares
from models.capacity.lines.expectation import Expectation, best_hours, expect, restarts_seen
from models.capacity.lines.grid import BoolArray, FloatArray, IntArray
from models.capacity.lines.rows import Columns, Rows, World, columns_of
from models.capacity.lines.settings import LineSettings
from models.capacity.lines.spread import learn_spread, spread_of, tested_spread
from models.capacity.lines.trust import Medians, choose_medians, choose_trust
from models.capacity.lines.weeks import Weeks, summed, weeks_of

__all__ = ["LEAST_DAYS", "Days", "JointErrors", "Learnt", "centred", "learn", "say"]

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


def learn(
    world: World, *, horizon: int, seed: int, levels: tuple[float, ...], settings: LineSettings
) -> tuple[Columns, Learnt]:
    """Learn a panel of lines; see the parts for how."""
    grid = world.grid
    columns = columns_of(world)
    end = int(grid.last.max(initial=-1))
    tests = backtests_of(world, columns, horizon=horizon, seed=seed, settings=settings)
    boosters = (
        learn_boosters(world, columns, end, horizon=horizon, seed=seed, settings=settings) if end >= 0 else {}
    )
    trust = choose_trust(world, tests)
    expected = tests.expected(world, trust)
    medians = choose_medians(world, tests, expected)
    middle = medians.of(tests.rows, tests.ratio, expected)
    open_days = tests.rows.hours > 0
    error = np.abs(tests.made - middle) / tests.size
    x = tests.rows.x[:, columns.spread_places]
    categorical = [
        at for at, place in enumerate(columns.spread_places) if columns.names[place] in columns.categorical
    ]
    spread = learn_spread(
        x[open_days], error[open_days], categorical=categorical, seed=seed, settings=settings
    )
    size = np.where(open_days, 1.0, 0.0)
    cut = tests.cut
    size = (
        size
        * tested_spread(x, error, cut, categorical=categorical, seed=seed, settings=settings)
        * tests.size
    )
    shape = {"lines": grid.size[0], "tested_days": tests.tested_days}
    counted = open_days & (size > 0)
    days = learn_bands(
        (tests.made - middle)[counted] / size[counted],
        tests.rows.line[counted],
        (tests.rows.day - tests.rows.origin)[counted],
        weight=tests.weight[counted],
        levels=levels,
        edges=DAY_EDGES,
        **shape,
    )
    weeks, week_median, joint = _learn_weeks(world, tests, expected, middle, size=size, levels=levels)
    known = grid.known & (grid.hours[1] > 0)
    planned = counted & (tests.rows.hours > 0)
    over = (tests.made[planned] / tests.rows.hours[planned]) if planned.any() else np.ones(1)
    return columns, Learnt(
        boosters=boosters,
        spread=spread,
        spread_places=columns.spread_places,
        usual_error=float(error[open_days].mean()) if open_days.any() else 0.1,
        trust=trust,
        medians=medians,
        days=days,
        weeks=weeks,
        week_median=week_median,
        plan_error=np.quantile(over, levels) if planned.any() else 1 + 0.2 * days.table[0, 0],
        best=best_hours(grid, end),
        usable=np.asarray(known.sum(axis=1) >= LEAST_DAYS),
        tested=np.bincount(tests.rows.line, minlength=grid.size[0]),
        seen_restarts=restarts_seen(grid, end),
        size=_size(world),
        joint=joint,
    )


def _size(world: World) -> FloatArray:
    """Return each line's usual planned hours a day."""
    sums, seen = world.state.sums[1, :, -1], world.state.seen[:, -1]
    mean: FloatArray = sums / np.maximum(seen, 1)
    return np.where(mean > 0, mean, 1.0)


def say(world: World, rows: Rows, learnt: Learnt) -> Days:
    """Say what rows will make: expectation, median and quantiles."""
    ratios = shares(learnt.boosters, rows)
    told = expect(world, rows, ratios, learnt.trust, seen_restarts=learnt.seen_restarts, best=learnt.best)
    ceiling = learnt.best[rows.line]
    middle = learnt.medians.of(rows, predicted(learnt.boosters, MEDIAN, rows.x), told.good)
    wide = (
        spread_of(learnt.spread, rows.x[:, learnt.spread_places], learnt.usual_error) * learnt.size[rows.line]
    )
    wide = np.where((rows.hours > 0) & (told.good > 0), wide, 0.0)
    quantiles = middle[:, None] + wide[:, None] * learnt.days.at(rows.line, rows.day - rows.origin)
    quantiles = centred(quantiles, learnt.days.levels, middle)
    quantiles = np.clip(quantiles, 0.0, ceiling[:, None])
    return Days(told, ratios, told.good, np.clip(middle, 0.0, ceiling), wide, ceiling, quantiles)


def centred(quantiles: FloatArray, levels: tuple[float, ...], middle: FloatArray) -> FloatArray:
    """Return quantiles (r, levels) that do not cross, with `middle` as the median."""
    below = np.array(levels) < _MIDDLE
    above = np.array(levels) > _MIDDLE
    made = np.where(below, np.minimum(quantiles, middle[:, None]), quantiles)
    made = np.where(above, np.maximum(made, middle[:, None]), made)
    made = np.where(~below & ~above, middle[:, None], made)
    return np.sort(made, axis=1)


def _learn_weeks(
    world: World,
    tests: Backtests,
    expected: FloatArray,
    middle: FloatArray,
    *,
    size: FloatArray,
    levels: tuple[float, ...],
) -> tuple[Bands, FloatArray, JointErrors]:
    """Learn the bands of weeks about their expected value, and how the median of a week is best told."""
    lines, rows = world.grid.size[0], tests.rows
    weeks = weeks_of(rows.line, world.grid.days[rows.day], rows.day - rows.origin, tests.cut)
    wide = np.sqrt(summed(weeks, size**2))
    made, mean, sum_of_medians = (summed(weeks, one) for one in (tests.made, expected, middle))
    counted = weeks.whole & (wide > 0)
    error = (made - mean)[counted] / wide[counted]
    bands = learn_bands(
        error,
        weeks.line[counted],
        weeks.step[counted],
        lines=lines,
        tested_days=tests.tested_days,
        levels=levels,
        edges=WEEK_EDGES,
    )
    shift = bands.at(weeks.line, weeks.step)[:, levels.index(_MIDDLE)] * wide
    weights = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.0], [0.0, 0.5]])  # of shift, of medians
    if counted.any():
        scale = np.maximum(tests.size[np.unique(weeks.of, return_index=True)[1]], 1e-9)
        gap = sum_of_medians - mean
        losses = [
            float(np.mean((np.abs(made - mean - one[0] * shift - one[1] * gap) / scale)[counted]))
            for one in weights
        ]
        chosen = weights[int(np.argmin(losses))]
    else:
        chosen = weights[4]
    return bands, chosen, _joint(weeks, error, counted, (len(tests.cutoffs), lines))


def _joint(weeks: Weeks, error: FloatArray, counted: BoolArray, shape: tuple[int, int]) -> JointErrors:
    ahead = int(weeks.step[counted].max(initial=1)) if counted.any() else 0
    values = np.full((*shape, ahead), np.nan)
    values[weeks.key[counted], weeks.line[counted], np.maximum(weeks.step[counted], 1) - 1] = error
    return JointErrors(values)
