"""How well a score ranks a label: the area under the ROC curve, weighted, ties counting half."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["auc", "auc_of_levels", "levels"]

Floats = NDArray[np.float64]


def auc(y: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Return the area under the ROC curve of score (n,) for y (n,) in {0, 1}; NaN when only one class has weight."""
    return auc_of_levels(y, levels(score), np.ones(len(y)) if weight is None else weight)


def levels(score: Floats) -> NDArray[np.int64]:
    """Return the place of each score among the distinct ones, from 0: what many weighted AUCs of one score share."""
    place: NDArray[np.int64] = rankdata(score, method="dense").astype(np.int64) - 1
    return place


def auc_of_levels(y: Floats, level: NDArray[np.int64], weight: Floats) -> float:
    """Return the weighted AUC of scores given as levels; NaN when only one class has weight.

    It is the share of pairs of a bad and a good row in which the bad one scores higher, a tie counting half
    (Hanley, McNeil 1982, The meaning and use of the area under a ROC curve).
    """
    bad = np.bincount(level, weight * y)
    good = np.bincount(level, weight * (1 - y))
    pairs = bad.sum() * good.sum()
    if pairs == 0:
        return float("nan")
    below = np.cumsum(good) - good
    return float((bad * (below + 0.5 * good)).sum() / pairs)
