"""Weigh members by what their backtests showed: shrunk to equal, the bad ones dropped, the floor where nothing beats it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.demand.router import FLOOR
from models.demand.series import BoolArray, FloatArray

__all__ = ["Combination", "Field", "combine", "effective_weights", "unseen_errors", "weigh"]

_WORST: Final = 1.1  # a member whose loss is above this many times the best's is dropped
_OWN_ERRORS: Final = 200.0  # as many errors of its own as count as much as the whole kind's
_SHARPNESS: Final = 6.0  # weights go with loss to the power of minus this
_SMALLEST: Final = 1e-12
_TO_EQUAL: Final = 0.2  # so far from there to equal weights


@dataclass(frozen=True)
class Combination:
    """How members are weighed for each of n series.

    members: m names; weights: (n, m), rows sum to one; floor: (n,) True where the naive floor alone is served;
    loss: (n, m) shrunk mean scaled error, absolute or squared, in the backtests, NaN where not tried; combined: (n,) the combination's.
    """

    members: tuple[str, ...]
    weights: FloatArray
    floor: BoolArray
    loss: FloatArray
    combined: FloatArray


@dataclass(frozen=True)
class Field:
    """Who competes where: members (m names), tried (n, m), groups (n kinds, over which losses are pooled).

    preferred: (n, m) True where, of the members tried, these alone share equally, as the backtests have not seen what
    lies ahead. squared: (n,) True where errors count by their square. Demand that is mostly zero has a median of zero, so absolute
    errors are least for a forecast of nothing; squares are least for the mean.
    """

    members: tuple[str, ...]
    tried: BoolArray
    groups: tuple[str, ...]
    squared: BoolArray
    preferred: BoolArray


def weigh(errors: FloatArray, field: Field) -> Combination:
    """Learn weights from scaled errors of rolling-origin backtests.

    errors: (m, b, n, h) actual minus forecast over each series' scale, NaN where there is none. Where nothing could be
    tested, the floor is served.
    """
    members, tried = field.members, field.tried
    each = [_loss_of(one, field) for one in errors]
    loss = np.where(tried, np.stack(each, axis=1), np.nan)
    weights = _weights(loss, tried)
    preferred = tried & field.preferred
    chosen = preferred.any(axis=1)
    weights[chosen] = preferred[chosen] / preferred[chosen].sum(axis=1, keepdims=True)
    floor = members.index(FLOOR)
    combined = _loss_of(combine(errors, weights), field)
    # A NaN loses too: what could not be tested is not served before the floor.
    lost = ~(combined <= loss[:, floor])
    weights[lost] = np.arange(len(members)) == floor
    combined = np.where(lost, loss[:, floor], combined)
    return Combination(members, weights, weights[:, floor] == 1, loss, combined)


def unseen_errors(errors: FloatArray, field: Field) -> FloatArray:
    """Return what the combination misses by at each cutoff, (b, n, h), with weights learnt at the other cutoffs.

    Weights look best where they were learnt; bands drawn from such errors would be too narrow. With one cutoff there is
    no other. Weights go by loss alone here: those preferred for what no cutoff has seen are not at their best at any.
    """
    field = replace(field, preferred=np.zeros_like(field.preferred))
    cutoffs = range(errors.shape[1])
    missed = np.full(errors.shape[1:], np.nan)
    for cutoff in cutoffs:
        others = [other for other in cutoffs if other != cutoff] or [cutoff]
        weights = weigh(errors[:, others], field).weights
        missed[cutoff] = combine(errors[:, cutoff], weights)
    return missed


def combine(forecasts: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weighted mean of (m, ..., n, h) over members with weights (n, m); NaN where no member has one."""
    shares = effective_weights(forecasts, weights)
    sums = (np.nan_to_num(forecasts) * shares).sum(axis=0)
    return np.where(shares.sum(axis=0) > 0, sums, np.nan)


def effective_weights(forecasts: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weight of each forecast in (m, ..., n, h): that of a member without one goes to the others."""
    shape = (weights.shape[1],) + (1,) * (forecasts.ndim - 3) + (weights.shape[0], 1)
    present = np.where(np.isfinite(forecasts), weights.T.reshape(shape), 0.0)
    total = present.sum(axis=0)
    shares: FloatArray = present / np.where(total > 0, total, 1.0)
    return shares


def _weights(loss: FloatArray, tried: BoolArray) -> FloatArray:
    """Turn losses into weights, (n, m); members of unknown loss weigh the same."""
    ranked = np.where(tried & np.isfinite(loss), np.maximum(loss, _SMALLEST), np.inf)
    best = ranked.min(axis=1, keepdims=True)
    tested = np.isfinite(best)
    best = np.where(tested, best, 1.0)
    kept = np.where(tested, ranked <= _WORST * best, tried)
    skill = np.where(kept & np.isfinite(ranked), (np.where(kept, ranked, 1.0) / best) ** -_SHARPNESS, kept)
    equal = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1)
    sharp = skill / np.maximum(skill.sum(axis=1, keepdims=True), 1e-300)
    weights: FloatArray = (1 - _TO_EQUAL) * sharp + _TO_EQUAL * equal
    return weights


def _loss_of(errors: FloatArray, field: Field) -> FloatArray:
    """Shrink each series' mean error, absolute or squared, towards its group's, (b, n, h) -> (n,)."""
    group = np.unique(np.array(field.groups), return_inverse=True)[1]
    sizes = np.where(field.squared[None, :, None], errors**2, np.abs(errors))
    counted = np.isfinite(sizes)
    counts = counted.sum(axis=(0, 2)).astype(np.float64)
    sums = np.where(counted, sizes, 0.0).sum(axis=(0, 2))
    pooled = np.full(group.size, np.nan)
    for one in np.unique(group):
        rows = (group == one) & (counts > 0)
        if rows.any():
            pooled[group == one] = (sums[rows] / counts[rows]).mean()
    loss: FloatArray = (sums + _OWN_ERRORS * pooled) / (counts + _OWN_ERRORS)
    return loss
