"""Exponential smoothing and seasonal profiles of many series at once, at every period from what was known then.

Arrays are time-major, (T, n), NaN where nothing was observed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.demand.series import FloatArray

__all__ = ["Profile", "delayed", "seasonal_deviation", "smooth", "smooth_trend", "straight_slope"]

_FADE: Final = 0.75  # weight of a season's figure beside the same one a season later, for long seasons
_HALF_LIFE: Final = 30  # periods after which a short season's figure counts for half
_UNJUDGED: Final = 0.75  # share of a profile believed while there is but one season of it
_SEASONS_JUDGED: Final = 4
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


def straight_slope(values: FloatArray) -> FloatArray:
    """Return the least-squares slope a row through all values so far, (T, n); 0 before there are three."""
    seen = np.isfinite(values)
    rows = np.arange(len(values), dtype=np.float64)[:, None]
    # From the first value on, so that nothing later, however large, changes so much as the rounding.
    first = np.take_along_axis(values, seen.argmax(axis=0)[None, :], axis=0)
    value, row = np.where(seen, values - first, 0.0), np.where(seen, rows, 0.0)
    count, sum_row, sum_value, sum_square, sum_product = (
        np.cumsum(part, axis=0) for part in (seen.astype(np.float64), row, value, row**2, row * value)
    )
    spread = count * sum_square - sum_row**2
    enough = count > 2  # noqa: PLR2004 - two points are no trend yet
    return np.where(enough, (count * sum_product - sum_row * sum_value) / np.where(enough, spread, 1.0), 0.0)


@dataclass(frozen=True)
class Profile:
    """Seasonal deviations from the centred moving mean, faded over the seasons: known half a season late."""

    season: int
    mean: FloatArray  # (T, n) faded mean of deviations at the same place in the season, 0 where none is known
    trust: FloatArray  # (T, n) share of it that is season and not chance, as known at each row

    @classmethod
    def of(cls, z: FloatArray, season: int) -> Self:
        """Learn the profile of (T, n). Source: classical decomposition (Macaulay 1931), made causal by its delay."""
        deviation = seasonal_deviation(z, season)
        known = np.isfinite(deviation)
        total, weight = np.where(known, deviation, 0.0), known.astype(np.float64)
        fade = max(_FADE, 0.5 ** (season / _HALF_LIFE))
        for first in range(season, len(z), season):
            block = slice(first, min(first + season, len(z)))
            before = slice(first - season, block.stop - season)
            total[block] += fade * total[before]
            weight[block] += fade * weight[before]
        mean = np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), 0.0)
        return cls(season, mean, delayed(_trust(deviation, mean, weight, season), season // 2))

    def ahead(self, step: int) -> FloatArray:
        """Return the deviation expected `step` periods after each row, (T, n); 0 where none is known."""
        back = self.season * int(np.ceil((step + self.season // 2) / self.season)) - step
        return np.nan_to_num(delayed(self.mean, back) * self.trust)


def _trust(deviation: FloatArray, mean: FloatArray, weight: FloatArray, season: int) -> FloatArray:
    """Return how far a profile is to be believed: one less the noise in its means over their size.

    The noise is what a deviation differs by from the mean of the seasons before. Source: James and Stein (1961).
    """
    before, count = delayed(mean, season), delayed(weight, season)
    surprise = np.where(
        np.isfinite(deviation) & (np.nan_to_num(count) > 0), (deviation - before) ** 2, np.nan
    )
    # One deviation and the mean of `count` faded ones both have a share in the surprise.
    noise = _trailing_mean(
        surprise / (1 + 1 / np.maximum(np.nan_to_num(count), 1.0)), _SEASONS_JUDGED * season
    )
    size = _trailing_mean(np.where(weight > 0, mean**2, np.nan), season)
    held = noise / np.maximum(_trailing_mean(weight, season), 1.0)
    judged = np.where(size > 0, np.clip(1 - held / np.where(size > 0, size, 1.0), 0.0, 1.0), 0.0)
    return np.where(np.isfinite(noise), judged, _UNJUDGED)


def _trailing_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the mean over the newest `window` rows, NaN where none of them is known."""
    known = np.isfinite(values)
    total, count = (
        np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(part, axis=0)])
        for part in (np.where(known, values, 0.0), known.astype(np.float64))
    )
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - window, 0)
    some = count[end] - count[start]
    return np.where(some > 0, (total[end] - total[start]) / np.maximum(some, 1.0), np.nan)


def seasonal_deviation(z: FloatArray, season: int) -> FloatArray:
    """Return (T, n) less the moving mean of one season around each row; NaN where there is none."""
    return z - _centred_mean(z, season)


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
