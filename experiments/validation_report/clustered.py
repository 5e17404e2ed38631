"""Means over rows that come in groups: intervals and tests that count parties, not observations."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from experiments.metrics import Interval

__all__ = ["mean_difference", "mean_interval", "mean_p_value"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def mean_interval(values: Floats, groups: Ints, *, seed: int, resamples: int = 500) -> Interval:
    """Return the mean of values (n,) with its 95 % cluster-bootstrap interval: whole groups are drawn."""
    member = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(member, values), np.bincount(member)
    rng, count = np.random.default_rng(seed), len(sums)
    drawn = rng.integers(0, count, (resamples, count))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def mean_difference(values: Floats, reference: Floats, groups: Ints, *, seed: int) -> Interval:
    """Return mean(values - reference), both over the same rows, with its cluster-bootstrap interval."""
    return mean_interval(values - reference, groups, seed=seed)


def mean_p_value(residual: Floats, groups: Ints) -> float:
    """Return the two-sided p-value of a mean of zero, with the cluster-robust standard error.

    Source: Liang and Zeger (1986), Longitudinal data analysis using generalized linear models: the sum of all
    residuals over the root of the summed squares of each group's sum. 1 when nothing varies.
    """
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], residual)
    spread = float(np.sqrt((sums**2).sum()))
    return float(2 * norm.sf(abs(sums.sum()) / spread)) if spread > 0 else 1.0
