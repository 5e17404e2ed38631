"""Fit a calibration map on raw log-odds of rows that the model was not trained on."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from models.credit.calibration.inserted import with_bad_inserted
from models.credit.calibration.maps import (
    LARGEST,
    AffineCalibration,
    BetaCalibration,
    Calibration,
    IsotonicCalibration,
    Kind,
    VennAbersCalibration,
)
from models.credit.calibration.prior_shift import rate_shift
from models.errors import NotTrainableError

__all__ = ["FITS", "fit_affine", "fit_beta", "fit_isotonic", "fit_venn_abers"]

_ANCHOR: Final = 1.0  # pulls slopes to 1 where few rows say little, and fades as they grow in number
_RIDGE: Final = 1e-9  # keeps Newton's equations solvable where all scores are one
_SETTLED: Final = 1e-10
_MOST_STEPS: Final = 100
_MOST_SCORES: Final = (
    10_000  # no book has defaults enough to tell more scores apart; more are put in equal cells
)

Floats = NDArray[np.float64]


def fit_affine(raw: Floats, y: Floats, weight: Floats | None = None) -> AffineCalibration:
    """Fit slope and intercept by penalised maximum likelihood on rows the booster was not trained on.

    raw (n,) log-odds, y (n,) in {0, 1}, weight (n,) the number of times each row counts. Targets are smoothed as in
    Platt (1999), Probabilistic outputs for support vector machines, section 2.1, and the slope is pulled to 1.
    Raises NotTrainableError when a higher raw score goes with fewer defaults: such a model must not be served.
    """
    w, target = _weighted(y, weight)
    theta = _most_likely(np.column_stack([raw, np.ones_like(raw)]), target, w, slopes=1)
    if not np.isfinite(theta).all() or theta[0] <= 0:
        raise _reversed(theta[0])
    return AffineCalibration(slope=float(theta[0]), intercept=float(theta[1]))


def fit_beta(raw: Floats, y: Floats, weight: Floats | None = None) -> BetaCalibration:
    """Fit the three parameters of beta calibration; the two slopes are kept from falling below 0.

    Arguments and smoothing as for `fit_affine`. Source: Kull, Silva Filho, Flach (2017), section 4, where a slope
    below 0 is set to 0 and the rest fitted again: the same optimum. Raises NotTrainableError when both would be 0.
    """
    w, target = _weighted(y, weight)
    columns = np.column_stack([-np.logaddexp(0.0, -raw), np.logaddexp(0.0, raw), np.ones_like(raw)])
    theta = _most_likely(columns, target, w, slopes=2)
    for slope in np.flatnonzero(theta[:2] < 0):
        others = np.array([1 - slope, 2])
        theta = np.zeros(3)
        theta[others] = _most_likely(columns[:, others], target, w, slopes=1)
    if not np.isfinite(theta).all() or theta[:2].min() < 0 or theta[:2].max() == 0:
        raise _reversed(theta[:2].min())
    return BetaCalibration(*map(float, theta))


def fit_isotonic(raw: Floats, y: Floats, weight: Floats | None = None) -> IsotonicCalibration:
    """Fit isotonic regression; its blocks' centres are joined by lines, and its mean PD is the observed rate.

    Arguments as for `fit_affine`. A first block without a default, or a last one with nothing else, gets half a row
    of the other class (Jeffreys' prior), so that log-odds stay finite. Raises NotTrainableError when the default rate
    rises nowhere with the score.
    """
    w, _ = _weighted(y, weight)
    score, n, bad = _cells(raw, y, w)
    found = isotonic_regression(bad / n, weights=n)
    first = found.blocks[:-1]
    block_n, block_bad = np.add.reduceat(n, first), np.add.reduceat(bad, first)
    if len(first) < 2:  # noqa: PLR2004 - one block is one PD for everybody
        raise _reversed(0.0)
    centre = np.add.reduceat(score * n, first) / block_n
    pure = (block_bad == 0) | (block_bad == block_n)
    rate = np.where(pure, (block_bad + 0.5) / (block_n + 1), block_bad / block_n)
    rate[0], rate[-1] = min(rate[0], rate[1]), max(rate[-1], rate[-2])
    keep = np.append(np.diff(centre) > 0, True)
    value = np.maximum.accumulate(logit(rate[keep]))
    drawn = IsotonicCalibration(tuple(centre[keep].tolist()), tuple(value.tolist()))
    delta = rate_shift(drawn.log_odds(raw), float(bad.sum() / n.sum()), w)
    moved = np.clip(value + delta, -LARGEST, LARGEST)
    return IsotonicCalibration(drawn.raw, tuple(moved.tolist()))


def fit_venn_abers(raw: Floats, y: Floats, weight: Floats | None = None) -> VennAbersCalibration:
    """Fit inductive Venn-Abers: for each score the isotonic PD with that party added as bad (p1) and as good (p0).

    Arguments as for `fit_affine`. More than ten thousand distinct scores are first put in as many cells of equal
    frequency. p0 is found as p1 of the mirrored problem. Source: Vovk, Petej, Fedorova (2015), Large-scale
    probabilistic predictors with and without guarantees of validity, NIPS, section 2. Raises NotTrainableError when
    the default rate rises nowhere with the score.
    """
    w, _ = _weighted(y, weight)
    score, n, bad = _cells(raw, y, w)
    if isotonic_regression(bad / n, weights=n).blocks.size <= 2:  # noqa: PLR2004 - start and end of one block
        raise _reversed(0.0)
    p1 = with_bad_inserted(n, bad)
    p0 = 1.0 - with_bad_inserted(n[::-1], (n - bad)[::-1])[::-1]
    starts = np.append(True, np.diff(p0) > 0)
    ends = np.append(np.diff(p1) > 0, True)
    steps = (score[starts], p0[starts], score[ends], p1[ends])
    return VennAbersCalibration(*(tuple(values.tolist()) for values in steps))


FITS: Final[Mapping[Kind, Callable[[Floats, Floats, Floats | None], Calibration]]] = MappingProxyType(
    {
        Kind.PLATT: fit_affine,
        Kind.BETA: fit_beta,
        Kind.ISOTONIC: fit_isotonic,
        Kind.VENN_ABERS: fit_venn_abers,
    }
)


def _weighted(y: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
    """Return the weights and Platt's smoothed targets; both classes must be there."""
    w = np.ones(len(y)) if weight is None else weight
    bad, good = float(w @ y), float(w @ (1 - y))
    if bad <= 0 or good <= 0:
        raise NotTrainableError(
            zh=f"校准需要两类标签，现有 {bad:g} 行违约、{good:g} 行未违约。请扩大样本或观察期。",
            en=f"Calibration needs both labels; there are {bad:g} rows with a default and {good:g} without. "
            "Widen the sample or the window.",
        )
    return w, np.where(y > 0, (bad + 1) / (bad + 2), 1 / (good + 2))


def _most_likely(x: Floats, target: Floats, weight: Floats, *, slopes: int) -> Floats:
    """Return the parameters of a logistic model by Newton's method; the first `slopes` are pulled to 1.

    The loss is convex, so a step is halved until it lowers the loss, and the rest settles in a few steps.
    """
    anchor = _ANCHOR * (np.arange(x.shape[1]) < slopes)

    def loss(theta: Floats) -> float:
        z = x @ theta
        return float(weight @ (np.logaddexp(0.0, z) - target * z) + 0.5 * anchor @ (theta - 1.0) ** 2)

    theta = (anchor > 0).astype(np.float64)
    value = loss(theta)
    for _ in range(_MOST_STEPS):
        p = expit(x @ theta)
        gradient = x.T @ (weight * (p - target)) + anchor * (theta - 1.0)
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(anchor + _RIDGE)
        step = np.linalg.solve(curvature, gradient)
        while (lower := loss(theta - step)) > value and np.abs(step).max() > _SETTLED:
            step = step / 2
        if lower > value:
            break
        theta, value = theta - step, lower
        if np.abs(step).max() <= _SETTLED:
            break
    return theta


def _cells(raw: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the distinct scores in rising order with their rows and defaults; too many scores share cells.

    A cell answers at the lowest of its scores.
    """
    used = weight > 0
    score, place = np.unique(raw[used], return_inverse=True)
    n, bad = (np.bincount(place, values[used]).astype(np.float64) for values in (weight, weight * y))
    if len(score) <= _MOST_SCORES:
        return score, n, bad
    cell = ((np.cumsum(n) - n) / n.sum() * _MOST_SCORES).astype(np.int64)
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    rows, defaults = (np.asarray(np.add.reduceat(values, first), dtype=np.float64) for values in (n, bad))
    return score[first], rows, defaults


def _reversed(slope: float) -> NotTrainableError:
    return NotTrainableError(
        zh=f"校准失败：斜率为 {slope:.3g}，得分高者违约反而少。请检查标签方向与数据。",
        en=f"Calibration failed: slope {slope:.3g}; higher scores default less. Check label and data.",
    )
