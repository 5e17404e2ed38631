"""The classical seasonal decomposition, over many left-aligned histories at once."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.demand.analysis.strength import seasonal_strength
from models.demand.series import BoolArray, FloatArray, IntArray

__all__ = ["Deseasonalised", "deseasonalise", "next_first", "positive", "seasonal_indices"]

_ONE_SIDED_95: Final = 1.6448536269514722  # the 95 % point of the normal distribution
_STRONG: Final = 0.64
_LEAST_SEASON: Final = 4  # shorter seasons are not tested
_STEIN: Final = 3  # a mean and two more: below four places nothing is gained by drawing in
_LEAST_INDEX: Final = 0.01  # a multiplicative index below is a season that additive indices describe


@dataclass(frozen=True)
class Deseasonalised:
    """Histories (n, T) without their season, the indices (n, season) from the first period on, and how they apply."""

    values: FloatArray
    indices: FloatArray
    multiplicative: BoolArray


def deseasonalise(values: FloatArray, lengths: IntArray, season: int) -> Deseasonalised:
    """Take the season out of the series that pass the Theta method's test of it.

    The test (Assimakopoulos and Nikolopoulos 2000; Fiorucci et al. 2016): the autocorrelation at the seasonal lag beyond
    its 95 % limit, in two seasons of history at least. A smooth season correlates at all lags and fails it for years, so
    a season that is strong after the trend is taken passes too (over 0.64, as Wang, Smith and Hyndman 2006 are used for
    seasonal differences). Indices are multiplicative where a series is positive and
    no index comes below 0.01, else additive; a series that fails has indices of 0, added.
    """
    rows, width = values.shape
    indices = np.zeros((rows, season))
    seasonal = _passes(values, lengths, season) | _strong(values, lengths, season)
    multiplicative = seasonal & positive(values, lengths)
    if multiplicative.any():
        chosen = np.flatnonzero(multiplicative)
        indices[chosen] = seasonal_indices(values[chosen], lengths[chosen], season, multiplicative=True)
        multiplicative[chosen] = (indices[chosen] >= _LEAST_INDEX).all(axis=1)
    additive = seasonal & ~multiplicative
    if additive.any():
        indices[additive] = seasonal_indices(
            values[additive], lengths[additive], season, multiplicative=False
        )
    along = indices[:, np.arange(width) % season]
    by = multiplicative[:, None]
    adjusted = np.where(by, values / np.where(by, along, 1.0), values - np.where(by, 0.0, along))
    inside = np.arange(width) < lengths[:, None]
    return Deseasonalised(np.where(inside, adjusted, 0.0), indices, multiplicative)


def seasonal_indices(
    values: FloatArray, lengths: IntArray, season: int, *, multiplicative: bool
) -> FloatArray:
    """Return the mean ratio to, or difference from, the centred moving average at each place, (n, season).

    The indices average to one, or to zero, and are drawn in where chance alone could have made them. Histories must span
    two seasons.
    """
    average = _centred_average(values, season)
    half, width = season // 2, average.shape[1]
    places = np.arange(width) + half
    inside = places < (lengths - half)[:, None]
    middle = values[:, half : half + width]
    gaps = middle / np.where(average != 0, average, 1.0) if multiplicative else middle - average
    gaps = np.where(inside, gaps, 0.0)
    sums = np.zeros((len(values), season))
    counts = np.zeros((len(values), season))
    for place in range(season):
        here = places % season == place
        sums[:, place] = gaps[:, here].sum(axis=1)
        counts[:, place] = inside[:, here].sum(axis=1)
    means = sums / np.maximum(counts, 1)
    middle_index = means.mean(axis=1, keepdims=True)
    indices = means / middle_index if multiplicative else means - middle_index
    left = np.where(inside, gaps - indices[:, places % season], 0.0)
    return _draw_in(indices, (left**2).sum(axis=1), inside.sum(axis=1), 1.0 if multiplicative else 0.0)


def _draw_in(indices: FloatArray, left: FloatArray, counted: IntArray, none: float) -> FloatArray:
    """Draw indices to no season by as much as chance alone would spread them (James and Stein; Miller and Williams 2003).

    On M3, tourism and M4 weekly, two origins each, this made Theta and ETS better or left them as they were every time.
    """
    season = indices.shape[1]
    if season <= _STEIN:
        return indices
    noise = left / np.maximum(counted - season, 1) * season / np.maximum(counted, 1)
    spread = ((indices - none) ** 2).sum(axis=1)
    kept = np.clip(1 - (season - _STEIN) * noise / np.where(spread > 0, spread, np.inf), 0.0, 1.0)
    drawn: FloatArray = none + kept[:, None] * (indices - none)
    return drawn


def next_first(indices: FloatArray, lengths: IntArray) -> FloatArray:
    """Turn indices that start at the first period into such that start at the one after the last."""
    season = indices.shape[1]
    return np.take_along_axis(indices, (lengths[:, None] + np.arange(season)) % season, axis=1)


def positive(values: FloatArray, lengths: IntArray) -> BoolArray:
    """Tell which histories are above zero throughout, (n,)."""
    inside = np.arange(values.shape[1]) < lengths[:, None]
    above: BoolArray = np.where(inside, values, np.inf).min(axis=1, initial=np.inf) > 0
    return above


def _centred_average(values: FloatArray, season: int) -> FloatArray:
    """Return the moving average over a season, (n, T - 2 * (season // 2)); for even seasons the 2 x m average."""
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    average: FloatArray = (sums[:, season:] - sums[:, :-season]) / season
    return average if season % 2 else (average[:, 1:] + average[:, :-1]) / 2


def _strong(values: FloatArray, lengths: IntArray, season: int) -> BoolArray:
    rows, width = values.shape
    if season < _LEAST_SEASON or width < 2 * season:
        return np.zeros(rows, dtype=np.bool_)
    place = np.arange(width) - (width - lengths)[:, None]
    inside = place >= 0
    ended = np.where(inside, np.take_along_axis(values, np.where(inside, place, 0), axis=1), np.nan)
    strong: BoolArray = np.nan_to_num(seasonal_strength(ended, season)) > _STRONG
    return strong & (lengths >= 2 * season)


def _passes(values: FloatArray, lengths: IntArray, season: int) -> BoolArray:
    rows, width = values.shape
    if season < _LEAST_SEASON or width < 2 * season:
        return np.zeros(rows, dtype=np.bool_)
    inside = np.arange(width) < lengths[:, None]
    mean = values.sum(axis=1) / np.maximum(lengths, 1)
    centred = np.where(inside, values - mean[:, None], 0.0)
    variation = (centred**2).sum(axis=1)
    lagged = [(centred[:, lag:] * centred[:, :-lag]).sum(axis=1) for lag in range(1, season + 1)]
    correlation = np.stack(lagged, axis=1) / np.where(variation > 0, variation, 1.0)[:, None]
    limit = _ONE_SIDED_95 * np.sqrt((1 + 2 * (correlation[:, :-1] ** 2).sum(axis=1)) / np.maximum(lengths, 1))
    passed: BoolArray = (lengths >= 2 * season) & (variation > 0) & (np.abs(correlation[:, -1]) > limit)
    return passed
