"""Learn a panel of lines: boosters, how far to trust them, medians, and bands of days and of weeks from backtests."""

from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np

from models.capacity.lines.backtests import Backtests, backtests_of
from models.capacity.lines.bands import DAY_EDGES, WEEK_EDGES, Bands, learn_bands
from models.capacity.lines.boosters import learn_boosters
from models.capacity.lines.columns import Columns, columns_of
from models.capacity.lines.expectation import best_hours, restarts_seen
from models.capacity.lines.grid import BoolArray, FloatArray
from models.capacity.lines.learnt import LEAST_DAYS, JointErrors, Learnt, spread_columns
from models.capacity.lines.rows import World
from models.capacity.lines.settings import LineSettings
from models.capacity.lines.spread import learn_spread, tested_spread
from models.capacity.lines.trust import choose_medians, choose_trust
from models.capacity.lines.weeks import Weeks, summed, weeks_of

__all__ = ["learn"]

_MIDDLE: Final = 0.5
_SMALLEST: Final = 1e-9
_UNTESTED_ERROR: Final = 0.1  # of a usual day, where no backtest tells


@dataclass(frozen=True, eq=False)
class _Spread:
    """How far tested days lie from their median: the booster, its usual error in days, and what it says (r,) in hours.

    `counted` tells the days that were to be open, whose errors make the bands.
    """

    booster: lgb.Booster | None
    usual_error: float
    size: FloatArray
    counted: BoolArray


def learn(
    world: World, *, horizon: int, seed: int, levels: tuple[float, ...], settings: LineSettings
) -> tuple[Columns, Learnt]:
    """Learn a panel of lines; see the parts for how."""
    grid, columns = world.grid, columns_of(world.grid, world.calendar)
    end = int(grid.last.max(initial=-1))
    how = {"horizon": horizon, "seed": seed}
    tests = backtests_of(world, columns, settings=settings, **how)
    trust = choose_trust(world, tests)
    expected = tests.expected(world, trust)
    medians = choose_medians(world, tests, expected)
    middle = medians.of(tests.rows, tests.ratios, expected)
    spread = _learn_spread(columns, tests, middle, seed=seed, settings=settings)
    days = _learn_days(world, tests, middle, spread, levels)
    weeks, week_median, joint = _learn_weeks(world, tests, expected, middle, size=spread.size, levels=levels)
    return columns, Learnt(
        boosters=learn_boosters(world, columns, end, settings=settings, **how) if end >= 0 else {},
        spread=spread.booster,
        spread_places=columns.spread_places,
        usual_error=spread.usual_error,
        trust=trust,
        medians=medians,
        days=days,
        weeks=weeks,
        week_median=week_median,
        plan_error=_plan_error(tests, spread.counted, days),
        best=best_hours(grid, end),
        usable=np.asarray((grid.known & (grid.hours[1] > 0)).sum(axis=1) >= LEAST_DAYS),
        tested=np.bincount(tests.rows.line, minlength=grid.size[0]),
        seen_restarts=restarts_seen(grid, end),
        size=_size(world),
        joint=joint,
    )


def _learn_spread(
    columns: Columns, tests: Backtests, middle: FloatArray, *, seed: int, settings: LineSettings
) -> _Spread:
    """Learn the size of errors of open days, and tell it of each tested day by a booster that did not see it."""
    open_days = tests.rows.hours > 0
    error = np.abs(tests.made - middle) / tests.size
    places = columns.spread_places
    x = spread_columns(tests.rows, places, middle / tests.size)
    categories = [at for at, place in enumerate(places) if columns.names[place] in columns.categorical]
    booster = learn_spread(
        x[open_days], error[open_days], categorical=categories, seed=seed, settings=settings
    )
    told = tested_spread(x, error, tests.cut, categorical=categories, seed=seed, settings=settings)
    size = np.where(open_days, told * tests.size, 0.0)
    usual = float(error[open_days].mean()) if open_days.any() else _UNTESTED_ERROR
    return _Spread(booster, usual, size, open_days & (size > 0))


def _learn_days(
    world: World, tests: Backtests, middle: FloatArray, spread: _Spread, levels: tuple[float, ...]
) -> Bands:
    """Learn the bands of days about their median."""
    rows, counted = tests.rows, spread.counted
    return learn_bands(
        (tests.made - middle)[counted] / spread.size[counted],
        rows.line[counted],
        (rows.day - rows.origin)[counted],
        weight=tests.weight[counted],
        lines=world.grid.size[0],
        tested_days=tests.tested_days,
        levels=levels,
        edges=DAY_EDGES,
    )


def _plan_error(tests: Backtests, counted: BoolArray, days: Bands) -> FloatArray:
    """Return quantiles of what was made of the planned hours, over all lines' backtests."""
    if not counted.any():
        return np.asarray(1 + 0.2 * days.table[0, 0], dtype=np.float64)
    return np.asarray(np.quantile(tests.made[counted] / tests.rows.hours[counted], days.levels))


def _size(world: World) -> FloatArray:
    """Return each line's usual planned hours a day."""
    sums, seen = world.state.sums[1, :, -1], world.state.seen[:, -1]
    mean: FloatArray = sums / np.maximum(seen, 1)
    return np.where(mean > 0, mean, 1.0)


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
    told = (made - mean, shift, sum_of_medians - mean)
    scale = np.maximum(tests.size[np.unique(weeks.of, return_index=True)[1]], _SMALLEST)
    chosen = _week_median([(one / scale)[counted] for one in told])
    return bands, chosen, _joint(weeks, error, counted, (len(tests.cutoffs), lines))


def _week_median(told: list[FloatArray]) -> FloatArray:
    """Return the shares of the band's own median and of the sum of medians that tell a week's median best, (2,)."""
    weights = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.0], [0.0, 0.5]])
    error, shift, gap = told
    if not len(error):
        return np.asarray(weights[-1])
    losses = [float(np.mean(np.abs(error - one[0] * shift - one[1] * gap))) for one in weights]
    return np.asarray(weights[int(np.argmin(losses))])


def _joint(weeks: Weeks, error: FloatArray, counted: BoolArray, shape: tuple[int, int]) -> JointErrors:
    ahead = int(weeks.step[counted].max(initial=1)) if counted.any() else 0
    values = np.full((*shape, ahead), np.nan)
    values[weeks.key[counted], weeks.line[counted], np.maximum(weeks.step[counted], 1) - 1] = error
    return JointErrors(values)
