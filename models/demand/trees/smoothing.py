"""Exponential smoothing and seasonal profiles of many series at once, at every period from what was known then.

Arrays are time-major, (T, n), NaN where nothing was observed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.demand.series import FloatArray

__all__ = ["Profile", "delayed", "smooth", "smooth_trend"]

_FADE: Final = 0.7  # weight of a season's figure beside the same one a season later
_SHRINK: Final = 0.3  # a profile is drawn to zero as if by so many flat seasons
_FILLED: Final = 0.6  # least share of observed periods under a moving mean


def delayed(values: FloatArray, periods: int) -> FloatArray:
    """Return what was there `periods` rows earlier; NaN before the first."""
    if periods == 0:
        return values
    moved = np.full_like(values, np.nan)
    if periods < len(values):
        moved[periods:] = values[:-periods]
    return moved


def smooth(values: FloatArray, rates: Sequence[float]) -> FloatArray:
    """Smooth exponentially at several rates, (T, rates, ...); missing values leave the level as it is.

    Early on the rate is one over the values seen so far: the plain mean. Source: Brown (1959).
    """
    rate = np.asarray(rates).reshape((-1,) + (1,) * (values.ndim - 1))
    level = np.full((len(rates), *values.shape[1:]), np.nan)
    seen = np.cumsum(np.isfinite(values), axis=0)
    levels = np.empty((len(values), *level.shape))
    for now, value in enumerate(values):
        pull = np.maximum(rate, 1 / np.maximum(seen[now], 1))
        moved = np.where(np.isfinite(level), level + pull * (value - level), value)
        level = np.where(np.isfinite(value), moved, level)
        levels[now] = level
    return levels


def smooth_trend(
    values: FloatArray, rates: tuple[float, float], damping: float
) -> tuple[FloatArray, FloatArray]:
    """Smooth level and damped trend, two of (T, n); missing values let both run on.

    Source: Gardner and McKenzie (1985), exponential smoothing with a damped trend.
    """
    level, trend = np.full(values.shape[1:], np.nan), np.zeros(values.shape[1:])
    seen = np.cumsum(np.isfinite(values), axis=0)
    levels, trends = np.empty_like(values), np.empty_like(values)
    for now, value in enumerate(values):
        count = np.maximum(seen[now], 1)
        expected = level + damping * trend
        surprise = np.where(np.isfinite(value) & np.isfinite(expected), value - expected, 0.0)
        started = np.where(np.isfinite(level), expected, value)
        level = started + np.maximum(rates[0], 1 / count) * surprise
        learns = np.maximum(rates[1], 0.5 / count) * (count > 2)  # noqa: PLR2004 - two points are no trend yet
        trend = damping * trend + learns * np.maximum(rates[0], 1 / count) * surprise
        levels[now], trends[now] = level, trend
    return levels, trends


@dataclass(frozen=True)
class Profile:
    """Seasonal deviations from the centred moving mean, faded over the seasons: known half a season late."""

    season: int
    total: FloatArray  # (T, n) faded sum of deviations at the same place in the season
    weight: FloatArray  # (T, n) faded count of them

    @classmethod
    def of(cls, z: FloatArray, season: int) -> Self:
        """Learn the profile of (T, n). Source: classical decomposition (Macaulay 1931), made causal by its delay."""
        deviation = z - _centred_mean(z, season)
        known = np.isfinite(deviation)
        total, weight = np.where(known, deviation, 0.0), known.astype(np.float64)
        for first in range(season, len(z), season):
            block = slice(first, min(first + season, len(z)))
            before = slice(first - season, block.stop - season)
            total[block] += _FADE * total[before]
            weight[block] += _FADE * weight[before]
        return cls(season, total, weight)

    def ahead(self, step: int) -> FloatArray:
        """Return the deviation expected `step` periods after each row, (T, n); 0 where none is known."""
        back = self.season * int(np.ceil((step + self.season // 2) / self.season)) - step
        total, weight = delayed(self.total, back), delayed(self.weight, back)
        return np.where(weight > 0, np.nan_to_num(total) / (np.nan_to_num(weight) + _SHRINK), 0.0)


def _centred_mean(z: FloatArray, season: int) -> FloatArray:
    """Return the 2 x m moving mean around each period; NaN at the ends and where too little was observed."""
    half = season // 2
    seen = np.isfinite(z)
    rows = np.arange(len(z))
    inside = (rows >= half) & (rows + half < len(z))
    low, high = np.where(inside, rows - half, 0), np.where(inside, rows + half, 0)
    sums = [_window(part, low, high, season) for part in (np.where(seen, z, 0.0), seen.astype(np.float64))]
    enough = inside[:, None] & (sums[1] >= _FILLED * season)
    return np.where(enough, sums[0] / np.maximum(sums[1], 1), np.nan)


def _window(values: FloatArray, low: np.ndarray, high: np.ndarray, season: int) -> FloatArray:
    """Sum from `low` to `high`, both included; of an even season both ends count half."""
    running = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    total: FloatArray = running[high + 1] - running[low]
    if season % 2 == 0:
        total = total - (values[low] + values[high]) / 2
    return total
