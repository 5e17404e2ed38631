"""Correct probabilities by what earlier backtests came to: a logistic line, drawn to leaving them as they are."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from models.demand.series import FloatArray
from models.errors import ShortfallError

__all__ = ["Recalibration", "learn_recalibration"]

_PRIOR_CUTOFFS: Final = 3.0  # cutoffs that count as much as believing the probabilities as they are
_CLOSEST: Final = 1e-3  # to 0 and 1: a simulation of 2,000 futures tells no smaller probability
_LEAST_OF_EACH: Final = 5
_ROUNDS: Final = 50
_SETTLED: Final = 1e-10
_STEEPEST: Final = 3.0
_RIDGE: Final = 1.0  # pairs; outcomes that a threshold parts perfectly must not make the slope infinite


@dataclass(frozen=True)
class Recalibration:
    """Probability p becomes logistic(intercept + slope x logit(p)); 0 and 1 stay what they are."""

    intercept: float = 0.0
    slope: float = 1.0
    cutoffs: int = 0
    pairs: int = 0

    def apply(self, probability: FloatArray) -> FloatArray:
        """Return the corrected probabilities, any shape, in the same order of size."""
        told = np.asarray(probability, dtype=np.float64)
        odds = self.intercept + self.slope * _logit(told)
        certain = (told <= 0) | (told >= 1)
        return np.where(certain, told, 1 / (1 + np.exp(-odds)))


def learn_recalibration(pairs: pl.DataFrame, *, before: date) -> Recalibration:
    """Learn from pairs [cutoff, week, probability, outcome] whose week was over before `before`; others are not read.

    Maximum likelihood of the outcomes given the logit (Platt 2000), then drawn to leaving probabilities as they are, by
    cutoffs / (cutoffs + 3): pairs of one cutoff share their luck, so a thousand pairs of one cutoff prove little. With
    fewer than 5 pairs of either outcome, probabilities stay as they are. Runs publish what was simulated: a run carries stock
    from week to week, which backtested pairs leave out, and in backtests the correction harmed as often as it helped
    (figures in `bench/capacity_parts/shortfall.py`).
    """
    missing = [one for one in ("cutoff", "week", "probability", "outcome") if one not in pairs.columns]
    if missing:
        raise ShortfallError(
            zh=f"回测表缺少列 {', '.join(missing)}。请补充。",
            en=f"The backtest lacks {', '.join(missing)}. Add them.",
        )
    # A week stamped on its Monday is over seven days later.
    known = pairs.filter((pl.col("week") + pl.duration(days=7) <= before) & (pl.col("cutoff") < before))
    known = known.sort("cutoff", "week", "probability", "outcome")
    told, came = (known[one].cast(pl.Float64).to_numpy() for one in ("probability", "outcome"))
    open_ = (told > 0) & (told < 1)
    told, came = told[open_], came[open_]
    cutoffs = known["cutoff"].n_unique()
    if min(came.sum(), len(came) - came.sum()) < _LEAST_OF_EACH:
        return Recalibration(0.0, 1.0, cutoffs, len(told))
    intercept, slope = _fit(_logit(told), came)
    trust = cutoffs / (cutoffs + _PRIOR_CUTOFFS)
    return Recalibration(trust * intercept, 1 + trust * (slope - 1), cutoffs, len(told))


def _fit(odds: FloatArray, came: FloatArray) -> tuple[float, float]:
    """Return intercept and slope of the logistic regression of the outcomes, slope from 0 to 3 (Newton's method)."""
    design = np.column_stack([np.ones_like(odds), odds])
    at = np.array([0.0, 1.0])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-(design @ at)))
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + _RIDGE * np.eye(2)
        step = np.linalg.solve(curve, design.T @ (came - chance) - _RIDGE * (at - np.array([0.0, 1.0])))
        at = at + np.clip(step, -1.0, 1.0)
        at[1] = np.clip(at[1], 0.0, _STEEPEST)
        if np.abs(step).max() < _SETTLED:
            break
    return float(at[0]), float(at[1])


def _logit(told: FloatArray) -> FloatArray:
    inside = np.clip(told, _CLOSEST, 1 - _CLOSEST)
    return np.asarray(np.log(inside / (1 - inside)), dtype=np.float64)
