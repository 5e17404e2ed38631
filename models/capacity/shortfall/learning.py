"""Learn how series move together: from the widths of a coherent hierarchy's bands, or from backtest errors."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from models.capacity.shortfall.dependence import (
    DEFAULT_PERSISTENCE,
    DEFAULT_SHARES,
    TOTAL,
    Dependence,
    dependence_of_shares,
    membership,
)
from models.capacity.shortfall.marginals import Marginals, normal_quantile
from models.demand.series import FloatArray

__all__ = ["dependence_of_errors", "dependence_of_widths"]

_PRIOR_CUTOFFS: Final = 4.0  # cutoffs that count as much as what is believed without any
_PRIOR_NODES: Final = 2.0  # nodes with a band that count as much as what is believed without any
_MOST_PERSISTENT: Final = 0.95


def dependence_of_widths(
    parts: Marginals,
    sums: Marginals,
    groups: pl.DataFrame,
    *,
    levels: Sequence[str],
    persistence: float = DEFAULT_PERSISTENCE,
) -> Dependence:
    """Learn what series share from how wide the bands of their sums are.

    parts: the bottom series; sums: bands of the nodes, named `total` and `family=LFP`, over the same weeks; groups:
    `unique_id` and a column for each of `levels`. A sum of series with standard deviations s_i and mean correlation r
    has variance sum(s_i^2) + r ((sum s_i)^2 - sum(s_i^2)), so each node's band tells the mean correlation under it; the
    share of variance of every level is what explains these best (non-negative least squares, each node weighted by the
    square root of its pairs), drawn to DEFAULT_SHARES where few nodes have a band. `total` counts as a level always.
    Standard deviations are the widths of the outermost band over a normal's, averaged over weeks.
    """
    own = parts.take(groups["unique_id"].cast(pl.String).to_list())
    deviation, sum_deviation = _deviation(own), dict(zip(sums.ids, _deviation(sums), strict=True))
    names = (TOTAL, *[one for one in levels if one != TOTAL])
    tables = {name: membership(groups, name) for name in names}
    rows, told, weight = [], [], []
    for members, nodes in tables.values():
        for column, node in enumerate(nodes):
            inside = members[:, column] > 0
            if node not in sum_deviation or inside.sum() <= 1:
                continue
            told.append(_mean_correlation(deviation[inside], sum_deviation[node]))
            rows.append([_alike(table[inside], deviation[inside]) for table, _ in tables.values()])
            weight.append(np.sqrt(inside.sum() * (inside.sum() - 1) / 2))
    shares = _shares(names, np.array(rows), np.array(told), np.array(weight))
    trust = len(told) / (len(told) + _PRIOR_NODES)
    return dependence_of_shares(
        groups,
        _blend(shares, trust),
        persistence=persistence,
        source=f"bands of {len(told)} nodes; persistence {persistence:g} given",
    )


def dependence_of_errors(
    errors: FloatArray,
    groups: pl.DataFrame,
    *,
    levels: Sequence[str],
    prior: Dependence | None = None,
) -> Dependence:
    """Learn what series share and how long deviations last from backtest errors.

    errors: actual minus forecast, (cutoffs, n, weeks), in the order of `groups`, NaN where there is none. Each series'
    errors are divided by their root mean square at each step (pooled over steps in so far as cutoffs are few), then the
    mean product of pairs in one week is regressed on what pairs share (non-negative least squares), and products of one
    cutoff's consecutive weeks give the persistence. Both are drawn to `prior` (without one: the stated defaults), as if
    it had been seen at 4 cutoffs: errors of one cutoff share their luck and count once.
    """
    cutoffs = int(np.isfinite(errors).any(axis=(1, 2)).sum())
    trust = cutoffs / (cutoffs + _PRIOR_CUTOFFS)
    before = DEFAULT_PERSISTENCE if prior is None else prior.persistence
    believed = DEFAULT_SHARES if prior is None else _shares_of(prior)
    names = (TOTAL, *[one for one in levels if one != TOTAL])
    if not cutoffs:
        return dependence_of_shares(
            groups, believed, persistence=before, source="default: no backtest errors"
        )
    scores = _scores(errors)
    shares = _pair_shares(scores, groups, names)
    persistence = trust * _persistence(scores, before) + (1 - trust) * before
    return dependence_of_shares(
        groups,
        _blend(shares, trust, believed),
        persistence=persistence,
        source=f"errors of {cutoffs} cutoffs",
    )


def _shares_of(prior: Dependence) -> dict[str, float]:
    """Return the mean share of variance by level of a dependence."""
    found: dict[str, float] = {}
    for column, node in enumerate(prior.nodes):
        loads = prior.loadings[:, column] ** 2
        level = node.split("=", 1)[0]
        found[level] = max(
            found.get(level, 0.0), float(loads[loads > 0].mean()) if (loads > 0).any() else 0.0
        )
    return found


def _blend(
    learnt: Mapping[str, float], trust: float, believed: Mapping[str, float] = DEFAULT_SHARES
) -> dict[str, float]:
    names = {*learnt, *[one for one in believed if one in learnt or one == TOTAL]}
    return {one: trust * learnt.get(one, 0.0) + (1 - trust) * believed.get(one, 0.0) for one in sorted(names)}


def _deviation(marginals: Marginals) -> FloatArray:
    """Return each series' standard deviation, (n,): the outermost band over a normal's, averaged over weeks."""
    low, high = normal_quantile(np.array([marginals.levels[0], marginals.levels[-1]]))
    width = (marginals.values[:, :, -1] - marginals.values[:, :, 0]) / (high - low)
    deviation: FloatArray = np.sqrt((width**2).mean(axis=1))
    return deviation


def _mean_correlation(parts: FloatArray, whole: float) -> float:
    alone, together = float((parts**2).sum()), float(parts.sum() ** 2)
    if together - alone <= 0:
        return 0.0
    return float(np.clip((whole**2 - alone) / (together - alone), 0.0, 1.0))


def _alike(members: FloatArray, deviation: FloatArray) -> float:
    """Return the share of pairs that lie in one node of a level, weighted by their deviations."""
    weighted = members * deviation[:, None]
    alone = float((weighted**2).sum())
    pairs = float(deviation.sum() ** 2 - (deviation**2).sum())
    return (float((weighted.sum(axis=0) ** 2).sum()) - alone) / pairs if pairs > 0 else 0.0


def _shares(names: Sequence[str], rows: FloatArray, told: FloatArray, weight: FloatArray) -> dict[str, float]:
    if not len(told):
        return {}
    from scipy.optimize import nnls  # noqa: PLC0415 - only where there is something to learn from

    found, _ = nnls(rows * weight[:, None], told * weight)
    return dict(zip(names, found.tolist(), strict=True))


def _scores(errors: FloatArray) -> FloatArray:
    """Return errors with mean square one by series and step, 0 where there is none, (cutoffs, n, weeks)."""
    seen = np.isfinite(errors)
    square = np.where(seen, errors, 0.0) ** 2
    count, total = seen.sum(axis=0), square.sum(axis=0)
    own = total.sum(axis=1) / np.maximum(count.sum(axis=1), 1)
    relative = np.divide(square, own[None, :, None], out=np.zeros_like(square), where=own[None, :, None] > 0)
    growth = relative.sum(axis=(0, 1)) / np.maximum(seen.sum(axis=(0, 1)), 1)
    size = np.sqrt(own[:, None] * np.where(growth > 0, growth, 1.0)[None, :])
    return np.where(
        seen & (size > 0)[None], np.where(seen, errors, 0.0) / np.where(size > 0, size, 1.0)[None], 0.0
    )


def _pair_shares(scores: FloatArray, groups: pl.DataFrame, names: Sequence[str]) -> dict[str, float]:
    flat = np.moveaxis(scores, 1, 0).reshape(scores.shape[1], -1)
    there = (flat != 0).astype(np.float64)
    count = there @ there.T
    upper = np.triu(count > 0, k=1)
    if not upper.any():
        return {}
    told = (flat @ flat.T)[upper] / count[upper]
    rows = []
    for name in names:
        members, _ = membership(groups, name)
        rows.append((members @ members.T)[upper])
    return _shares(names, np.stack(rows, axis=1), told, np.sqrt(count[upper]))


def _persistence(scores: FloatArray, default: float) -> float:
    first, second = scores[:, :, :-1], scores[:, :, 1:]
    both = (first != 0) & (second != 0)
    power = float((first**2)[both].sum() + (second**2)[both].sum()) / 2
    if power <= 0:
        return default
    return float(np.clip((first * second)[both].sum() / power, 0.0, _MOST_PERSISTENT))
