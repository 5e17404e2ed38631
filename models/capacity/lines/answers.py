"""What a model of lines says of the days and weeks it is asked for, as arrays."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.capacity.lines.bands import Bands
from models.capacity.lines.columns import Columns
from models.capacity.lines.expectation import best_week_hours
from models.capacity.lines.grid import HOURS_A_DAY, BoolArray, FloatArray
from models.capacity.lines.learnt import Days, Learnt, centred, say
from models.capacity.lines.rows import Rows, World, rows_of
from models.capacity.lines.weeks import Weeks, summed, weeks_of

__all__ = ["FULL", "PLANNED_RATE", "SHORT_HISTORY", "Answers", "answers_of"]

FULL: Final = "full"
SHORT_HISTORY: Final = "short_history"
PLANNED_RATE: Final = "planned_rate"

_SHORT_DAYS: Final = 56
_MIDDLE: Final = 0.5


@dataclass(frozen=True, eq=False)
class Answers:
    """Rows asked for, what is said of them in hours of the planned rate, and their weeks in the line's unit.

    hours (4, r): planned, run hours, output and good output over the planned rate, as served; flags and reported days
    by line; week_forecast (w,), week_quantiles (w, levels). `served` is what was learnt, with lines that are served
    their planned rate taken from the trees.
    """

    rows: Rows
    days: Days
    served: Learnt
    weeks: Weeks
    hours: FloatArray
    flags: tuple[str, ...]
    reported: FloatArray
    week_forecast: FloatArray
    week_quantiles: FloatArray
    week_spread: FloatArray


def answers_of(world: World, columns: Columns, learnt: Learnt, levels: tuple[float, ...]) -> Answers:
    """Answer for all days that the grid asks for."""
    grid = world.grid
    line, day = np.nonzero(grid.coming)
    origin = grid.origin[line]
    rows = rows_of(world, columns, line, day, origin)
    plain = ~learnt.usable[rows.line]
    rows = _as_planned(world, rows, plain)
    served = replace(learnt, trust=learnt.trust * learnt.usable, best=_ceilings(learnt))
    days = _plain_days(say(world, rows, served), rows, plain, learnt.plan_error)
    weeks = weeks_of(rows.line, grid.days[rows.day], rows.day - rows.origin)
    rate = grid.rate[rows.line, rows.day]
    forecast = summed(weeks, days.expected * rate)
    spread = np.sqrt(summed(weeks, (days.spread * rate) ** 2))
    quantiles = _week_quantiles(
        weeks, learnt, forecast, spread, medians=summed(weeks, days.median * rate), levels=levels
    )
    unknown = ~learnt.usable[weeks.line]
    quantiles = np.where(unknown[:, None], forecast[:, None] * learnt.plan_error, quantiles)
    quantiles = centred(quantiles, levels, np.where(unknown, forecast, quantiles[:, levels.index(_MIDDLE)]))
    longest = np.minimum(days.ceiling, np.where(plain, np.inf, best_week_hours(grid)[rows.line]))
    most = np.maximum(summed(weeks, longest * rate), forecast)[:, None]
    chain = days.told.chain
    kept = np.where(chain[4] > 0, days.expected / np.maximum(chain[4], 1e-300), 1.0)
    return Answers(
        rows=rows,
        days=days,
        served=served,
        weeks=weeks,
        hours=np.stack([chain[1], chain[2], chain[3] * kept, days.expected]),
        flags=_flags(world, learnt),
        reported=world.state.seen[:, -1],
        week_forecast=forecast,
        week_quantiles=np.clip(quantiles, 0.0, np.maximum(most, 0.0)),
        week_spread=spread,
    )


def _ceilings(learnt: Learnt) -> FloatArray:
    """Return the most a line can make a day; one without history the planned rate around the clock."""
    return np.where(learnt.usable, learnt.best, HOURS_A_DAY)


def _as_planned(world: World, rows: Rows, plain: BoolArray) -> Rows:
    """Return rows whose lines without a usable history have levels as planned, and the hours of their profile."""
    if not plain.any():
        return rows
    weekday = (world.grid.days[rows.day] + 3) % 7
    week = np.array([one.week or [HOURS_A_DAY] * 7 for one in world.limits])[rows.line, weekday]
    free = world.state.seen[rows.line, -1] == 0
    usual = np.where(plain & free, week, rows.usual)
    left = np.where(rows.usual > 0, rows.base[0] * HOURS_A_DAY / np.maximum(rows.usual, 1e-12), 1.0)
    hours = np.where(plain & ~rows.plan_known, usual * left, rows.hours)
    base = np.where(plain, 1.0, rows.base)
    base[0] = np.where(plain, usual * left / HOURS_A_DAY, rows.base[0])
    return replace(rows, usual=usual, hours=hours, base=base, median=np.where(plain, 1.0, rows.median))


def _plain_days(days: Days, rows: Rows, plain: BoolArray, error: FloatArray) -> Days:
    """Return days whose lines without a usable history have the plan as their median and the errors of all plans."""
    planned = days.expected
    quantiles = np.minimum(planned[:, None] * error, days.ceiling[:, None])
    quantiles = np.sort(quantiles, axis=1)
    made = np.where(plain[:, None], quantiles, days.quantiles)
    return replace(days, median=np.where(plain, made[:, len(error) // 2], days.median), quantiles=made)


def _week_quantiles(
    weeks: Weeks,
    learnt: Learnt,
    forecast: FloatArray,
    spread: FloatArray,
    *,
    medians: FloatArray,
    levels: tuple[float, ...],
) -> FloatArray:
    bands: Bands = learnt.weeks
    quantiles = forecast[:, None] + spread[:, None] * bands.at(weeks.line, weeks.step)
    middle = levels.index(_MIDDLE)
    shift = quantiles[:, middle] - forecast
    median = forecast + learnt.week_median[0] * shift + learnt.week_median[1] * (medians - forecast)
    return centred(quantiles, levels, median)


def _flags(world: World, learnt: Learnt) -> tuple[str, ...]:
    reported = world.state.seen[:, -1]
    return tuple(
        FULL if many >= _SHORT_DAYS and tested else SHORT_HISTORY if usable else PLANNED_RATE
        for many, usable, tested in zip(reported, learnt.usable, learnt.tested > 0, strict=True)
    )
