"""Choose one smoothing constant for many intermittent series, by how likely it made what came."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.demand.series import BoolArray, FloatArray, IntArray

__all__ = ["PooledScore", "best_constants"]

_SMALLEST_MEAN: Final = 0.02
_FIRST_SCORED: Final = 12  # earlier means rest on too little
_USUAL: Final = 0.1
_PRIOR_SPREAD: Final = 0.7  # of the logarithm; tells where there are too few series to tell


@dataclass
class PooledScore:
    """Quasi-Poisson log-likelihood of one-step means, summed over series and periods, for each of several constants."""

    y: FloatArray
    trust: FloatArray  # (n,) one over the index of dispersion
    total: FloatArray  # (constants,) or a single 0 before the first period

    def add(self, period: int, mean: FloatArray, *, counted: BoolArray) -> None:
        """Add the score of means (constants, n) made before `period`."""
        if period < _FIRST_SCORED or not counted.any():
            return
        expected = np.maximum(mean[:, counted], _SMALLEST_MEAN)
        came = self.y[counted, period]
        likely = (came * np.log(expected) - expected) * self.trust[counted]
        self.total = self.total + likely.sum(axis=1)

    def best(self, constants: FloatArray) -> int:
        """Return the place of the best constant, after a prior around 0.1."""
        prior = -((np.log(constants / _USUAL) / _PRIOR_SPREAD) ** 2) / 2
        return int((self.total + prior).argmax())


def best_constants(y: FloatArray, lengths: IntArray) -> PooledScore:
    """Start a score for left-aligned histories (n, T)."""
    inside = np.arange(y.shape[1]) < lengths[:, None]
    count = np.maximum(lengths, 1)
    mean = np.where(inside, y, 0.0).sum(axis=1) / count
    variance = np.where(inside, (y - mean[:, None]) ** 2, 0.0).sum(axis=1) / count
    # A large mean would speak louder than a thousand rare demands: no series tells more than one of mean 1 would.
    index = np.maximum(variance / np.maximum(mean, _SMALLEST_MEAN), np.maximum(mean, 1.0))
    return PooledScore(y, 1 / index, np.zeros(1))
