"""How widely the mean of a stretch of a series swings by chance: the long-run variance, which steps cannot bend."""

import numpy as np

from models.demand.analysis.robust_fit import robust_scale
from models.demand.series import FloatArray

__all__ = ["long_run_variance"]

_LAGS = (1, 2, 3, 5, 8, 13, 21, 34, 55)
_LAG_SHARE = 6  # lags up to a sixth of the length
_CUT = 3.0  # differences are drawn in to so many robust scales, so that a step counts little
_MEMORY = np.concatenate([[0.0], np.linspace(0.1, 0.95, 18), [0.97, 0.98]])


def long_run_variance(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the long-run variance (n,) and the short-run variance (n,) of values (n, T) without gaps.

    Half the variance of differences over k periods, V(k), is that of a noise and a swing of memory f:
    V(k) = e + s (1 - f^k), fitted over several k with e, s >= 0. The long-run variance is then e + s (1 + f) / (1 - f):
    what T times the variance of a mean over T periods tends to. Differences make levels, steps and, with their median
    taken out, lines count nothing or little (the idea of Chakar et al. 2017, Bernoulli 23, for an AR(1)).
    """
    lags = [lag for lag in _LAGS if lag == 1 or lag <= values.shape[1] // _LAG_SHARE]
    halved = np.stack([_half_variance(values[:, lag:] - values[:, :-lag]) for lag in lags], axis=1)
    best = np.full(len(values), np.inf)
    long_run = np.zeros(len(values))
    for memory in _MEMORY:
        noise, swing, misfit = _fit(halved, 1.0 - memory ** np.array(lags, dtype=np.float64))
        value = noise + swing * (1.0 + memory) / (1.0 - memory)
        better = misfit < best * (1.0 - 1e-9)
        best = np.where(better, misfit, best)
        long_run = np.where(better, value, long_run)
    return np.maximum(long_run, halved[:, 0]), halved[:, 0]


def _half_variance(differences: FloatArray) -> FloatArray:
    centred = differences - np.median(differences, axis=1, keepdims=True)
    limit = _CUT * robust_scale(centred)[:, None]
    cut = np.where(limit > 0, np.clip(centred, -limit, limit), centred)
    half: FloatArray = (cut**2).mean(axis=1) / 2
    return half


def _fit(halved: FloatArray, rise: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return noise e, swing s and misfit of V(k) = e + s rise(k), e and s not negative; later lags weigh less."""
    weights = 1.0 / np.arange(1, len(rise) + 1)
    weights /= weights.sum()
    mean, centre = halved @ weights, float(rise @ weights)
    spread = float(((rise - centre) ** 2) @ weights)
    if spread <= 0:
        swing = np.zeros(len(halved))
        noise = mean
    else:
        swing = np.clip((halved * (rise - centre)) @ weights / spread, 0.0, None)
        noise = mean - swing * centre
        alone = (halved * rise) @ weights / float(rise**2 @ weights)
        swing = np.where(noise < 0, alone, swing)
        noise = np.clip(noise, 0.0, None)
    misfit = ((halved - noise[:, None] - swing[:, None] * rise) ** 2) @ weights
    return noise, swing, misfit
