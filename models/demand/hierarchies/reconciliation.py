"""Forecasts of a hierarchy that add up: weighted least squares in closed form, sparse, and never below zero."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.series import BoolArray, FloatArray
from models.errors import ReconciliationError

__all__ = ["incoherence", "reconcile", "residual_variance", "structural_variance"]

_FLOOR: Final = 1e-14  # of a node's own scale: a variance of zero is honoured, and the system stays regular
_UNKNOWN: Final = (
    1e6  # a bottom series without forecast varies this much more than what would speak against it
)


def reconcile(
    forecasts: FloatArray,
    hierarchy: Hierarchy,
    variance: FloatArray,
    *,
    non_negative: bool | BoolArray = False,
) -> FloatArray:
    """Return the coherent forecasts nearest to those given, nodes of small error variance moved least; (n, h).

    forecasts: (n, h) in units of y, n nodes in the order of the hierarchy; variance: error variances, (n,) for all
    steps or (n, h). Weighted least squares with S = [A; I] in the form that inverts over the aggregates alone,
    b + W_b A' (W_a + A W_b A')^-1 (a - A b) (Wickramasuriya, Athanasopoulos & Hyndman 2019, eq. 9 with diagonal W),
    by sparse factors. A node whose forecast is NaN takes no part and gets the coherent value: series below share
    equally what the nodes above leave for them, NaN where no node above has a forecast either.

    `non_negative`, one flag or one a bottom series (m,): those below zero are set to zero and summed again.
    Raises ReconciliationError for other shapes, infinite forecasts, or variances that are negative or NaN.
    """
    _check(forecasts, hierarchy, variance)
    upper = hierarchy.upper
    system = hierarchy.sums[:upper]
    bottom = np.empty((forecasts.shape[0] - upper, forecasts.shape[1]))
    for columns, weights in _alike(forecasts, variance):
        bottom[:, columns] = _solve(forecasts[:, columns], system, weights)
    floored = np.broadcast_to(np.asarray(non_negative), (len(bottom),))
    clipped: FloatArray = np.where(floored[:, None] & (bottom < 0), 0.0, bottom)
    return hierarchy.add_up(clipped)


def incoherence(values: FloatArray, hierarchy: Hierarchy) -> float:
    """Return the largest gap between a node and the sum of its series, relative to the sum of their sizes."""
    upper = hierarchy.upper
    flat = values.reshape(values.shape[0], -1)
    gap = np.abs(flat[:upper] - hierarchy.sums[:upper] @ flat[upper:])
    size = np.maximum(hierarchy.sums[:upper] @ np.abs(flat[upper:]), np.abs(flat[:upper]))
    relative = np.divide(gap, size, out=np.zeros_like(gap), where=size > 0)
    return float(np.nanmax(relative, initial=0.0))


def structural_variance(hierarchy: Hierarchy) -> FloatArray:
    """Return the variances that hold when nothing is known of the errors: how many series a node adds up, (n,)."""
    return np.asarray(np.diff(hierarchy.sums.indptr), dtype=np.float64)


def residual_variance(residuals: FloatArray, hierarchy: Hierarchy, *, prior: float = 4.0) -> FloatArray:
    """Estimate each node's error variance from its backtest errors, (n,), shrunk to the structure.

    residuals: actual minus forecast, (k, n, h) of k cutoffs, in units of y, NaN where there is none. The mean square
    of a node counts as many observations as it has; against it stand `prior` observations of what its series lead one
    to expect: the sum of their variances times what the level shows beyond it. A node without errors takes that; with
    no errors at all the structural variances are returned.
    """
    seen = np.isfinite(residuals)
    count = seen.sum(axis=(0, 2)).astype(np.float64)
    if not count.any():
        return structural_variance(hierarchy)
    squares = np.where(seen, residuals, 0.0) ** 2
    mean = np.divide(squares.sum(axis=(0, 2)), count, out=np.full(len(count), np.nan), where=count > 0)
    expected = _expected(mean, hierarchy)
    shrunk = (np.nan_to_num(mean) * count + expected * prior) / (count + prior)
    return np.asarray(np.where(shrunk > 0, shrunk, expected), dtype=np.float64)


def _expected(mean: FloatArray, hierarchy: Hierarchy) -> FloatArray:
    """Return the variance the structure leads one to expect: level by level a multiple of the sum of the bottom's."""
    upper = hierarchy.upper
    typical = float(np.nanmean(mean[upper:])) if np.isfinite(mean[upper:]).any() else 1.0
    own = np.where(np.isfinite(mean[upper:]), mean[upper:], typical)
    sums = hierarchy.add_up(own)
    expected = np.where(np.arange(len(mean)) < upper, sums, typical)
    for level in hierarchy.level_names[:-1]:
        rows = hierarchy.rows_of(level)
        rows = rows[np.isfinite(mean[rows]) & (sums[rows] > 0)]
        if len(rows):
            expected[hierarchy.rows_of(level)] *= mean[rows].sum() / sums[rows].sum()
    return np.asarray(expected, dtype=np.float64)


def _check(forecasts: FloatArray, hierarchy: Hierarchy, variance: FloatArray) -> None:
    count = len(hierarchy)
    if forecasts.ndim != 2 or len(forecasts) != count:  # noqa: PLR2004 - nodes by steps
        raise ReconciliationError(
            zh=f"预测的形状为 {forecasts.shape}，层级有 {count} 个节点。请按层级的节点顺序给出（节点数，步数）。",
            en=f"Forecasts have shape {forecasts.shape}, the hierarchy {count} nodes. Give (nodes, steps) in its order.",
        )
    if variance.shape not in {(count,), forecasts.shape}:
        raise ReconciliationError(
            zh=f"方差的形状为 {variance.shape}，应为 ({count},) 或 {forecasts.shape}。请每个节点给一个，或每步一个。",
            en=f"Variances have shape {variance.shape}, not ({count},) or {forecasts.shape}. Give one a node, or one a step.",
        )
    rows = variance.reshape(count, -1)
    for bad, zh, en in (
        (np.isinf(forecasts).any(axis=1), "预测为无穷大。请改为缺失（NaN）", "infinite forecasts. Use NaN for none"),
        (~(rows >= 0).all(axis=1), "方差为负或缺失。请使用 residual_variance 的结果",
         "negative or missing variances. Use those of residual_variance"),
    ):  # fmt: skip
        if bad.any():
            names = ", ".join(hierarchy.ids[row] for row in np.flatnonzero(bad)[:5])
            raise ReconciliationError(zh=f"节点 {names}：{zh}。", en=f"Nodes {names}: {en}.")


def _alike(forecasts: FloatArray, variance: FloatArray) -> Iterator[tuple[list[int], FloatArray]]:
    """Group the steps that share weights and missing nodes: one factor serves them all."""
    groups: dict[bytes, list[int]] = {}
    for step in range(forecasts.shape[1]):
        weights = variance if variance.ndim == 1 else variance[:, step]
        groups.setdefault(np.isnan(forecasts[:, step]).tobytes() + weights.tobytes(), []).append(step)
    for columns in groups.values():
        yield columns, variance if variance.ndim == 1 else variance[:, columns[0]]


def _solve(forecasts: FloatArray, system: csr_array, variance: FloatArray) -> FloatArray:
    """Return the reconciled bottom, (m, h), of steps with the same missing nodes."""
    upper = system.shape[0]
    there = np.isfinite(forecasts[:, 0])
    kept = system[there[:upper]]
    above = variance[:upper][there[:upper]]
    below, lost = _bottom_variance(variance[upper:], there[upper:], kept, above)
    start = np.where(there[upper:, None], forecasts[upper:], 0.0)
    gap = forecasts[:upper][there[:upper]] - kept @ start
    regular = _regular(above, kept @ np.where(there[upper:], below, 0.0))
    step = below[:, None] * (kept.T @ _weighted_gap(kept, regular, below, gap))
    return np.where(lost[:, None], np.nan, start + step)


def _bottom_variance(
    variance: FloatArray, there: BoolArray, kept: csr_array, above: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Give series without forecast a variance beside which that of their relatives is nothing; name the hopeless."""
    below = np.where(there, variance, 0.0)
    if there.all():
        return below, ~there
    against = above + kept @ below
    worst = (
        (diags_array(against) @ kept).max(axis=0).toarray().ravel() if kept.shape[0] else np.zeros(len(there))
    )
    floor = float(np.max(variance, initial=0.0)) or 1.0
    reached = np.asarray(kept.sum(axis=0)).ravel() > 0
    return np.where(there, variance, _UNKNOWN * np.where(worst > 0, worst, floor)), ~there & ~reached


def _regular(above: FloatArray, beneath: FloatArray) -> FloatArray:
    """Keep variances off zero by what is nothing beside the node's own scale."""
    scale = above + beneath
    tiny = float(np.max(scale, initial=0.0)) or 1.0
    return np.asarray(np.maximum(above, _FLOOR * np.maximum(scale, _FLOOR * tiny)), dtype=np.float64)


def _weighted_gap(kept: csr_array, above: FloatArray, below: FloatArray, gap: FloatArray) -> FloatArray:
    """Return (W_a + A W_b A')^-1 gap, scaled to a diagonal of one before it is factored."""
    if not kept.shape[0]:
        return gap
    system = csr_array(kept @ diags_array(below) @ kept.T) + diags_array(above)
    scale = 1 / np.sqrt(system.diagonal())
    matrix = csc_array(diags_array(scale) @ system @ diags_array(scale))
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    scaled = scale[:, None] * gap
    solved = factors.solve(scaled)
    solved += factors.solve(
        scaled - matrix @ solved
    )  # one refinement: variances of a group span many powers of ten
    return np.asarray(scale[:, None] * solved)
