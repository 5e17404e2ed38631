"""The dynamic optimised Theta method, learnt for many series at once in closed form."""

from typing import Final

import numpy as np

from models.demand.member import Components
from models.demand.members.classical_season import deseasonalise, next_first
from models.demand.members.statistical import Parameters, StatisticalMember
from models.demand.series import BoolArray, FloatArray, IntArray

__all__ = ["THETA"]

_ALPHAS: Final = np.linspace(0.1, 0.99, 24)
_FIRST_SCORED: Final = 3  # errors before this period belong to the start-up
_LEAST: Final = 6  # observations; with fewer the last value is forecast, as three errors cannot tell a trend
_FORGOTTEN: Final = 1e-17  # a share of the past below what doubles can hold
_FLAT: Final = 1e-12


def _learn(values: FloatArray, lengths: IntArray, season: int) -> Parameters:
    """Deseasonalise, then find smoothing, weight of the trend and initial level of least squared one-step error.

    The model (Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler 2016) smooths the level with `alpha` and adds
    `weight` = 1 - 1/theta times the forecast of the regression line through all observations so far. The
    one-step forecast is linear in the weight and the initial level, so that for each alpha their best values solve two
    normal equations; what is left is a search along alpha, which is one grid for all series.
    """
    adjusted = deseasonalise(values, lengths, season)
    y = adjusted.values
    line = _running_line(y)
    scored = _scored(lengths, y.shape[1])
    alpha = _best_alpha(y, line, scored)
    weight, level = _finish(y, line, scored, lengths, alpha)
    rows, end = np.arange(len(y)), np.maximum(lengths - 1, 0)
    level = np.where(lengths >= _LEAST, level, y[rows, end])
    return {
        "alpha": alpha,
        "weight": np.where(lengths >= _LEAST, weight, 0.0),
        "level": np.where(lengths > 0, level, np.nan),
        "intercept": line[0][rows, end],
        "slope": line[1][rows, end],
        "mean": y.sum(axis=1) / np.maximum(lengths, 1),
        "length": lengths.astype(np.float64),
        "multiplicative": adjusted.multiplicative.astype(np.float64),
        "season": next_first(adjusted.indices, lengths),
    }


def _take_apart(parameters: Parameters, horizon: int) -> Components:
    """Forecast step by step: level, what the line adds, and the season."""
    level = np.broadcast_to(parameters["level"][:, None], (len(parameters["level"]), horizon))
    path = _path(parameters, horizon)
    indices = parameters["season"][:, np.arange(horizon) % parameters["season"].shape[1]]
    season = np.where(parameters["multiplicative"][:, None] > 0, path * (indices - 1), indices)
    return Components(("level", "trend", "season"), np.stack([level, path - level, season], axis=2))


def _path(parameters: Parameters, horizon: int) -> FloatArray:
    """Return the forecast without season, (n, horizon): each step is taken for the observation of the next."""
    alpha, weight = parameters["alpha"], parameters["weight"]
    level, mean = parameters["level"], parameters["mean"]
    intercept, slope = parameters["intercept"], parameters["slope"]
    steps = []
    for step in range(horizon):
        seen = parameters["length"] + step
        faded = (1 - alpha) ** seen
        forecast = level + weight * (intercept * faded + slope * (1 - faded * (1 - alpha)) / alpha)
        level = alpha * forecast + (1 - alpha) * level
        surprise = forecast - mean
        mean = mean + surprise / (seen + 1)
        slope = ((seen - 1) * slope + 6 * surprise / (seen + 1)) / (seen + 2)
        intercept = mean - slope * (seen + 2) / 2
        steps.append(forecast)
    return np.stack(steps, axis=1)


def _running_line(y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return intercept and slope of the regression on time through the observations up to each, two (n, T)."""
    intercept, slope = np.zeros_like(y), np.zeros_like(y)
    intercept[:, 0] = mean = y[:, 0]
    for seen in range(1, y.shape[1]):
        surprise = y[:, seen] - mean
        mean = mean + surprise / (seen + 1)
        slope[:, seen] = ((seen - 1) * slope[:, seen - 1] + 6 * surprise / (seen + 1)) / (seen + 2)
        intercept[:, seen] = mean - slope[:, seen] * (seen + 2) / 2
    return intercept, slope


def _scored(lengths: IntArray, width: int) -> BoolArray:
    """Tell which one-step errors count, (n, T - 1); column 0 is the error of the second observation."""
    periods = np.arange(1, width)
    scored: BoolArray = (periods >= _FIRST_SCORED) & (periods < lengths[:, None])
    return scored


def _best_alpha(y: FloatArray, line: tuple[FloatArray, FloatArray], scored: BoolArray) -> FloatArray:
    """Return the alpha of least squared error of each series: best of the grid, refined by a parabola."""
    errors = np.empty((len(_ALPHAS), len(y)))
    seen = np.arange(1, y.shape[1])
    for number, alpha in enumerate(_ALPHAS):
        faded = (1 - alpha) ** seen
        smoothed = _smoothed(y, alpha)[:, :-1]
        drift = line[0][:, :-1] * faded + line[1][:, :-1] * ((1 - faded * (1 - alpha)) / alpha)
        left = np.where(scored, y[:, 1:] - smoothed, 0.0)
        sums = _sums(np.where(scored, faded, 0.0), np.where(scored, drift, 0.0), left)
        errors[number] = _solve(sums)[2]
    best = errors.argmin(axis=0)
    inner = np.clip(best, 1, len(_ALPHAS) - 2)
    before, at, after = (errors[inner + shift, np.arange(len(y))] for shift in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.where(bend > 0, (before - after) / (2 * np.where(bend > 0, bend, 1.0)), 0.0)
    refined = _ALPHAS[inner] + np.clip(shift, -1, 1) * (_ALPHAS[1] - _ALPHAS[0])
    chosen: FloatArray = np.where(best == inner, refined, _ALPHAS[best])
    return chosen


def _smoothed(y: FloatArray, alpha: float) -> FloatArray:
    """Smooth every history from zero with one alpha, by doubling how far back the sums reach."""
    smoothed, reach = alpha * y, 1
    while reach < y.shape[1] and (1 - alpha) ** reach > _FORGOTTEN:
        smoothed[:, reach:] += (1 - alpha) ** reach * smoothed[:, :-reach]
        reach *= 2
    return smoothed


def _finish(
    y: FloatArray,
    line: tuple[FloatArray, FloatArray],
    scored: BoolArray,
    lengths: IntArray,
    alpha: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return weight and last level at each series' own alpha."""
    faded, level = np.ones(len(y)), np.zeros(len(y))
    sums = np.zeros((6, len(y)))
    for period in range(y.shape[1]):
        if period:
            counted = scored[:, period - 1]
            drift = line[0][:, period - 1] * faded
            drift = drift + line[1][:, period - 1] * (1 - faded * (1 - alpha)) / alpha
            parts = faded, drift, y[:, period] - level
            sums += _products(*(np.where(counted, part, 0.0) for part in parts))
        inside = period < lengths
        level = np.where(inside, alpha * y[:, period] + (1 - alpha) * level, level)
        faded = np.where(inside, faded * (1 - alpha), faded)
    weight, initial, _ = _solve(sums)
    return weight, level + faded * initial


def _products(faded: FloatArray, drift: FloatArray, left: FloatArray) -> FloatArray:
    return np.stack([faded * faded, faded * drift, drift * drift, faded * left, drift * left, left * left])


def _sums(faded: FloatArray, drift: FloatArray, left: FloatArray) -> FloatArray:
    pairs = ((faded, faded), (faded, drift), (drift, drift), (faded, left), (drift, left), (left, left))
    return np.stack([np.einsum("nt,nt->n", one, other) for one, other in pairs])


def _solve(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Solve the two normal equations; the weight stays within 0 and 1. Returns weight, initial level, squared error."""
    ff, fd, dd, fl, dl, ll = sums
    ff = ff * (1 + 1e-9) + 1e-300  # where smoothing forgets the initial level at once, it has no influence
    determinant = ff * dd - fd**2
    clear = determinant > _FLAT * ff * dd
    weight = np.where(clear, (ff * dl - fd * fl) / np.where(clear, determinant, 1.0), 0.0)
    weight = np.clip(weight, 0.0, 1.0)
    initial = (fl - weight * fd) / ff
    error = ll - 2 * initial * fl - 2 * weight * dl + initial**2 * ff
    error = error + 2 * initial * weight * fd + weight**2 * dd
    return weight, initial, error


THETA: Final = StatisticalMember("theta", _learn, _take_apart)
