"""How good a probability of default is: ranking, separation, calibration, each with a bootstrap interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["METRICS", "Estimate", "auc", "auc_gain", "brier", "credit_metrics", "ece", "ks"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

METRICS: Final = ("auc", "ks", "brier", "ece")
_BINS: Final = 10


@dataclass(frozen=True)
class Estimate:
    """A figure with the 2.5 % and 97.5 % quantiles of its bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True)
class _Ranked:
    """Labels and scores sorted by score; equal scores share a level."""

    y: Floats
    p: Floats
    level: Ints

    @staticmethod
    def of(y: Floats, p: Floats) -> "tuple[_Ranked, Ints]":
        order = np.argsort(p, kind="stable")
        sorted_p = p[order]
        level = np.cumsum(np.r_[0, np.diff(sorted_p) > 0]).astype(np.int64)
        return _Ranked(y[order], sorted_p, level), order


def auc(y: Floats, p: Floats) -> float:
    """Return the area under the ROC curve (ties count half); NaN when only one class is there."""
    ranked, _ = _Ranked.of(y, p)
    return _auc(ranked, np.ones(len(y)))


def ks(y: Floats, p: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance between the scores of the two classes."""
    ranked, _ = _Ranked.of(y, p)
    return _ks(ranked, np.ones(len(y)))


def brier(y: Floats, p: Floats) -> float:
    """Return the mean squared difference between PD and outcome."""
    return float(np.mean((p - y) ** 2))


def ece(y: Floats, p: Floats) -> float:
    """Return the expected calibration error over ten bins of equal frequency."""
    ranked, _ = _Ranked.of(y, p)
    return _ece(ranked, np.ones(len(y)))


def _levels(ranked: _Ranked, weight: Floats) -> tuple[Floats, Floats]:
    positive = np.bincount(ranked.level, weight * ranked.y)
    negative = np.bincount(ranked.level, weight * (1 - ranked.y))
    return positive, negative


def _auc(ranked: _Ranked, weight: Floats) -> float:
    positive, negative = _levels(ranked, weight)
    pairs = positive.sum() * negative.sum()
    if pairs == 0:
        return float("nan")
    below = np.cumsum(negative) - negative
    return float((positive * (below + 0.5 * negative)).sum() / pairs)


def _ks(ranked: _Ranked, weight: Floats) -> float:
    positive, negative = _levels(ranked, weight)
    if positive.sum() == 0 or negative.sum() == 0:
        return float("nan")
    gap = np.cumsum(positive) / positive.sum() - np.cumsum(negative) / negative.sum()
    return float(np.max(np.abs(gap)))


def _brier(ranked: _Ranked, weight: Floats) -> float:
    return float(np.average((ranked.p - ranked.y) ** 2, weights=weight))


def _ece(ranked: _Ranked, weight: Floats) -> float:
    total = weight.sum()
    place = (np.cumsum(weight) - 0.5 * weight) / total
    bins = np.minimum((place * _BINS).astype(np.int64), _BINS - 1)
    mass = np.bincount(bins, weight, minlength=_BINS)
    gap = np.bincount(bins, weight * (ranked.p - ranked.y), minlength=_BINS)
    return float(np.abs(gap).sum() / mass.sum())


_WEIGHTED: Final = {"auc": _auc, "ks": _ks, "brier": _brier, "ece": _ece}


def credit_metrics(
    y: Floats, p: Floats, *, seed: int, groups: Ints | None = None, resamples: int = 500
) -> Mapping[str, Estimate]:
    """Return AUC, KS, Brier and ECE with bootstrap intervals.

    `groups` (n,) holds the party of each row: whole parties are drawn, as their rows are no independent evidence.
    """
    ranked, order = _Ranked.of(y, p)
    unit = _units(groups, len(y))[order]
    ones = np.ones(len(y))
    draws: dict[str, list[float]] = {name: [] for name in METRICS}
    for weight in _draws(unit, seed, resamples):
        for name, function in _WEIGHTED.items():
            draws[name].append(function(ranked, weight))
    return {name: _estimate(function(ranked, ones), draws[name]) for name, function in _WEIGHTED.items()}


def auc_gain(
    y: Floats, p: Floats, reference: Floats, *, seed: int, groups: Ints | None = None, resamples: int = 500
) -> Estimate:
    """Return AUC(p) − AUC(reference) with the interval of the paired bootstrap."""
    new, order_new = _Ranked.of(y, p)
    old, order_old = _Ranked.of(y, reference)
    unit = _units(groups, len(y))
    draws = [_auc(new, w[order_new]) - _auc(old, w[order_old]) for w in _draws(unit, seed, resamples)]
    return _estimate(auc(y, p) - auc(y, reference), draws)


def _units(groups: Ints | None, n: int) -> Ints:
    return np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _draws(unit: Ints, seed: int, resamples: int) -> "list[Floats]":
    rng = np.random.default_rng(seed)
    size = int(unit.max()) + 1
    counts = (np.bincount(rng.integers(0, size, size), minlength=size) for _ in range(resamples))
    return [c[unit].astype(np.float64) for c in counts]


def _estimate(value: float, draws: list[float]) -> Estimate:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Estimate(value, float(low), float(high))
