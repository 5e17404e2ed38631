"""Compare two models on the same rows: the gain in AUC with the interval of the paired bootstrap."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from experiments.metrics import Interval

__all__ = ["auc", "auc_gain"]

Floats = NDArray[np.float64]


def auc(label: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Return the area under the ROC curve, ties counting half; NaN when only one class is there."""
    level = rankdata(score, method="dense").astype(np.int64) - 1
    return _auc_of_levels(label, level, np.ones(len(label)) if weight is None else weight)


def _auc_of_levels(label: Floats, level: NDArray[np.int64], weight: Floats) -> float:
    bad = np.bincount(level, weight * label)
    good = np.bincount(level, weight * (1 - label))
    pairs = bad.sum() * good.sum()
    if pairs == 0:
        return float("nan")
    below = np.cumsum(good) - good
    return float((bad * (below + 0.5 * good)).sum() / pairs)


def auc_gain(
    label: Floats,
    score: Floats,
    reference: Floats,
    *,
    seed: int,
    groups: NDArray[np.int64] | None = None,
    resamples: int = 500,
) -> Interval:
    """Return AUC(score) - AUC(reference); each draw of parties is used for both, as they are judged on the same rows."""
    unit = np.arange(len(label)) if groups is None else np.unique(groups, return_inverse=True)[1]
    new = rankdata(score, method="dense").astype(np.int64) - 1
    old = rankdata(reference, method="dense").astype(np.int64) - 1
    rng, size = np.random.default_rng(seed), int(unit.max()) + 1
    draws = []
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, size, size), minlength=size)[unit].astype(np.float64)
        draws.append(_auc_of_levels(label, new, weight) - _auc_of_levels(label, old, weight))
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(auc(label, score) - auc(label, reference), float(low), float(high))
