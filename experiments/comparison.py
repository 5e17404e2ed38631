"""Compare two models on the same rows: the gain in AUC with the interval of the paired bootstrap."""

import numpy as np
from numpy.typing import NDArray

from experiments.metrics import Interval
from features.ranking import auc, auc_of_levels, levels

__all__ = ["auc", "auc_gain"]

Floats = NDArray[np.float64]


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
    new = levels(score)
    old = levels(reference)
    rng, size = np.random.default_rng(seed), int(unit.max()) + 1
    draws = []
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, size, size), minlength=size)[unit].astype(np.float64)
        draws.append(auc_of_levels(label, new, weight) - auc_of_levels(label, old, weight))
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(auc(label, score) - auc(label, reference), float(low), float(high))
