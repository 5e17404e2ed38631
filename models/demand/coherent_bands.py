"""Bands of a hierarchy that belong together: samples that move as the backtests' errors did and add up."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.demand.hierarchy import Hierarchy
from models.demand.reconciliation import reconcile
from models.demand.series import BoolArray, FloatArray
from models.errors import ReconciliationError

__all__ = ["coherent_samples", "consistent_miss", "reconcile_quantiles", "shift_quantiles"]

DRAWS: Final = 200
_WIDEST: Final = 1.25
_PRIOR_CUTOFFS: Final = (
    2.0  # two cutoffs that agree by chance are no evidence: so many more stand beside them,
)
_PRIOR_SPREAD: Final = 0.3  # whose mean errors differ by this much of the mean absolute error
_LOW, _HIGH = 0.1, 0.9  # the width that samples are held to


def shift_quantiles(
    quantiles: FloatArray,
    forecasts: FloatArray,
    reconciled: FloatArray,
    *,
    non_negative: bool | BoolArray = False,
) -> FloatArray:
    """Move each node's quantiles by what reconciliation moved its forecast, (n, h, q), sorted and not below zero.

    forecasts, reconciled: (n, h). The cheap way: every band keeps its width, and nothing is said about how nodes move
    together. Where there was no forecast there is no band either: NaN.
    """
    moved = np.sort(quantiles + (reconciled - forecasts)[:, :, None], axis=2)
    floored = np.broadcast_to(np.asarray(non_negative), (len(moved),))
    return np.where(floored[:, None, None] & (moved < 0), 0.0, moved)


def reconcile_quantiles(
    quantiles: FloatArray,
    levels: Sequence[float],
    errors: FloatArray,
    hierarchy: Hierarchy,
    variance: FloatArray,
    *,
    reconciled: FloatArray,
    non_negative: bool | BoolArray = False,
    draws: int = DRAWS,
    seed: int,
) -> FloatArray:
    """Return the quantiles of samples that add up, (n, h, q), at the same levels, monotone in the level.

    quantiles: (n, h, q) around the reconciled forecasts `reconciled` (n, h), learnt from the errors of reconciled
    backtests; errors: these, actual minus forecast (k, n, h), NaN where there is none; variance: as for `reconcile`.
    See `coherent_samples` for how the samples are made. Time and memory: one (n, draws) array a step.
    """
    result = np.empty_like(quantiles)
    floor = _of_nodes(non_negative, hierarchy)
    samples = _steps(quantiles, levels, errors, hierarchy, (variance, reconciled, floor, draws, seed))
    for step, drawn in enumerate(samples):
        result[:, step] = np.quantile(drawn, np.asarray(levels), axis=1).T
    return np.maximum.accumulate(result, axis=2)


def coherent_samples(
    quantiles: FloatArray,
    levels: Sequence[float],
    errors: FloatArray,
    hierarchy: Hierarchy,
    variance: FloatArray,
    *,
    reconciled: FloatArray,
    non_negative: bool | BoolArray = False,
    draws: int = DRAWS,
    seed: int,
) -> FloatArray:
    """Draw futures of the whole hierarchy, (n, h, draws), each of which adds up over the nodes.

    Arguments are those of `reconcile_quantiles`. Each node's values follow its own quantiles (between the levels on
    the normal scale); which nodes are high together follows the backtests: standard normals are mixed by the normal
    scores of the errors that were made at one cutoff and step, so nodes correlate as these did, and from step to step
    as consecutive errors did. Each draw is then reconciled as the forecasts were (probabilistic reconciliation by
    projection: Panagiotelis, Gamakumara, Athanasopoulos & Hyndman 2023; ranks lent by the errors: Ben Taieb, Taylor &
    Hyndman 2017). Two things keep it honest: the centre of the bands counts only so far as the misses pointed the same
    way at all cutoffs (`consistent_miss`), and spread that the projection takes away is given back.
    """
    floor = _of_nodes(non_negative, hierarchy)
    return np.stack(
        list(_steps(quantiles, levels, errors, hierarchy, (variance, reconciled, floor, draws, seed))), axis=1
    )


def consistent_miss(errors: FloatArray, hierarchy: Hierarchy) -> FloatArray:
    """Return how far each node's mean backtest error can be relied on to come back, (n,) from 0 to 1.

    errors: (k, n, h). By level: one minus the squared standard error of the cutoffs' mean scaled error over its square
    (positive-part James-Stein; the variance among few cutoffs is shrunk to a usual one), so 0 where cutoffs disagree
    or there is one alone.
    """
    size = _mean_size(errors, (0, 2))
    share = np.zeros(len(hierarchy))
    for level in hierarchy.level_names:
        rows = hierarchy.rows_of(level)
        rows = rows[size[rows] > 0]
        scaled = errors[:, rows] / size[None, rows, None]
        cutoffs = np.array([np.nanmean(one) for one in scaled if np.isfinite(one).any()])
        if len(cutoffs) > 1 and cutoffs.mean():
            spread = (((cutoffs - cutoffs.mean()) ** 2).sum() + _PRIOR_CUTOFFS * _PRIOR_SPREAD**2) / (
                len(cutoffs) - 1 + _PRIOR_CUTOFFS
            )
            noise = spread / len(cutoffs)
            share[hierarchy.rows_of(level)] = max(0.0, 1 - noise / cutoffs.mean() ** 2)
    return share


_Rest = tuple[FloatArray, FloatArray, BoolArray, int, int]


def _steps(
    quantiles: FloatArray, levels: Sequence[float], errors: FloatArray, hierarchy: Hierarchy, rest: _Rest
) -> Iterator[FloatArray]:
    """Yield the coherent samples of one step after the other, (n, draws)."""
    variance, reconciled, floor, draws, seed = rest
    _check(quantiles, levels, errors, reconciled, len(hierarchy))
    places = (np.arange(draws) + 0.5) / draws
    fixed = 1 - consistent_miss(errors, hierarchy)
    for step, ranks in enumerate(_ranks(errors, quantiles.shape[1], draws, seed)):
        drawn = _between(quantiles[:, step], np.asarray(levels), places)
        mean = drawn.mean(axis=1)
        drawn += (fixed * (reconciled[:, step] - mean))[:, None]
        sample = np.take_along_axis(drawn, ranks, axis=1)
        weights = variance if variance.ndim == 1 else np.repeat(variance[:, step : step + 1], draws, axis=1)
        yield _calibrated(sample, drawn, hierarchy, weights, floor)


def _calibrated(
    sample: FloatArray, drawn: FloatArray, hierarchy: Hierarchy, variance: FloatArray, floor: BoolArray
) -> FloatArray:
    """Reconcile the samples; where that made bands narrower than the nodes' own, draw them as much wider."""
    bottom = floor[hierarchy.upper :]
    projected = reconcile(sample, hierarchy, variance, non_negative=bottom)
    own, got = _width(drawn, floor), _width(projected, floor)
    ratio = np.divide(own, got, out=np.full(len(own), np.nan), where=got > 0)
    medians = [ratio[hierarchy.rows_of(level)] for level in hierarchy.level_names]
    logs = [np.log(np.median(one[one > 0])) for one in medians if (one > 0).any()]
    stretch = min(float(np.exp(np.mean(logs))) if logs else 1.0, _WIDEST)
    if stretch <= 1:
        return projected
    wider = sample + (stretch - 1) * (sample - drawn.mean(axis=1, keepdims=True))
    return reconcile(wider, hierarchy, variance, non_negative=bottom)


def _width(values: FloatArray, floor: BoolArray) -> FloatArray:
    low, high = np.quantile(values, [_LOW, _HIGH], axis=1)
    width: FloatArray = np.where(floor, np.maximum(high, 0) - np.maximum(low, 0), high - low)
    return width


def _between(quantiles: FloatArray, levels: FloatArray, places: FloatArray) -> FloatArray:
    """Return values (n, draws) at other levels: linear on the normal scale, beyond the outermost as steep as there."""
    have, want = ndtri(levels), ndtri(places)
    left = np.clip(np.searchsorted(have, want) - 1, 0, len(have) - 2)
    share = (want - have[left]) / (have[left + 1] - have[left])
    values: FloatArray = quantiles[:, left] * (1 - share) + quantiles[:, left + 1] * share
    return values


def _ranks(errors: FloatArray, horizon: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield for each step which of its ordered values a node takes in each draw, (n, draws)."""
    scores, persistence = _scores(errors)
    rng = np.random.default_rng(seed)
    lone = ~(scores != 0).any(axis=1)
    shocks = np.zeros((scores.shape[1], draws))
    for step in range(horizon):
        fresh = _antithetic(rng, scores.shape[1], draws)
        shocks = fresh if step == 0 else persistence * shocks + np.sqrt(1 - persistence**2) * fresh
        mixed = scores @ shocks
        mixed[lone] = rng.normal(size=(int(lone.sum()), draws))  # no errors to go by: on its own
        order = mixed.argsort(axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(draws)[None, :], axis=1)
        yield ranks


def _antithetic(rng: np.random.Generator, rows: int, draws: int) -> FloatArray:
    half = rng.normal(size=(rows, (draws + 1) // 2))
    return np.concatenate([half, -half], axis=1)[:, :draws]


def _scores(errors: FloatArray) -> tuple[FloatArray, float]:
    """Return each node's errors as normal scores (n, k h), zero where there is none, and how steps hang together."""
    cutoffs, nodes, steps = errors.shape
    seen = np.isfinite(errors)
    growth = _mean_size(errors, (0, 1))
    scaled = np.where(seen, errors, 0.0) / np.where(growth > 0, growth, 1.0)[None, None, :]
    flat, there = (np.moveaxis(one, 1, 0).reshape(nodes, -1) for one in (scaled, seen))
    order = np.where(there, flat, np.inf).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    count = there.sum(axis=1, keepdims=True)
    scores = np.where(there, ndtri(np.clip((order + 0.5) / np.maximum(count, 1), 1e-9, 1 - 1e-9)), 0.0)
    paths = np.moveaxis(scores.reshape(nodes, cutoffs, steps), 0, 1)
    power = float((paths**2).sum()) * max(steps - 1, 0) / max(steps, 1)
    persistence = float((paths[:, :, 1:] * paths[:, :, :-1]).sum()) / power if power else 0.0
    return scores, float(np.clip(persistence, 0.0, 0.99))


def _mean_size(errors: FloatArray, axes: tuple[int, int]) -> FloatArray:
    """Return the mean absolute error over two axes, 0 where there is none."""
    seen = np.isfinite(errors)
    sizes: FloatArray = np.where(seen, np.abs(errors), 0.0).sum(axis=axes) / np.maximum(
        seen.sum(axis=axes), 1
    )
    return sizes


def _of_nodes(non_negative: bool | BoolArray, hierarchy: Hierarchy) -> BoolArray:  # noqa: FBT001 - a flag or one a series
    """Spread the flags of the bottom series to the nodes: a sum is not below zero where none of its series is."""
    bottom = np.broadcast_to(np.asarray(non_negative), (len(hierarchy) - hierarchy.upper,))
    signed: BoolArray = hierarchy.add_up(np.where(bottom, 0.0, 1.0)) > 0
    return ~signed


def _check(
    quantiles: FloatArray, levels: Sequence[float], errors: FloatArray, reconciled: FloatArray, nodes: int
) -> None:
    rising = np.asarray(levels)
    if len(rising) < 2 or (np.diff(rising) <= 0).any() or rising[0] <= 0 or rising[-1] >= 1:  # noqa: PLR2004
        raise ReconciliationError(
            zh=f"分位水平 {list(levels)} 无法使用。请给出至少两个、递增且在 0 与 1 之间的水平。",
            en=f"Quantile levels {list(levels)} cannot be used. Give two or more, rising, between 0 and 1.",
        )
    expected = (nodes, reconciled.shape[-1], len(rising))
    if quantiles.shape != expected or errors.ndim != 3 or errors.shape[1] != nodes:  # noqa: PLR2004 - cutoffs, nodes, steps
        raise ReconciliationError(
            zh=f"分位数形状 {quantiles.shape}、误差形状 {errors.shape} 与 {nodes} 个节点不符。"
            f"应为 {expected} 与（回测次数, {nodes}, 步数）。",
            en=f"Quantiles {quantiles.shape} and errors {errors.shape} do not fit {nodes} nodes. "
            f"Give {expected} and (cutoffs, {nodes}, steps).",
        )
