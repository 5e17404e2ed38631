"""Complete what is known of a period, weigh it against a forecast, and tell how far off that has been before."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from models.demand.nowcasting.run_up import RunUp
from models.demand.series import FloatArray, IntArray

__all__ = ["Completed", "Prior", "complete"]

_ALIKE: Final = 0.1  # earlier periods count in which the same share of days, give or take, had been reported
_LEAST_ELAPSED: Final = 0.02  # less of a period tells nothing that could be drawn on
_OWN_RATIO: Final = 6.0  # periods of its own after which a series' run-up counts as much as its group's
_OWN_WIDTH: Final = 12.0
_FEWEST: Final = 8  # earlier points that a spread is learnt from
_SIDES: Final = 60  # residuals from which the two sides of a band are learnt each for itself
_TRIM: Final = 0.98
_TINY: Final = 1e-12


@dataclass(frozen=True)
class Prior:
    """The published forecast of n series with its band, and earlier ones.

    forecast, low, high: (n,); past: (n, P) forecasts published for earlier periods, NaN where there were none; level:
    of the band; group: (n,) codes of series that are alike.
    """

    forecast: FloatArray
    low: FloatArray
    high: FloatArray
    past: FloatArray
    level: float
    group: IntArray


@dataclass(frozen=True)
class Completed:
    """The running period of n series: orders completed (NaN where nothing can be drawn on), weight, nowcast, band."""

    completed: FloatArray
    weight: FloatArray
    nowcast: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class _Errors:
    """Errors in sizes of the series, (n, P), NaN where there is none: of completed orders and of forecasts."""

    orders: FloatArray
    forecast: FloatArray


def complete(seen: RunUp, prior: Prior) -> Completed:
    """Complete the running period of each series; see `nowcast` for how."""
    size = _sizes(seen, prior)
    completed, past = _completed(seen, prior.group, size)
    errors = _Errors((past - seen.final) / size[:, None], (prior.past - seen.final) / size[:, None])
    weight, spread = np.zeros(len(size)), np.zeros((len(size), 2))
    for group in np.unique(prior.group):
        rows = np.flatnonzero(prior.group == group)
        some = _Errors(errors.orders[rows], errors.forecast[rows])
        band = (prior.high - prior.low)[rows] / size[rows]
        weight[rows], spread[rows] = _weighed(some, band, seen.elapsed[rows, -1], prior.level)
    usable = np.isfinite(completed)
    weight = np.where(usable, weight, 0.0)
    nowcast = np.where(
        usable, weight * np.nan_to_num(completed) + (1 - weight) * prior.forecast, prior.forecast
    )
    low = np.where(usable, nowcast + spread[:, 0] * size, prior.low)
    high = np.where(usable, nowcast + spread[:, 1] * size, prior.high)
    # Where nothing was ever negative, nothing will be.
    positive = (prior.forecast >= 0) & ~(np.nan_to_num(seen.final) < 0).any(axis=1)
    return Completed(
        completed, weight, nowcast, np.where(positive, np.maximum(low, 0.0), low), np.maximum(high, nowcast)
    )


def _sizes(seen: RunUp, prior: Prior) -> FloatArray:
    """Return the usual size of each series' periods, never 0."""
    finite = np.isfinite(seen.final)
    mean = np.where(finite, np.abs(seen.final), 0.0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
    size = np.where(mean > 0, mean, np.abs(prior.forecast))
    return np.where(size > 0, size, 1.0)


def _completed(seen: RunUp, group: IntArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return completed orders of the running period (n,) and of earlier ones (n, P), each without its own run-up."""
    now, then = seen.elapsed[:, -1], seen.elapsed[:, :-1]
    alike = np.isfinite(seen.final) & (np.abs(then - now[:, None]) <= _ALIKE) & (then >= _LEAST_ELAPSED)
    came = np.where(alike, seen.known[:, :-1], 0.0) / size[:, None]
    due = np.where(alike, then * np.nan_to_num(seen.final), 0.0) / size[:, None]
    running = _ratio(came.sum(axis=1), due.sum(axis=1), group, now)
    earlier = np.ones_like(came)
    for period in range(came.shape[1]):
        others_came, others_due = came.sum(axis=1) - came[:, period], due.sum(axis=1) - due[:, period]
        earlier[:, period] = _ratio(others_came, others_due, group, now)
    usable = (now >= _LEAST_ELAPSED) & (running > _LEAST_ELAPSED) & np.isfinite(seen.final).any(axis=1)
    completed = np.where(usable, seen.known[:, -1] / np.where(usable, now * running, 1.0), np.nan)
    sound = alike & (earlier > _LEAST_ELAPSED)
    past = np.where(sound, seen.known[:, :-1] / np.where(sound, then * earlier, 1.0), np.nan)
    return completed, past


def _ratio(came: FloatArray, due: FloatArray, group: IntArray, elapsed: FloatArray) -> FloatArray:
    """Return known orders over those due by the days elapsed, each series drawn towards its group."""
    pooled_came, pooled_due = np.bincount(group, weights=came), np.bincount(group, weights=due)
    pooled = np.where(pooled_due > _TINY, pooled_came / np.maximum(pooled_due, _TINY), 1.0)[group]
    strength = _OWN_RATIO * np.maximum(elapsed, _LEAST_ELAPSED)
    return np.maximum((came + strength * pooled) / np.maximum(due + strength, _TINY), 0.0)


def _weighed(
    errors: _Errors, band: FloatArray, elapsed: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Return the weight of completed orders (n,) and the band around the nowcast in sizes of the series (n, 2)."""
    normal = NormalDist().inv_cdf((1 + level) / 2)
    by_orders = errors.orders[np.isfinite(errors.orders)]
    both = np.isfinite(errors.orders) & np.isfinite(errors.forecast)
    if len(by_orders) < _FEWEST:
        # Nothing to learn from: what has elapsed is taken as it is, the rest as forecast.
        half = np.sqrt(1 - elapsed) * band / 2
        return elapsed, np.stack([-half, half], axis=1)
    of_orders = _second_moment(by_orders, by_orders)
    if both.sum() < _FEWEST:
        of_band = np.maximum((band / (2 * normal)) ** 2, _TINY)
        weight = of_band / (of_band + of_orders)
        half = normal * np.sqrt(weight**2 * of_orders + (1 - weight) ** 2 * of_band)
        return weight, np.stack([-half, half], axis=1)
    first, second = errors.orders[both], errors.forecast[both]
    of_forecast = _second_moment(second, second)
    # A shock late in the period is missed by both. Errors of opposite sign in a few periods are chance.
    shared = max(_second_moment(first, second), 0.0)
    share = (of_forecast - shared) / max(of_orders + of_forecast - 2 * shared, _TINY)
    weight = np.full(len(band), min(max(share, 0.0), 1.0))
    missed = weight[:, None] * errors.orders + (1 - weight[:, None]) * errors.forecast
    return weight, _conformal(-missed, level)


def _second_moment(first: FloatArray, second: FloatArray) -> float:
    """Return the mean product of two errors, the wildest ones cut."""
    limits = np.quantile(np.abs(first), _TRIM), np.quantile(np.abs(second), _TRIM)
    return float((np.clip(first, -limits[0], limits[0]) * np.clip(second, -limits[1], limits[1])).mean())


def _conformal(missed: FloatArray, level: float) -> FloatArray:
    """Return the band (n, 2) that held the share `level` of what earlier nowcasts missed by, each by its own width."""
    there = np.isfinite(missed)
    squares = np.where(there, np.nan_to_num(missed) ** 2, 0.0)
    pooled = squares.sum() / max(int(there.sum()), 1)
    width = np.sqrt((squares.sum(axis=1) + _OWN_WIDTH * pooled) / (there.sum(axis=1) + _OWN_WIDTH))
    scaled = (missed / np.maximum(width, _TINY)[:, None])[there]
    if len(scaled) < _SIDES:
        half = _quantile(np.abs(scaled), level)
        return np.stack([-half * width, half * width], axis=1)
    tail = (1 + level) / 2
    return np.stack([-_quantile(-scaled, tail) * width, _quantile(scaled, tail) * width], axis=1)


def _quantile(values: FloatArray, level: float) -> float:
    """Return the split-conformal quantile: the ceil((n + 1) level)-th smallest value."""
    ordered = np.sort(values)
    place = min(int(np.ceil((len(ordered) + 1) * level)), len(ordered))
    return float(ordered[place - 1])
