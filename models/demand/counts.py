"""Quantiles of demand that comes in whole pieces, from its mean and a negative binomial."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.demand.series import BoolArray, FloatArray

__all__ = ["are_counts", "count_quantiles", "learn_dispersion"]

_SMALLEST_MEAN: Final = 0.02  # a mean below says that nearly nothing is known, not that a piece is a miracle
_LEAST: Final = 0.02  # a dispersion of 0 would be Poisson; demand never is, as its mean is not known exactly
_POOL: Final = 10.0  # the pool counts as much as so many squared mean demands
_SUMMED: Final = 400  # probabilities are added up to this count; what lies beyond goes to SciPy


def are_counts(history: FloatArray) -> BoolArray:
    """Tell which series hold whole numbers from zero on only, (n,); history (n, T) with NaN where nothing is."""
    known = np.isfinite(history)
    whole = (history >= 0) & (history == np.round(history))
    counts: BoolArray = (whole | ~known).all(axis=1) & known.any(axis=1)
    return counts


def learn_dispersion(actual: FloatArray, mean: FloatArray, groups: Sequence[str]) -> FloatArray:
    """Learn a of Var = mean + a * mean**2 for each series, (n,), from forecasts and what came.

    actual, mean: (n, k), any number of pairs a series (the steps of its backtests, or one-step means), NaN where there
    is none; groups: the class of each series. By moments: the sum of (y - mean)**2 - mean over the sum of mean**2, each
    series' own drawn to the median of its group (of all series where a group has no demand).
    """
    known = np.isfinite(actual) & np.isfinite(mean)
    expected = np.where(known, np.maximum(mean, _SMALLEST_MEAN), 0.0)
    beyond = np.where(known, (actual - expected) ** 2 - expected, 0.0).sum(axis=1)
    squares = (expected**2).sum(axis=1)
    telling = np.where(known, actual, 0.0).sum(axis=1) > 0
    own = beyond / np.where(telling, squares, 1.0)
    everyone = _median(own[telling], otherwise=1.0)
    pool = np.full(len(own), everyone)
    names = np.asarray(groups, dtype=np.str_)
    for name in np.unique(names):
        rows = names == name
        pool[rows] = _median(own[rows & telling], otherwise=everyone)
    dispersion: FloatArray = np.maximum((beyond + _POOL * pool) / (squares + _POOL), _LEAST)
    return dispersion


def count_quantiles(mean: FloatArray, dispersion: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Return quantiles of the negative binomial with Var = mean + dispersion * mean**2, (n, h, q).

    mean: (n, h), dispersion: (n,), levels between 0 and 1, exclusive. Whole numbers, rising with the level; 0 where the
    mean is not above zero, NaN where it is not known.
    """
    wanted = np.asarray(levels, dtype=np.float64)
    known = np.isfinite(mean)
    cells = np.where(known, mean, 0.0).ravel()
    spread = np.repeat(np.maximum(dispersion, _LEAST), mean.shape[1])
    quantiles = np.zeros((cells.size, wanted.size))
    above = np.flatnonzero(cells > 0)
    quantiles[above] = _quantiles(cells[above], spread[above], wanted)
    shaped: FloatArray = quantiles.reshape(*mean.shape, wanted.size)
    return np.where(known[:, :, None], shaped, np.nan)


def _quantiles(mean: FloatArray, dispersion: FloatArray, levels: FloatArray) -> FloatArray:
    """Add up probabilities from zero until each level is reached; far counts are left to SciPy."""
    size, chance = 1 / dispersion, 1 / (1 + mean * dispersion)
    quantiles = np.zeros((len(mean), len(levels)))
    active = np.arange(len(mean))
    probability = chance**size
    reached = probability.copy()
    for count in range(1, _SUMMED):
        short = reached[:, None] < levels
        left = short.any(axis=1)
        active, probability, reached = active[left], probability[left], reached[left]
        if not active.size:
            return quantiles
        quantiles[active] += short[left]
        probability = probability * (size[active] + count - 1) / count * (1 - chance[active])
        reached = reached + probability
    from scipy.stats import nbinom  # noqa: PLC0415  half a second that small counts need not pay

    for place, level in enumerate(levels):
        quantiles[active, place] = nbinom.ppf(level, size[active], chance[active])
    return quantiles


def _median(values: FloatArray, *, otherwise: float) -> float:
    return float(np.median(values)) if values.size else otherwise
