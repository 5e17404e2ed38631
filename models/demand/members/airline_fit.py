"""The airline model's arithmetic: conditional least squares of many series over a grid, and the path ahead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import lfilter

from models.demand.series import BoolArray, FloatArray, IntArray

__all__ = ["Airline", "joined", "learn_airline", "path_of"]

_ONCE: Final = (0.0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.9, 0.97)
_SEASONAL: Final = (0.0, 0.3, 0.5, 0.65, 0.8, 0.9)
_ROWS_MORE: Final = 2  # than columns, at least
_RIDGE: Final = 1e-6  # of a column's own size: columns that say the same twice share the effect


@dataclass(frozen=True)
class Airline:
    """(1 - B)(1 - B^s)(z - x effects) = (1 - once B)(1 - seasonal B^s) e, for n series; s of 1: no season.

    values, errors: the last s + 1 (1 without a season) of z - x effects and of e; z is y or, where `logged`, its
    logarithm. NaN where nothing was learnt.
    """

    season: int
    values: FloatArray  # (n, s + 1)
    errors: FloatArray  # (n, s + 1)
    effects: FloatArray  # (n, k)
    once: FloatArray  # (n,)
    seasonal: FloatArray  # (n,)
    logged: BoolArray  # (n,)


def joined(parts: Sequence[Airline]) -> Airline:
    """Put series that were learnt apart, with the same season and columns, below each other."""
    return Airline(
        parts[0].season,
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.errors for part in parts]),
        np.concatenate([part.effects for part in parts]),
        np.concatenate([part.once for part in parts]),
        np.concatenate([part.seasonal for part in parts]),
        np.concatenate([part.logged for part in parts]),
    )


def learn_airline(y: FloatArray, regressors: FloatArray, season: int) -> Airline:
    """Learn n series (n, T), NaN before a start or throughout where none shall be learnt, with (n, T, k) regressors.

    For each pair of coefficients on a grid the effects follow by least squares on the filtered, differenced columns; the
    pair with the least sum of squares is kept, and the regressors are where Schwarz's criterion (1978) prefers them.
    """
    width, columns = y.shape[1], regressors.shape[2]
    z, logged = _scaled(y)
    w = _differenced(z, season)
    inside = np.isfinite(w)
    w = np.where(inside, w, 0.0)
    x = np.where(inside[:, :, None], _differenced(regressors, season), 0.0)
    rows = inside.sum(axis=1)
    plain, told, effects = _searched(w, x, season)
    pays = _pays(plain[0], told[0], rows, columns)
    effects = np.where(pays[:, None], effects, 0.0)
    chosen = np.where(pays[:, None], told[1], plain[1])
    errors = _errors(w - (x * effects[:, None, :]).sum(axis=2), chosen, season)
    learnt = np.isfinite(y).any(axis=1) & (rows > columns + _ROWS_MORE)
    values = np.where(learnt[:, None], z - (regressors * effects[:, None, :]).sum(axis=2), np.nan)
    kept = season + 1 if season > 1 else 1
    return Airline(
        season,
        _last(values, kept, width),
        _last(errors, kept, width),
        effects,
        chosen[:, 0],
        chosen[:, 1],
        logged,
    )


def path_of(model: Airline, horizon: int) -> FloatArray:
    """Return the path of z - x effects ahead, (n, horizon)."""
    kept = model.values.shape[1]
    values = np.concatenate([model.values, np.full((len(model.values), horizon), np.nan)], axis=1)
    errors = np.concatenate([model.errors, np.zeros((len(model.values), horizon))], axis=1)
    for place in range(kept, kept + horizon):
        step = -model.once * errors[:, place - 1]
        if model.season > 1:
            lag = place - model.season
            step += (
                model.seasonal * (model.once * errors[:, lag - 1] - errors[:, lag])
                + values[:, lag] - values[:, lag - 1]
            )  # fmt: skip
        values[:, place] = values[:, place - 1] + step
    return values[:, kept:]


def _scaled(y: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return the logarithms of the series that are positive throughout, the others as they are, and which is which."""
    logged: BoolArray = np.where(np.isfinite(y), y, 1.0).min(axis=1) > 0
    logs = np.log(np.where(logged[:, None], y, 1.0))
    return np.where(logged[:, None], logs, y), logged


_Best = tuple[FloatArray, FloatArray]
"""The least sums of squares (n,) and the pairs of coefficients (n, 2) that have them."""


def _searched(w: FloatArray, x: FloatArray, season: int) -> tuple[_Best, _Best, FloatArray]:
    """Try the grid: what is best without and with the columns, and their effects (n, k) there."""
    count, columns = len(w), x.shape[2]
    losses = np.full((2, count), np.inf)
    pairs = np.zeros((2, count, 2))
    effects = np.zeros((count, columns))
    for pair in _grid(season):
        e = _filtered(w, pair, season)
        left, found = _explained(e, _filtered(x, pair, season))
        for place, loss in enumerate(((e**2).sum(axis=1), left)):
            better = loss < losses[place]
            losses[place, better] = loss[better]
            pairs[place, better] = pair
        effects[better] = found[better]
    return (losses[0], pairs[0]), (losses[1], pairs[1]), effects


def _grid(season: int) -> Iterator[tuple[float, float]]:
    for once in _ONCE:
        for seasonal in _SEASONAL if season > 1 else (0.0,):
            yield once, seasonal


def _filtered(values: FloatArray, pair: tuple[float, float], season: int) -> FloatArray:
    """Divide by (1 - once B)(1 - seasonal B^s) along the second axis; zero before the start."""
    found = lfilter([1.0], [1.0, -pair[0]], values, axis=1)
    if season > 1 and pair[1]:
        found = lfilter([1.0], np.r_[1.0, np.zeros(season - 1), -pair[1]], found, axis=1)
    result: FloatArray = found
    return result


def _explained(e: FloatArray, f: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the sum of squares that the columns leave of each series, and their effects by least squares."""
    if not f.shape[2]:
        return (e**2).sum(axis=1), np.zeros((len(e), 0))
    gram = np.einsum("ntk,ntl->nkl", f, f)
    size = np.einsum("nkk->nk", gram)
    gram = gram + np.eye(f.shape[2]) * (_RIDGE * size + (size <= 0))[:, None, :]
    towards = np.einsum("ntk,nt->nk", f, e)
    effects = np.linalg.solve(gram, towards[:, :, None])[:, :, 0]
    return ((e - np.einsum("ntk,nk->nt", f, effects)) ** 2).sum(axis=1), effects


def _pays(plain: FloatArray, told: FloatArray, rows: IntArray, columns: int) -> BoolArray:
    tiny = np.finfo(np.float64).tiny
    counted = np.maximum(rows, 1)
    gain = counted * (np.log(np.maximum(plain, tiny)) - np.log(np.maximum(told, tiny)))
    paid: BoolArray = (gain > columns * np.log(counted)) & (rows > 2 * columns)
    return paid


def _errors(w: FloatArray, chosen: FloatArray, season: int) -> FloatArray:
    errors = np.zeros_like(w)
    for pair in np.unique(chosen, axis=0):
        same = (chosen == pair).all(axis=1)
        errors[same] = _filtered(w[same], (float(pair[0]), float(pair[1])), season)
    return errors


def _differenced(values: FloatArray, season: int) -> FloatArray:
    """Difference along the second axis once and, with a season, by it; NaN where there is nothing before."""
    found = values
    for lag in (1, season) if season > 1 else (1,):
        before = np.full_like(found, np.nan)
        before[:, lag:] = found[:, :-lag] if lag < found.shape[1] else before[:, lag:]
        found = found - before
    return found


def _last(values: FloatArray, kept: int, width: int) -> FloatArray:
    missing = max(0, kept - width)
    return np.pad(values, ((0, 0), (missing, 0)), constant_values=np.nan)[:, -kept:]
