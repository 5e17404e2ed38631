"""Means of demand that rarely comes: TSB, Croston's method and the smoothed mean."""

from typing import Final

import numpy as np

from models.demand.member import Components
from models.demand.members.pooled_smoothing import best_constants
from models.demand.members.statistical import Parameters, StatisticalMember
from models.demand.series import FloatArray, IntArray

__all__ = ["CROSTON_OPTIMISED", "CROSTON_SBA", "SMOOTHED_MEAN", "TSB"]

_ALPHA: Final = 0.1  # Croston's constant where it is not searched
_SEARCHED: Final = np.linspace(0.1, 0.3, 9)
_SBA: Final = 1 - _ALPHA / 2  # the correction of Syntetos and Boylan 2005
_DEMANDS: Final = np.array([0.05, 0.1, 0.2])
_CHANCES: Final = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
_FIRST_PERIODS: Final = 12  # the smoothed mean starts from the mean of these


def _learn_tsb(values: FloatArray, lengths: IntArray, season: int) -> Parameters:
    """Smooth the size of demands and the chance of one (Teunter, Syntetos and Babai 2011).

    Both constants are shared by all series: those of the largest one-step Poisson likelihood.
    """
    y = np.maximum(values, 0.0)
    by_size, by_chance = (grid.ravel() for grid in np.meshgrid(_DEMANDS, _CHANCES, indexing="ij"))
    size, chance = np.zeros((len(by_size), len(y))), np.zeros((len(by_size), len(y)))
    seen = np.zeros(len(y), dtype=np.bool_)
    score = best_constants(y, lengths)
    for period in range(y.shape[1]):
        demand, inside = y[:, period] > 0, period < lengths
        score.add(period, size * chance, counted=inside & seen)
        chance = np.where(
            inside, chance + (by_chance[:, None] if period else 1.0) * (demand - chance), chance
        )
        fresh = np.where(seen, size + by_size[:, None] * (y[:, period] - size), y[:, period])
        size = np.where(demand & inside, fresh, size)
        seen |= demand & inside
    best = score.best(by_chance)
    unknown = np.where(lengths > 0, 0.0, np.nan)
    return {
        "size": size[best] + unknown,
        "chance": chance[best] + unknown,
        "alpha_size": np.full(len(y), by_size[best]),
        "alpha_chance": np.full(len(y), by_chance[best]),
    }


def _take_apart_tsb(parameters: Parameters, horizon: int) -> Components:
    return _level(parameters["size"] * parameters["chance"], horizon)


def _learn_mean(values: FloatArray, lengths: IntArray, season: int) -> Parameters:
    """Smooth demand itself, zeros included, from the mean of the first year of months.

    The constant is shared by all series: that of the largest one-step Poisson likelihood. Pooled, it was best among
    0.02 to 0.3 on each of nine sets from steady to fast drifting; chosen by each series for itself it cost up to 6 %.
    """
    y = np.maximum(values, 0.0)
    first = np.minimum(lengths, _FIRST_PERIODS)
    start = np.where(np.arange(y.shape[1]) < first[:, None], y, 0.0).sum(axis=1) / np.maximum(first, 1)
    level = np.repeat(start[None, :], len(_CHANCES), axis=0)
    score = best_constants(y, lengths)
    for period in range(y.shape[1]):
        inside = (period >= _FIRST_PERIODS) & (period < lengths)
        score.add(period, level, counted=inside)
        inside = period < lengths
        level = np.where(inside, level + _CHANCES[:, None] * (y[:, period] - level), level)
    best = score.best(_CHANCES)
    return {
        "level": np.where(lengths > 0, level[best], np.nan),
        "alpha": np.full(len(y), _CHANCES[best]),
    }


def _take_apart_mean(parameters: Parameters, horizon: int) -> Components:
    return _level(parameters["level"], horizon)


def _learn_sba(values: FloatArray, lengths: IntArray, season: int) -> Parameters:
    """Smooth sizes and intervals of demands with 0.1 and correct their ratio (Syntetos and Boylan 2005)."""
    size, interval, _ = _croston(values, lengths, np.array([_ALPHA]))
    return {"size": size[0], "interval": interval[0], "correction": np.full(len(values), _SBA)}


def _learn_optimised(values: FloatArray, lengths: IntArray, season: int) -> Parameters:
    """Smooth sizes and intervals with the constants from 0.1 to 0.3 of least squared error, one for each."""
    size, interval, errors = _croston(values, lengths, _SEARCHED)
    rows = np.arange(len(values))
    best_size, best_interval = errors[0].argmin(axis=0), errors[1].argmin(axis=0)
    return {
        "size": size[best_size, rows],
        "interval": interval[best_interval, rows],
        "correction": np.ones(len(values)),
        "alpha_size": _SEARCHED[best_size],
        "alpha_interval": _SEARCHED[best_interval],
    }


def _take_apart_croston(parameters: Parameters, horizon: int) -> Components:
    level = parameters["correction"] * parameters["size"] / parameters["interval"]
    return _level(level, horizon)


def _croston(
    values: FloatArray, lengths: IntArray, alphas: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Smooth demands and the intervals between them (Croston 1972), for each alpha.

    Returns size and interval (a, n) and the squared one-step errors of both (2, a, n). Size 0 where demand never came.
    """
    shape = (len(alphas), len(values))
    by, errors = alphas[:, None], np.zeros((2, *shape))
    size, interval = np.zeros(shape), np.ones(shape)
    waited, seen = np.zeros(len(values)), np.zeros(len(values), dtype=np.bool_)
    for period in range(values.shape[1]):
        waited += 1
        demand = (values[:, period] > 0) & (period < lengths)
        missed = np.where(seen & demand, np.stack([values[:, period] - size, waited - interval]), 0.0)
        errors += missed**2
        size = np.where(demand, np.where(seen, size + by * missed[0], values[:, period]), size)
        interval = np.where(demand, np.where(seen, interval + by * missed[1], waited), interval)
        waited, seen = np.where(demand, 0.0, waited), seen | demand
    return np.where(lengths > 0, size, np.nan), interval, errors


def _level(level: FloatArray, horizon: int) -> Components:
    return Components(("level",), np.repeat(level[:, None], horizon, axis=1)[:, :, None])


TSB: Final = StatisticalMember("tsb", _learn_tsb, _take_apart_tsb, pooled=True)
SMOOTHED_MEAN: Final = StatisticalMember("smoothed_mean", _learn_mean, _take_apart_mean, pooled=True)
CROSTON_SBA: Final = StatisticalMember("croston_sba", _learn_sba, _take_apart_croston)
CROSTON_OPTIMISED: Final = StatisticalMember("croston_optimised", _learn_optimised, _take_apart_croston)
