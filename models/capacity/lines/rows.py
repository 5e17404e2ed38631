"""Rows that models of lines learn from and answer for: a line, a day and the day up to which it was seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from features.calendar import calendar_columns
from features.timeline import Frequency, Timeline
from models.capacity.lines.columns import Columns
from models.capacity.lines.grid import FACTORS, HOURS_A_DAY, BoolArray, FloatArray, IntArray, LineGrid
from models.capacity.lines.limits import LineLimits
from models.capacity.lines.state import LEAST_LEAD, WINDOWS, State, state_of

__all__ = ["Rows", "World", "rows_of", "world_of"]

_LEFT_OUT: Final = ("day_of_month", "month")  # the day of the year says as much of the season
_SINCE, _UNTIL = 60, 30  # days after and before maintenance that can still matter
_LEAST_BASE: Final = (
    0.05  # of the longest day: the usual hours never count as less, so that a season can begin
)
_PASSED: Final = 3  # maintenance not known yet that can lie between a day and one that is known
_USUAL_DAYS: Final = 91
_TRAILING_DAYS: Final = 28


@dataclass(frozen=True, eq=False)
class World:
    """A grid with its states and calendar."""

    grid: LineGrid
    state: State
    calendar: Mapping[str, FloatArray]
    limits: tuple[LineLimits, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of `line`, `day` and `origin` (places in the grid): their columns and what they are measured against.

    base (4, r): the line's level of each factor, of the schedule the usual share of the calendar that maintenance
    leaves; hours (r,): planned hours, where no shift plan is known the usual ones that maintenance leaves; usual (r,):
    the usual ones; median (r,): median of good over planned hours; trailing (r,): what was made of all planned hours of the
    last four weeks.
    """

    line: IntArray
    day: IntArray
    origin: IntArray
    x: FloatArray
    base: FloatArray
    hours: FloatArray
    usual: FloatArray
    plan_known: BoolArray
    maintained: BoolArray
    median: FloatArray
    trailing: FloatArray

    def __len__(self) -> int:
        return len(self.line)


def world_of(grid: LineGrid, as_of: date, limits: tuple[LineLimits, ...]) -> World:
    """Return a grid with its states and the calendar as it was known on `as_of`."""
    calendar = calendar_columns(Timeline(Frequency.DAY), grid.days, as_of=as_of)
    told = {name: values for name, values in calendar.items() if name not in _LEFT_OUT}
    return World(grid, state_of(grid), told, limits)


def rows_of(world: World, columns: Columns, line: IntArray, day: IntArray, origin: IntArray) -> Rows:
    """Return rows for places in the grid; no column holds anything of a day after `origin` but plans and calendar.

    A plan, a driver or maintenance counts as known for as many days ahead as the panel knows it for days to come. On
    coming days of maintenance that stops a line, its shift plan counts as none.
    """
    grid, state = world.grid, world.state
    step, coming = day - origin, day > grid.last[line]
    planned = grid.planned[line, day]
    planned = np.where(coming & _stopped(world, line, day), 0.0, planned)  # whatever the shift plan says
    plan_known = np.isfinite(planned) & (coming | (step <= grid.reach[line]))
    recent, season = state.usual_hours(line, day, origin)
    closed = (recent <= 0) & ~np.isfinite(season)
    usual = np.nan_to_num(_mean_of(recent, season), nan=HOURS_A_DAY)
    share = np.maximum(usual, _LEAST_BASE * state.longest[line, origin]) / HOURS_A_DAY
    share = np.where(closed & _has_rest_days(world, line, origin), 0.0, share)
    held = _held(world, line, day, origin)
    kept = np.where(held, state.kept[grid.maintenance[line, day], line, origin], 1.0)
    kept = np.where(held & _stopped(world, line, day), 0.0, kept)
    base = np.concatenate([(share * kept)[None], state.level[1:, line, origin]])
    hours = np.where(plan_known, np.nan_to_num(planned), share * kept * HOURS_A_DAY)
    whole = {
        "line": line.astype(np.float64),
        "profile": grid.profiles[line].astype(np.float64),
        "hours": hours,
        "hours_ratio": hours / np.maximum(_usual(state, line, origin), _LEAST_BASE),
        "plan_known": plan_known.astype(np.float64),
        "rate": grid.rate[line, day],
        "rate_ratio": _rate_ratio(world, line, day, origin),
        "step": step.astype(np.float64),
        "age": (day - state.reported[line, origin]).astype(np.float64),
        "median_level": state.median[line, origin],
    }
    whole |= {name: values[day] for name, values in world.calendar.items()}
    whole |= _maintenance(world, line, day, origin) | _recent(world, base, line, origin)
    whole |= {
        "usual_ratio": np.log((np.nan_to_num(season, nan=np.nan) + 1) / (recent + 1)),
        "schedule_last_year": state.last_year(1, 0, line, day, origin) / np.maximum(share, _LEAST_BASE),
        "performance_last_year": state.last_year(3, 2, line, day, origin) / np.maximum(base[2], _LEAST_BASE),
        "total_last_year": state.last_year(4, 1, line, day, origin),
    }
    whole |= _drivers(world, columns, line, day, origin)
    x = np.stack([whole[name] for name in columns.names], axis=1)
    median = state.median[line, origin]
    trailing = state.total(line, origin, _TRAILING_DAYS)
    return Rows(
        line=line,
        day=day,
        origin=origin,
        x=x,
        base=base,
        hours=hours,
        usual=share * HOURS_A_DAY,
        plan_known=plan_known,
        maintained=held,
        median=median,
        trailing=np.where(np.isfinite(trailing), trailing, median),
    )


def _has_rest_days(world: World, line: IntArray, origin: IntArray) -> BoolArray:
    """Tell where a line has been reported on some days but never on others, so that those are days of rest."""
    span = origin - world.grid.first[line] + 1
    rests: BoolArray = world.state.seen[line, origin] < span - 1
    return rests


def _held(world: World, line: IntArray, day: IntArray, origin: IntArray) -> BoolArray:
    """Tell on which days maintenance is known to be held."""
    held: BoolArray = (world.grid.maintenance[line, day] >= 0) & _planned_by(world, line, day, origin)
    return held


def _planned_by(world: World, line: IntArray, day: IntArray, origin: IntArray) -> BoolArray:
    """Tell whether the maintenance of a day was known at the origin; plans of days to come are those of the panel."""
    began = world.state.held_from[line, np.clip(day, 0, world.grid.size[1] - 1)]
    known: BoolArray = (day > world.grid.last[line]) | (began - origin <= world.state.lead[line, began])
    return known


def _stopped(world: World, line: IntArray, day: IntArray) -> BoolArray:
    """Tell on which days the line's profile says that maintenance stops it."""
    kinds = world.grid.kinds
    stops = np.zeros((len(world.limits), len(kinds) + 2), dtype=np.bool_)
    for row, limits in enumerate(world.limits):
        stops[row, [code for code, kind in enumerate(kinds) if kind in limits.stopping]] = True
    stopped: BoolArray = stops[line, world.grid.maintenance[line, day]]
    return stopped


def _mean_of(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the mean of two where both are known, else the one that is."""
    both = np.isfinite(first) & np.isfinite(second)
    mean: FloatArray = np.where(both, (first + second) / 2, np.where(np.isfinite(first), first, second))
    return mean


def _usual(state: State, line: IntArray, origin: IntArray) -> FloatArray:
    """Return the mean planned hours of the last quarter."""
    return np.nan_to_num(state.window(0, line, origin, _USUAL_DAYS), nan=1.0) * HOURS_A_DAY


def _rate_ratio(world: World, line: IntArray, day: IntArray, origin: IntArray) -> FloatArray:
    """Return the planned rate over that of the last reported day."""
    rate = world.grid.rate
    reported = np.maximum(world.state.reported[line, origin], 0)
    ratio: FloatArray = rate[line, day] / np.maximum(rate[line, reported], 1e-12)
    return ratio


def _maintenance(world: World, line: IntArray, day: IntArray, origin: IntArray) -> dict[str, FloatArray]:
    kinds = world.grid.maintenance
    held = _held(world, line, day, origin)
    before, after = (_nearest_known(world, line, day, origin, past=past) for past in (True, False))
    since = np.where(day - before <= _SINCE, day - before, np.nan)
    until = np.where(after - day <= _UNTIL, after - day, np.nan)
    kind_before = kinds[line, np.nan_to_num(before).astype(np.int64)]
    return {
        "kind": np.where(held, kinds[line, day], np.nan),
        "maintained": held.astype(np.float64),
        "maintenance_unknown": (~held & (day - origin > LEAST_LEAD)).astype(np.float64),
        "since": since,
        "until": until,
        "kind_before": np.where(np.isfinite(since), kind_before, np.nan),
    }


def _nearest_known(
    world: World, line: IntArray, day: IntArray, origin: IntArray, *, past: bool
) -> FloatArray:
    """Return the place of the last day of maintenance before, or the next one after, that was known at the origin.

    Those that were not known yet are passed over as if they were not there; NaN where none is known.
    """
    state = world.state
    edge, away = (state.held_from, -state.since) if past else (state.held_to, state.until)
    place = day + away[line, day]
    for _ in range(_PASSED):
        at = np.nan_to_num(place).astype(np.int64)
        unknown = np.isfinite(place) & ~_planned_by(world, line, at, origin)
        beyond = edge[line, at]
        place = np.where(unknown, beyond + away[line, beyond], place)
    known = _planned_by(world, line, np.nan_to_num(place).astype(np.int64), origin)
    return np.where(np.isfinite(place) & known, place, np.nan)


def _recent(world: World, base: FloatArray, line: IntArray, origin: IntArray) -> dict[str, FloatArray]:
    state = world.state
    found = {f"{factor}_level": base[k] for k, factor in enumerate(FACTORS)}
    level = state.level[:, line, origin]
    for k, factor in enumerate(FACTORS):
        for days in WINDOWS:
            found[f"{factor}_{days}d"] = state.window(k, line, origin, days) / np.maximum(
                level[k], _LEAST_BASE
            )
    return found | {f"total_{days}d": state.total(line, origin, days) for days in WINDOWS}


def _drivers(
    world: World, columns: Columns, line: IntArray, day: IntArray, origin: IntArray
) -> dict[str, FloatArray]:
    """Return drivers as they were known at the origin, and each over its line's mean up to there."""
    grid, found = world.grid, {}
    every = (*grid.driver_names, *grid.text_names)
    for place in columns.driver_places:
        values = grid.drivers[place]
        seen = (day > grid.last[line]) | (day - origin <= grid.driver_reach[place])
        own = np.where(seen, values[line, day], np.nan)
        found[f"driver:{every[place]}"] = own
        if place < len(grid.driver_names):
            told = np.isfinite(values)
            mean = np.cumsum(np.where(told, values, 0.0), axis=1) / np.maximum(np.cumsum(told, axis=1), 1)
            usual = mean[line, origin]
            ratio = own / np.where(np.abs(usual) > _LEAST_BASE, usual, np.nan)
            found[f"driver_ratio:{every[place]}"] = ratio
    return found
