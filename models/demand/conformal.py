"""Bands from what the backtests missed by: pooled, scaled conformal residuals by kind of series and step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.isotonic import isotonic_regression

from models.demand.measures import naive_scale
from models.demand.series import BoolArray, FloatArray, Series

__all__ = ["Bands", "learn_bands", "scale_at", "series_scale"]

_ENOUGH: Final = 300  # errors around a step; fewer are helped out by neighbouring steps
_SIGNED: Final = 100  # below so many errors both sides are taken to be alike
_OWN_ERRORS: Final = (
    24.0  # as many errors of its own as count as much as the kind's, for the width of a series' band
)
_LUCK: Final = 0.25  # so much wider with one cutoff; half of it with two
_LEVEL_PERIODS: Final = 6  # at least so many periods make a level
_MOST_GROWN: Final = 10.0  # times, between a cutoff and now
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


def scale_at(series: Series, backs: Sequence[int], non_negative: BoolArray) -> FloatArray:
    """Return the scale of each series as it was at each cutoff, (b, n).

    A series that has grown fivefold missed by less when it was small: errors of series that are never negative are
    divided by the scale times the level (mean of the last season) at the cutoff over the level now.
    """
    y = np.where(series.observed, series.y, np.nan)
    span = max(series.season, _LEVEL_PERIODS)
    now, scale = _level(y[:, -span:]), series_scale(series)
    scales = np.empty((len(backs), len(series)))
    for place, back in enumerate(backs):
        end = y.shape[1] - back
        with np.errstate(invalid="ignore", divide="ignore"):
            grown = _level(y[:, max(end - span, 0) : end]) / now
        usable = non_negative & np.isfinite(grown) & (grown > 0)
        scales[place] = scale * np.clip(np.where(usable, grown, 1.0), 1 / _MOST_GROWN, _MOST_GROWN)
    return scales


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
    Gammerman and Shafer 2005). With few
    errors the two sides are taken to be alike; without any, errors of all groups serve, and without these the naive
    scale times a normal's quantile that grows with the square root of the step. All errors made at one cutoff share its
    luck, so with few cutoffs bands are wider than the errors say.
    """
    names = tuple(sorted(set(groups)))
    group_of = np.array(groups)
    relative = _own_width(errors, group_of)
    normed = errors / relative[None, :, None]
    everything = _steps(normed)
    table = np.stack(
        [_quantile_table(_steps(normed[:, group_of == name]), everything, np.array(levels)) for name in names]
    )
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
    shrunk = (own * counts + pooled * _OWN_ERRORS) / (counts + _OWN_ERRORS)
    return np.maximum(shrunk, _SMALLEST)


def _steps(errors: FloatArray) -> list[FloatArray]:
    """Return the finite errors of each step."""
    flat = errors.reshape(-1, errors.shape[-1]).T if errors.size else np.empty((errors.shape[-1], 0))
    return [column[np.isfinite(column)] for column in flat]


def _quantile_table(own: list[FloatArray], everything: list[FloatArray], levels: FloatArray) -> FloatArray:
    steps = own if sum(map(len, own)) else everything
    growth = _growth(steps)
    rows = []
    for step in range(len(steps)):
        pooled = _around(steps, growth, step)
        rows.append(growth[step] * _conformal(pooled, levels))
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
    growing: FloatArray = isotonic_regression(blended, sample_weight=counts + 1)
    return np.maximum(growing, _SMALLEST)


def _around(steps: list[FloatArray], growth: FloatArray, step: int) -> FloatArray:
    """Pool the errors of the nearest steps, each in units of its own growth, until there are enough."""
    reach = 0
    while True:
        near = range(max(step - reach, 0), min(step + reach + 1, len(steps)))
        pooled = np.concatenate([steps[one] / growth[one] for one in near])
        if len(pooled) >= _ENOUGH or len(near) == len(steps):
            return pooled
        reach += 1


def _conformal(errors: FloatArray, levels: FloatArray) -> FloatArray:
    """Return conformal quantiles of scaled errors."""
    if not len(errors):
        errors = _normal_errors()
    if len(errors) < _SIGNED:
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
