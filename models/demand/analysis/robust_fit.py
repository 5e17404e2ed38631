"""Trend, seasons, calendar and drivers of many series at once, by robust regression: what outliers cannot bend."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.timeline import Frequency, Timeline
from models.demand.analysis.calendar_design import calendar_design
from models.demand.series import BoolArray, FloatArray, IntArray, Series

__all__ = ["RobustFit", "robust_fit", "robust_scale", "seasons_of"]

_NORMAL_MAD: Final = 1.4826
_HUBER, _BISQUARE = 1.345, 4.685  # 95 % efficient on normal noise, Maronna, Martin and Yohai (2006)
_HUBER_STEPS, _STEPS = 3, 10
_RIDGE: Final = 1e-5  # of the weights' sum, on standardised columns: decides only what the data leave open
_MOST_DUMMIES: Final = 24  # longer seasons are drawn by sines and cosines
_HARMONICS: Final = 6
_ENTRIES: Final = 4_000_000  # numbers in one batch's normal equations and weights
_FREE: Final = 3  # observations a fit needs beyond its columns
_FEWEST: Final = 5
_SMALLEST: Final = 1e-9
_LONG_SEASONS: Final = {
    Frequency.HOUR: (24.0, 168.0, 8766.0),
    Frequency.DAY: (7.0, 365.25),
    Frequency.WEEK: (52.1786,),
    Frequency.MONTH: (12.0,),
    Frequency.QUARTER: (4.0,),
}
# Knots twice as close could draw a yearly wave of their own, and trend and season would fight over it.
_KNOT_EVERY: Final = {Frequency.HOUR: 24 * 28, Frequency.DAY: 365, Frequency.WEEK: 52, Frequency.MONTH: 12}
_KNOT_ELSE: Final = 12


@dataclass(frozen=True)
class RobustFit:
    """What a series is made of as far as straight pieces, fixed seasons, calendar and drivers go, units of y.

    parts: name -> (n, T): `trend`, `season_<periods>`, `calendar`, `driver:<name>`; rest: (n, T), NaN where y is;
    scale: (n,) robust scale of the rest; fitted: (n,), False where a series is too short for it; crowding: (n,) columns
    fitted per value, which tells how far the fit may have been drawn towards wild values.
    """

    parts: Mapping[str, FloatArray]
    rest: FloatArray
    scale: FloatArray
    fitted: BoolArray
    crowding: FloatArray

    def without(self, *names: str) -> FloatArray:
        """Return what y would be without some parts, (n, T)."""
        kept = [part for name, part in self.parts.items() if name not in names]
        total: FloatArray = np.sum(kept, axis=0) + self.rest
        return total


@dataclass
class _Columns:
    """Columns of a regression and which part of the answer each belongs to."""

    names: list[str] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)

    def add(self, part: str, column: FloatArray) -> None:
        """Add a column, unless it says nothing."""
        spread = float(column.std())
        if spread > 0:
            self.names.append(part)
            self.values.append((column - column.mean()) / spread)


def seasons_of(timeline: Timeline, season: int, width: int) -> list[float]:
    """Return the seasons that a history of `width` periods can show twice, shortest first."""
    usual = _LONG_SEASONS.get(timeline.frequency, ())
    named = [] if season <= 1 or any(round(one) == season for one in usual) else [float(season)]
    return sorted(one for one in [*usual, *named] if 2 * one <= width)


def robust_scale(rest: FloatArray) -> FloatArray:
    """Return 1.4826 x the median absolute value of each row's numbers, (n,); 0 where there are none."""
    if not rest.shape[1]:
        return np.zeros(len(rest))
    ordered = np.sort(np.where(np.isfinite(rest), np.abs(rest), np.inf), axis=1)
    count = np.isfinite(rest).sum(axis=1)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, rest.shape[1] - 1)
    middle = np.stack([low, high], axis=1)
    median = np.take_along_axis(ordered, middle, axis=1).mean(axis=1)
    return np.where(count > 0, _NORMAL_MAD * median, 0.0)


def robust_fit(series: Series, *, calendar: bool = True, drivers: Sequence[str] = ()) -> RobustFit:
    """Fit every series by iterated weights (Huber, then Tukey's bisquare), missing values left out.

    calendar: whether to look for effects of the Chinese calendar; drivers: names among `series.known` and
    `series.past`. A season is fitted where a series shows it twice, the calendar where there are twice as many values
    as columns. A series with fewer than five values, or fewer than the columns of its trend, has `fitted` False and
    NaN as rest. Outliers are cut, not hidden: they stay in the rest.
    """
    n, width = series.y.shape
    parts: dict[str, FloatArray] = {"trend": np.zeros((n, width))}
    free = np.zeros(n)
    for rows, span in _alike(series):
        for chosen, columns in _designs(series, rows, span, calendar=calendar):
            free[chosen] = len(columns.names)
            for part, values in _fit(series.take(chosen), span, columns, drivers).items():
                parts.setdefault(part, np.zeros((n, width)))[chosen, width - span :] = values
    rest = np.where(free[:, None] > 0, series.y - np.sum([*parts.values()], axis=0), np.nan)
    count = np.isfinite(rest).sum(axis=1)
    # A robust fit of p columns draws the middle of n rests in by about n - p to n (measured: 60 by 17, 24 by 14).
    scale = robust_scale(rest) * count / np.maximum(count - free, 1.0)
    return RobustFit(parts, rest, scale, free > 0, free / np.maximum(count, 1))


def _alike(series: Series) -> Iterator[tuple[IntArray, int]]:
    """Yield rows that end together and are about equally long, and the longest length among them."""
    lengths = series.lengths
    doubling = np.floor(np.log2(np.maximum(lengths, 1))).astype(np.int64)
    keys = np.stack([series.last, doubling], axis=1)
    for key in np.unique(keys, axis=0):
        rows = np.flatnonzero((keys == key).all(axis=1))
        span = int(lengths[rows].max())
        if span:
            yield rows, span


def _designs(
    series: Series, rows: IntArray, span: int, *, calendar: bool
) -> Iterator[tuple[IntArray, _Columns]]:
    """Yield designs, the richest first, each with the rows that have the observations for it."""
    count = np.isfinite(series.y[rows]).sum(axis=1)
    last = int(series.last[rows[0]])
    periods = np.arange(last - span + 1, last + 1, dtype=np.int64)
    seasons = seasons_of(series.timeline, series.season, int(series.lengths[rows].min()))
    days = calendar_design(series.timeline, periods) if calendar else np.empty((span, 0))
    left = np.ones(len(rows), dtype=np.bool_)
    for with_seasons, with_calendar in ((True, True), (True, False), (False, False)):
        columns = _trend_columns(span, series.timeline.frequency)
        for season in seasons if with_seasons else ():
            _add_season(columns, periods, season)
        for column in days.T if with_calendar else ():
            columns.add("calendar", column)
        needed = 2 * len(columns.names) if with_calendar and days.size else len(columns.names) + _FREE
        enough = left & (count >= max(needed, _FEWEST))
        if enough.any():
            yield rows[enough], columns
        left &= ~enough


def _trend_columns(span: int, frequency: Frequency) -> _Columns:
    columns = _Columns(["trend"], [np.ones(span)])
    time = np.arange(span, dtype=np.float64)
    every = _KNOT_EVERY.get(frequency, _KNOT_ELSE)
    for knot in [0, *range(every, span - every + 1, every)]:
        columns.add("trend", np.maximum(time - knot, 0.0))
    return columns


def _add_season(columns: _Columns, periods: IntArray, season: float) -> None:
    part = f"season_{season:.0f}"
    if season == round(season) and season <= _MOST_DUMMIES:
        position = np.mod(periods, round(season))
        for place in range(1, round(season)):
            columns.add(part, (position == place) - 1.0 * (position == 0))
        return
    for harmonic in range(1, _HARMONICS + 1):
        angle = 2 * np.pi * harmonic * periods / season
        columns.add(part, np.sin(angle))
        columns.add(part, np.cos(angle))


def _fit(series: Series, span: int, columns: _Columns, drivers: Sequence[str]) -> dict[str, FloatArray]:
    step = max(1, _ENTRIES // max(span * 4, len(columns.names) ** 2))
    design = np.stack(columns.values, axis=1)
    pieces: list[dict[str, FloatArray]] = []
    for start in range(0, len(series), step):
        part = series.take(np.arange(start, min(start + step, len(series)), dtype=np.int64))
        effects = _drivers(part, span, drivers)
        coefficients, slopes = _iterate(part.y[:, -span:], design, effects)
        pieces.append(
            _taken_apart(coefficients, design, columns.names)
            | {f"driver:{name}": slopes[name][:, None] * effects[name] for name in effects}
        )
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _drivers(series: Series, span: int, names: Sequence[str]) -> dict[str, FloatArray]:
    """Return each driver less its usual (middle) value, missing values as usual ones, (n, span)."""
    width = series.y.shape[1]
    found = {}
    for name in names:
        values = (series.known if name in series.known else series.past)[name][:, width - span : width]
        ordered = np.sort(values, axis=1)  # NaN last
        middle = np.maximum(np.isfinite(values).sum(axis=1) - 1, 0) // 2
        usual = np.take_along_axis(ordered, middle[:, None], axis=1)
        found[name] = np.nan_to_num(values - usual)
    return found


def _iterate(
    y: FloatArray, design: FloatArray, drivers: Mapping[str, FloatArray]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return coefficients (n, p) of the design and the slope (n,) of each driver; these are fitted in turns."""
    seen = np.isfinite(y)
    filled = np.where(seen, y, 0.0)
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    slopes = {name: np.zeros(len(y)) for name in drivers}
    weights: FloatArray = seen.astype(np.float64)
    floor = _SMALLEST * np.abs(filled).max(axis=1, initial=0.0) + np.finfo(np.float64).tiny
    for number in range(_STEPS + 1):
        effects = [slopes[name][:, None] * drivers[name] for name in drivers]
        rest: FloatArray = filled - np.sum(effects, axis=0) if effects else filled
        coefficients = _solved(weights, squares, design, rest)
        rest = np.subtract(rest, coefficients @ design.T)
        for name, values in drivers.items():
            more = _slope(weights, values, rest)
            slopes[name] += more
            rest = np.subtract(rest, more[:, None] * values)
        size = np.maximum(robust_scale(np.where(seen, rest, np.nan)), floor)[:, None]
        weights = np.where(seen, _weights(np.abs(rest) / size, number), 0.0)
    return coefficients, slopes


def _solved(weights: FloatArray, squares: FloatArray, design: FloatArray, target: FloatArray) -> FloatArray:
    p = design.shape[1]
    normal = (weights @ squares).reshape(len(weights), p, p)
    ridge = _RIDGE * np.maximum(weights.sum(axis=1), 1.0)
    normal += ridge[:, None, None] * np.diag([0.0] + [1.0] * (p - 1))
    normal[:, 0, 0] += _SMALLEST  # all weights may be 0
    solved = np.linalg.solve(normal, ((weights * target) @ design)[:, :, None])
    return np.asarray(solved[:, :, 0], dtype=np.float64)


def _slope(weights: FloatArray, values: FloatArray, rest: FloatArray) -> FloatArray:
    """Return the slope of the rest on a driver; on one that never moves, 0."""
    spread = (weights * values**2).sum(axis=1)
    return np.asarray(
        (weights * values * rest).sum(axis=1) / np.where(spread > 0, spread, 1.0), dtype=np.float64
    )


def _weights(size: FloatArray, number: int) -> FloatArray:
    """Return weights of rests counted in robust scales: Huber's while the fit is still rough, then the bisquare."""
    if number < _HUBER_STEPS:
        return np.minimum(1.0, _HUBER / np.maximum(size, _HUBER))
    return np.clip(1.0 - (size / _BISQUARE) ** 2, 0.0, None) ** 2


def _taken_apart(coefficients: FloatArray, design: FloatArray, names: Sequence[str]) -> dict[str, FloatArray]:
    parts = {}
    for part in dict.fromkeys(names):
        these = [number for number, name in enumerate(names) if name == part]
        parts[part] = coefficients[:, these] @ design[:, these].T
    return parts
