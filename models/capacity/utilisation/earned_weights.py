"""How far to follow each departure from the last value: only as far as backtests of all series show that it pays."""

from typing import Final

import numpy as np

from models.demand.series import FloatArray

__all__ = ["earned_weights"]

_BLOCK: Final = 12  # cutoffs of one year share their luck
_LEAST_BLOCKS: Final = 3
_DOUBT: Final = (3.0, 4.0, 8.0)  # squared standard errors that a squared weight must exceed to count at all
# The distance to a mean of ten years moves so slowly that a hundred cutoffs hold few independent ones.
_OVERLAP: Final = (
    2.0  # windows of consecutive cutoffs overlap: own standard errors are this much too small, squared
)
_OUTLYING: Final = 4.0  # errors count so many of their step's mean size at most
_SMALLEST: Final = 1e-12


def earned_weights(changes: FloatArray, departures: FloatArray) -> FloatArray:
    """Return the weight of each departure for each series, (m, n), from 0 to 1.

    changes: actual minus last value over the series' movement, (b, n, h), NaN where there is none, cutoffs in order of
    time; departures: over the same movement, (b, m, n, h). One after the other, the departures are regressed on what
    those before them left over: for all series together and for each alone. The common weight is cut by its doubt,
    1 - k se^2 / w^2 (positive-part, as Breiman's garrote, 1995; k is 3, 4, 8 for season, level, mean), its standard
    error coming from leaving out a year of cutoffs at a time; a series' own weight counts as far as series differ by
    more than their standard errors
    (empirical Bayes). With fewer than three years of cutoffs nothing is earned.
    """
    members, series = departures.shape[1], departures.shape[2]
    weights = np.zeros((members, series))
    left = _bounded(changes)
    for one in range(members):
        weights[one] = _weight(left, departures[:, one], _DOUBT[one])
        left = left - weights[one][None, :, None] * departures[:, one]
    return weights


def _bounded(changes: FloatArray) -> FloatArray:
    """Cut single changes to four times the mean size at their step: one shock must not decide a weight."""
    known = np.isfinite(changes)
    count = np.maximum(known.sum(axis=(0, 1)), 1)
    size = np.where(known, np.abs(changes), 0.0).sum(axis=(0, 1)) / count
    return np.clip(changes, -_OUTLYING * size, _OUTLYING * size)


def _weight(left: FloatArray, departure: FloatArray, strictness: float) -> FloatArray:
    """Return the weight of one departure by series, (n,)."""
    seen = np.isfinite(left)
    # Far steps err more: without this a year ahead would outvote the next month twelvefold.
    steps = 1 / np.arange(1, left.shape[2] + 1)
    product = np.where(seen, left * departure, 0.0) @ steps
    square = np.where(seen, departure**2, 0.0) @ steps
    blocks = np.arange(len(left)) // _BLOCK
    if blocks.max(initial=0) + 1 < _LEAST_BLOCKS:
        return np.zeros(left.shape[1])
    top = np.stack([product[blocks == one].sum(axis=0) for one in range(blocks.max() + 1)])
    bottom = np.stack([square[blocks == one].sum(axis=0) for one in range(blocks.max() + 1)])
    common, doubt = _jackknife(top.sum(axis=1), bottom.sum(axis=1))
    pooled = float(_cut(common, strictness * doubt))
    if left.shape[1] == 1:
        return np.array([pooled])
    own, own_doubt = _jackknife(top, bottom)
    own_doubt = _OVERLAP * own_doubt
    told = np.isfinite(own_doubt)
    if not told.any():
        return np.full(left.shape[1], pooled)
    differ = max(float(np.var(own[told]) - own_doubt[told].mean()), 0.0)
    trust = np.where(told, differ / np.where(told, differ + own_doubt + _SMALLEST, 1.0), 0.0)
    return np.clip(pooled + trust * (np.where(told, own, pooled) - pooled), 0.0, 1.0)


def _jackknife(top: FloatArray, bottom: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return slopes and their squared standard errors by leaving out one block at a time, NaN where none can be told."""
    whole, below = top.sum(axis=0), bottom.sum(axis=0)
    rest = below[None] - bottom
    enough = (rest > _SMALLEST).all(axis=0) & ((bottom > 0).sum(axis=0) >= _LEAST_BLOCKS)
    slope = np.where(enough, whole / np.where(enough, below, 1.0), 0.0)
    without = np.where(enough[None], (whole[None] - top) / np.where(rest > _SMALLEST, rest, 1.0), 0.0)
    count = len(top)
    square = (count - 1) / count * ((without - slope[None]) ** 2).sum(axis=0)
    return slope, np.where(enough, square, np.nan)


def _cut(weight: FloatArray, doubt: FloatArray) -> FloatArray:
    certain = np.isfinite(doubt) & (weight > 0)
    kept = 1 - np.where(certain, doubt, 0.0) / np.where(certain, weight, 1.0) ** 2
    return np.where(certain, np.clip(weight * np.maximum(kept, 0.0), 0.0, 1.0), 0.0)
