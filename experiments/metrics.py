"""How good probabilities of default are: AUC, KS, Brier, ECE, each with a bootstrap interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.errors import SplitError
from features.ranking import auc_of_levels
from models.credit.measures import calibration_error_of_sorted

__all__ = ["METRICS", "Interval", "evaluate", "flat"]

METRICS: Final = ("auc", "ks", "brier", "ece")
_NO_ROWS: Final = 1e-12
_LEVEL: Final = (0.025, 0.975)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def evaluate(
    label: Floats,
    pd: Floats,
    *,
    seed: int,
    groups: NDArray[np.int64] | None = None,
    resamples: int = 500,
) -> dict[str, Interval]:
    """Measure pd (n,) against label (n,) in {0, 1}; percentile intervals from `resamples` draws.

    With `groups` (n,) whole groups are drawn, so that many observations of one party do not pretend to be many
    parties (cluster bootstrap: Field and Welsh 2007, Bootstrapping clustered data). AUC counts ties as half, KS is
    the largest distance of the two distribution functions, ECE takes ten bins of equal frequency.
    Raises SplitError when only one class is there.
    """
    _check(label, pd)
    order = np.argsort(pd, kind="stable")
    y, p = label[order], pd[order]
    ends = np.flatnonzero(np.append(np.diff(p) > 0, True))
    members = np.arange(len(y)) if groups is None else np.unique(groups[order], return_inverse=True)[1]
    point = _measure(y, p, ends, np.ones(len(y)))
    rng = np.random.default_rng(seed)
    size = int(members.max()) + 1
    draws = []
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, size, size), minlength=size)[members].astype(np.float64)
        if 0 < weight @ y < weight.sum():
            draws.append(_measure(y, p, ends, weight))
    low, high = np.quantile(np.array(draws), _LEVEL, axis=0) if draws else (point, point)
    return {name: Interval(float(point[i]), float(low[i]), float(high[i])) for i, name in enumerate(METRICS)}


def flat(found: Mapping[str, Interval]) -> dict[str, float]:
    """Return the figures and the ends of their intervals as plain numbers: auc, auc_low, auc_high, …"""
    values: dict[str, float] = {}
    for name, interval in found.items():
        values |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return values


def _measure(y: Floats, p: Floats, ends: NDArray[np.int64], weight: Floats) -> Floats:
    """Return auc, ks, brier, ece of rows sorted by p; `ends` are the last rows of each distinct p."""
    bad, good = np.cumsum(weight * y)[ends], np.cumsum(weight * (1 - y))[ends]
    bads, goods = bad[-1], good[-1]
    runs = np.diff(ends, prepend=-1)
    auc = auc_of_levels(y, np.repeat(np.arange(len(ends)), runs), weight)
    ks = float(np.max(np.abs(good / goods - bad / bads)))
    brier = float(weight @ (y - p) ** 2 / weight.sum())
    shared = np.diff(bad, prepend=0.0) / np.maximum(np.diff(bad + good, prepend=0.0), _NO_ROWS)
    ece = calibration_error_of_sorted(np.repeat(shared, runs), p, weight)
    return np.array([auc, ks, brier, ece])


def _check(label: Floats, pd: Floats) -> None:
    if len(np.unique(label)) < 2:  # noqa: PLR2004 - a label has two values
        raise SplitError(
            zh=f"评估的 {len(label)} 行只有一类标签，无法计算 AUC。请换用含违约与未违约的样本。",
            en=f"The {len(label)} rows to judge hold one class only. Judge on rows with defaults and others.",
        )
    if not np.isfinite(pd).all():
        raise SplitError(
            zh="待评估的概率含缺失或无穷值。请检查模型输出。",
            en="A probability to judge is missing or infinite. Check the model's output.",
        )
