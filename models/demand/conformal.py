"""Bands from what the backtests missed by: pooled, scaled conformal residuals by kind of series and step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import isotonic_regression

from models.demand.measures import naive_scale
from models.demand.series import BoolArray, FloatArray, Series

__all__ = ["Bands", "learn_bands", "scale_at", "series_scale", "typical_miss"]

_ENOUGH: Final = 300  # errors around a step; fewer are helped out by neighbouring steps
_SIGNED: Final = 60  # series times cutoffs; below so many both sides of a band are taken to be alike
_OWN_ERRORS: Final = (
    24.0  # as many errors of its own as count as much as the kind's, for the width of a series' band
)
_LUCK: Final = 0.4  # so much wider with one cutoff; half of it with two
_LEVEL_PERIODS: Final = 6  # at least so many periods make a level
_MOST_GROWN: Final = 10.0  # times, between a cutoff and now
_PRIOR: Final = 2.0  # as much as so much squared log growth says that errors grow as levels do
_UNMOVED_SHARE: Final = 0.1  # of its level, for a series that never moved
_SMALLEST: Final = 1e-9


@dataclass(frozen=True)
class Bands:
    """Quantiles of scaled errors: table (g, h, q) for g groups of series, h steps, q levels.

    A series' quantile is its forecast plus its width times the table's entry; widths: (n,) in units of y.
    """

    levels: tuple[float, ...]
    groups: tuple[str, ...]
    table: FloatArray
    width: FloatArray
    group_of: tuple[str, ...]

    def quantiles(self, forecast: FloatArray) -> FloatArray:
        """Return (n, h, q) quantiles around an (n, h) forecast; past the table's last step they grow like its square root."""
        horizon = forecast.shape[1]
        index = np.array([self.groups.index(one) for one in self.group_of], dtype=np.int64)
        spread = _extended(self.table, horizon)[index] * self.width[:, None, None]
        quantiles: FloatArray = forecast[:, :, None] + spread
        return quantiles


def _extended(table: FloatArray, horizon: int) -> FloatArray:
    steps = table.shape[1]
    if horizon <= steps:
        return table[:, :horizon]
    growth = np.sqrt(np.arange(steps + 1, horizon + 1) / steps)
    return np.concatenate([table, table[:, -1:, :] * growth[None, :, None]], axis=1)


def series_scale(series: Series) -> FloatArray:
    """Return the size of each series' usual movement, (n,), never zero: what errors are divided by."""
    y = np.where(series.observed, series.y, np.nan)
    scale = naive_scale(y, series.season)
    return np.where(np.isfinite(scale), scale, np.maximum(_level(y) * _UNMOVED_SHARE, _SMALLEST))


def scale_at(
    series: Series, backs: Sequence[int], errors: FloatArray, *, non_negative: BoolArray
) -> FloatArray:
    """Return the scale of each series as it was at each cutoff, (b, n).

    A series that has grown fivefold may have missed by less when it was small: the scale goes with the level (mean of
    the last season) at the cutoff over the level now, to a power between 0 and 1 that the backtests' errors (b, n, h, in
    units of y) tell. Series that may be negative have no such level.
    """
    growth = _growth_since(series, backs) if backs else np.empty((0, len(series)))
    growth = np.where(non_negative, growth, 1.0)
    return series_scale(series)[None, :] * growth ** _elasticity(errors, growth)


def typical_miss(errors: FloatArray) -> FloatArray:
    """Return the mean size of the members' errors, (m, b, n, h) -> (b, n, h), NaN where none has one."""
    known = np.isfinite(errors)
    count = known.sum(axis=0)
    total = np.where(known, np.abs(errors), 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _growth_since(series: Series, backs: Sequence[int]) -> FloatArray:
    """Return each series' level at the cutoffs over its level now, (b, n); 1 where it cannot be told."""
    y = np.where(series.observed, series.y, np.nan)
    span, width = max(series.season, _LEVEL_PERIODS), y.shape[1]
    then = np.stack([_level(y[:, max(width - back - span, 0) : width - back]) for back in backs])
    now = _level(y[:, -span:])
    known = (then > 0) & (now > 0)
    growth = np.where(known, then, 1.0) / np.where(known, now, 1.0)
    return np.clip(growth, 1 / _MOST_GROWN, _MOST_GROWN)


def _elasticity(errors: FloatArray, growth: FloatArray) -> float:
    """Return by how many percent errors grow when a series' level grows by one, 0 to 1.

    The slope of log mean absolute error on log growth within series, drawn to 1.
    """
    seen = np.isfinite(errors).all(axis=2) & (np.abs(errors).sum(axis=2) > 0)
    size = np.log(np.where(seen, np.abs(np.where(seen[:, :, None], errors, 1.0)).mean(axis=2), 1.0))
    level = np.where(seen, np.log(growth), 0.0)
    count = np.maximum(seen.sum(axis=0), 1)
    level = np.where(seen, level - level.sum(axis=0) / count, 0.0)
    slope = ((level * size).sum() + _PRIOR) / ((level**2).sum() + _PRIOR)
    return float(np.clip(slope, 0.0, 1.0))


def _level(y: FloatArray) -> FloatArray:
    """Return the mean size of the known values, (n,), zero without any."""
    known = np.isfinite(y)
    level: FloatArray = np.where(known, np.abs(y), 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return level


def learn_bands(
    errors: FloatArray, scale: FloatArray, groups: Sequence[str], levels: Sequence[float]
) -> Bands:
    """Learn bands from scaled errors (actual minus forecast) of backtests.

    errors: (b, n, h), NaN where there is none; scale: (n,) what errors were divided by, in units of y. A series whose
    own errors are wide gets a wide band: its width is its mean absolute error, shrunk to its group's. Quantiles are the
    (N + 1) level-th smallest of N pooled errors, between two of them by their distance (split conformal; Vovk,
    Gammerman and Shafer 2005). They are centred on the forecast: what all series missed by at a few cutoffs says little
    of the next one. With few series and cutoffs the two sides are taken to be alike; without any, errors of all groups
    serve, and without these the naive scale times a normal's quantile that grows with the square root of the step. All
    errors made at one cutoff share its luck, so with few cutoffs bands are wider than the errors say.
    """
    names = tuple(sorted(set(groups)))
    group_of = np.array(groups)
    relative = _own_width(errors, group_of)
    normed = errors / relative[None, :, None]
    everything, wanted = _steps(normed), np.array(levels)
    tables = []
    for name in names:
        own = normed[:, group_of == name]
        even = int(np.isfinite(own).any(axis=2).sum()) < _SIGNED
        tables.append(_quantile_table(_steps(own), everything, wanted, even=even))
    table = np.stack(tables)
    luck = 1 + _LUCK / max(len(errors), 1)
    return Bands(tuple(levels), names, table, luck * relative * scale, tuple(groups))


def _own_width(errors: FloatArray, group_of: FloatArray) -> FloatArray:
    """Return each series' mean absolute scaled error, shrunk to the group's, (n,)."""
    sizes = np.abs(errors)
    counts = np.isfinite(sizes).sum(axis=(0, 2))
    own = np.nansum(sizes, axis=(0, 2)) / np.maximum(counts, 1)
    pooled = np.ones(len(own))
    for name in np.unique(group_of):
        rows = (group_of == name) & (counts > 0)
        if rows.any():
            pooled[group_of == name] = own[rows].mean()
    shrunk: FloatArray = (own * counts + pooled * _OWN_ERRORS) / (counts + _OWN_ERRORS)
    return np.maximum(shrunk, _SMALLEST)


def _steps(errors: FloatArray) -> list[FloatArray]:
    """Return the finite errors of each step."""
    flat = errors.reshape(-1, errors.shape[-1]).T if errors.size else np.empty((errors.shape[-1], 0))
    return [column[np.isfinite(column)] for column in flat]


def _quantile_table(
    own: list[FloatArray], everything: list[FloatArray], levels: FloatArray, *, even: bool
) -> FloatArray:
    steps = own if sum(map(len, own)) else everything
    growth = _growth(steps)
    rows = []
    for step in range(len(steps)):
        pooled = _around(steps, growth, step)
        rows.append(growth[step] * _conformal(pooled, levels, even=even))
    return np.array(rows)


def _growth(steps: list[FloatArray]) -> FloatArray:
    """Return how the errors' size grows with the step, smoothed and never falling, (h,)."""
    counts = np.array([len(errors) for errors in steps], dtype=np.float64)
    if not counts.sum():
        return np.sqrt(np.arange(1, len(steps) + 1, dtype=np.float64))
    sizes = np.array([np.abs(errors).mean() if len(errors) else 0.0 for errors in steps])
    number = np.arange(1, len(steps) + 1, dtype=np.float64)
    prior = np.sqrt(number) * (counts @ sizes) / max(counts @ np.sqrt(number), _SMALLEST)
    # A handful of errors a step says little of that step: blend with growth like a random walk's.
    blended = (counts * sizes + _OWN_ERRORS * prior) / (counts + _OWN_ERRORS)
    growing: FloatArray = isotonic_regression(blended, weights=counts + 1).x
    return np.maximum(growing, _SMALLEST)


def _around(steps: list[FloatArray], growth: FloatArray, step: int) -> FloatArray:
    """Pool the errors of the nearest steps, each in units of its own growth, until there are enough."""
    enough = np.concatenate([[0], np.cumsum([len(errors) for errors in steps])])
    reach = np.arange(len(steps))
    first, end = np.maximum(step - reach, 0), np.minimum(step + reach + 1, len(steps))
    whole = (enough[end] - enough[first] >= _ENOUGH) | (end - first == len(steps))
    nearest = int(whole.argmax())
    return np.concatenate([steps[one] / growth[one] for one in range(first[nearest], end[nearest])])


def _conformal(errors: FloatArray, levels: FloatArray, *, even: bool) -> FloatArray:
    """Return conformal quantiles of scaled errors about their median; both sides alike where `even`."""
    if not len(errors):
        errors = _normal_errors()
    errors = errors - np.median(errors)
    if even:
        errors = np.concatenate([errors, -errors])
    ordered = np.sort(errors)
    place = (len(ordered) + 1) * levels - 1
    low = np.clip(np.floor(place), 0, len(ordered) - 1).astype(np.int64)
    high = np.clip(low + 1, 0, len(ordered) - 1)
    share = np.clip(place - low, 0.0, 1.0)
    quantiles: FloatArray = ordered[low] * (1 - share) + ordered[high] * share
    return quantiles


def _normal_errors() -> FloatArray:
    """Return a normal's errors with mean absolute size one: all that is known of a series never tested."""
    from scipy.special import ndtri  # noqa: PLC0415 - only for panels without any backtest

    errors: FloatArray = ndtri(np.linspace(0.005, 0.995, 199)) / np.sqrt(2 / np.pi)
    return errors
