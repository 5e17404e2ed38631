"""What a series' own history says: whether it can be used, where it starts and ends, its sign."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.panels.grid import Grid
from features.panels.notes import Notes
from features.panels.rows import counted

__all__ = ["Signs", "ZeroRuns", "history_of", "signs_of", "usable", "zero_runs"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_LONGEST_HOLE: Final = 1000  # periods
_HOLE_TO_REST: Final = 10
_STEPS_TO_TELL: Final = 6  # as many equal steps are hardly chance
_STEP_SPREAD: Final = 1.15  # months have 28 to 31 days
_RETURN_SHARE: Final = 0.05
_LONG_RUN: Final = (4, 12)  # periods: at least, and at most for long seasons
_SALES_TO_TELL: Final = 3


def usable(rows: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """Refuse series without any y, with a date far off, or of a coarser frequency; number the others anew."""
    series = int(rows["code"].max() or 0) + 1  # type: ignore[arg-type]  # codes are integers
    seen = rows.filter(pl.col("y").is_not_null()).select("code", "period")
    code, period = seen["code"].to_numpy(), seen["period"].to_numpy()
    none = np.bincount(code, minlength=series) == 0
    faults = {"all_missing": none, **_odd_steps(code, period, series)}
    good = np.ones(series, dtype=bool)
    for rule, fault in faults.items():
        if fault.any():
            notes.refuse(rule, rows.filter(pl.Series(fault[rows["code"].to_numpy()])))
            good &= ~fault
    if good.all():
        return rows
    dense = np.cumsum(good) - 1
    rows = rows.filter(pl.Series(good[rows["code"].to_numpy()], dtype=pl.Boolean))
    return rows.with_columns(pl.Series("code", dense[rows["code"].to_numpy()], dtype=pl.Int64))


def _odd_steps(code: IntArray, period: IntArray, series: int) -> dict[str, BoolArray]:
    """Find series with a hole that dwarfs the rest, and series whose steps are all alike and longer than one."""
    stray, coarser = np.zeros(series, dtype=bool), np.zeros(series, dtype=bool)
    inner = code[1:] == code[:-1]
    step, owner = np.diff(period)[inner], code[1:][inner]
    if len(step):
        starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
        hole, least = np.maximum.reduceat(step, starts), np.minimum.reduceat(step, starts)
        steps, rest = np.diff(starts, append=len(step)), np.add.reduceat(step, starts) - hole
        stray[owner[starts]] = (hole > _LONGEST_HOLE) & (hole > _HOLE_TO_REST * rest)
        coarser[owner[starts]] = (least > 1) & (hole <= _STEP_SPREAD * least) & (steps >= _STEPS_TO_TELL)
    return {"stray_date": stray, "coarser_frequency": coarser}


def history_of(rows: pl.DataFrame, known: Sequence[str], notes: Notes) -> Grid:
    """Return each series from its first value to its last, with the periods that the table has.

    Names rows cut off at the start, and those at the end that bring no known driver either.
    """
    code, period = rows["code"].to_numpy(), rows["period"].to_numpy()
    y = rows["y"].fill_null(float("nan")).to_numpy()
    grid = Grid(code=code, period=period, y=y, source=np.arange(len(code)))
    seen = np.isfinite(y)
    if seen.all():
        return grid
    place = np.flatnonzero(seen)
    at = np.searchsorted(code[place], np.arange(len(grid.starts)))
    end = np.searchsorted(code[place], np.arange(len(grid.starts)), side="right") - 1
    row = np.arange(len(code))
    early, late = row < grid.spread(place[at]), row > grid.spread(place[end])
    notes.find("late_start", counted(rows.filter(pl.Series(early))))
    carrying = pl.any_horizontal(pl.col("open"), *(pl.col(name).is_not_null() for name in known))
    notes.find("missing_end", counted(rows.filter(pl.Series(late) & ~carrying)))
    return grid.take(~early & ~late)


@dataclass(frozen=True)
class Signs:
    """What the negative values of each series are."""

    non_negative: BoolArray  # one for each series: no negatives, or returns only
    returns: BoolArray  # one for each row: a return
    signed: BoolArray  # one for each series: negatives that are no returns


def signs_of(grid: Grid) -> Signs:
    """Tell few and small returns from a series that is truly signed."""
    negative = grid.y < 0  # NaN is not
    count = grid.total(negative)
    if not count.any():
        return Signs(np.ones(len(count), dtype=bool), negative, np.zeros(len(count), dtype=bool))
    plain = np.where(np.isfinite(grid.y), grid.y, 0.0)
    given_back = np.add.reduceat(np.where(negative, -plain, 0.0), grid.starts)
    sold = np.add.reduceat(np.where(negative, 0.0, plain), grid.starts)
    values = grid.total(np.isfinite(grid.y))
    few = count <= np.maximum(1, _RETURN_SHARE * values)
    non_negative = (count == 0) | few & (given_back <= _RETURN_SHARE * sold)
    return Signs(non_negative, negative & grid.spread(non_negative), ~non_negative)


@dataclass(frozen=True)
class ZeroRuns:
    """Periods without a sale at the two ends of each series, where they are long for the series."""

    leading: IntArray  # to be cut off; 0 where not long
    trailing: IntArray  # 0 where not long


def zero_runs(grid: Grid, y: FloatArray, season: int) -> ZeroRuns:
    """Find long zero runs at the start and the end: unlike the season's length and the series' other zero runs."""
    zero = y == 0
    starts = grid.starts
    nothing = np.zeros(len(starts), dtype=np.int64)
    if not zero.any():
        return ZeroRuns(nothing, nothing)
    change = np.concatenate(([True], (grid.code[1:] != grid.code[:-1]) | (zero[1:] != zero[:-1])))
    run = np.flatnonzero(change)
    length = np.diff(run, append=len(zero)) * zero[run]
    first = np.searchsorted(run, starts)
    last = np.append(first[1:], len(run)) - 1
    leading, trailing = length[first], length[last]
    sales = grid.total(~zero)
    long = max(_LONG_RUN[0], min(season, _LONG_RUN[1]))
    enough = sales >= _SALES_TO_TELL
    new = enough & (leading >= long) & (leading > 2 * _longest(length, first, skip=first))
    over = enough & (trailing >= long) & (trailing > 2 * _longest(length, first, skip=last))
    # A sparse series that starts with its first sale looks livelier than it is. On car parts at six origins the mean of
    # what followed was met best with half a season of zeros left before it; with none the error was up to twice as large.
    sparse = 4 * (grid.total(zero) - leading) >= grid.lengths - leading
    return ZeroRuns(np.where(new, leading - sparse * (long // 2), 0), np.where(over, trailing, 0))


def _longest(length: IntArray, first: IntArray, *, skip: IntArray) -> IntArray:
    """Return each series' longest zero run but one."""
    others = length.copy()
    others[skip] = 0
    longest: IntArray = np.maximum.reduceat(others, first)
    return longest
