"""Find the smoothing parameters and initial states of one ETS form for many series."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.demand.members.classical_season import positive, seasonal_indices
from models.demand.members.ets_filter import Form, Season, Smoothing, States, criterion, smooth
from models.demand.members.nelder_mead import minimise
from models.demand.series import BoolArray, FloatArray, IntArray

__all__ = ["Estimate", "estimate"]

_ITERATIONS: Final = 60
_LEAST_SEASONS: Final = 2
_LEAST_INDEX: Final = 0.01
_FIRST_PERIODS: Final = 10  # the initial line is drawn through these, or through two seasons
_PHI: Final = (0.8, 0.98)
_EDGE: Final = 1e-4
_STEEPEST: Final = 30.0  # a logit beyond is 0 or 1
_WORST: Final = 1e300  # value of a point outside a form's domain
_SMALLEST_UNIT: Final = 1e-12
_SIMPLEST: Final = Form(trend=False, season=Season.NONE)
_TREND_UNIT: Final = 0.1  # initial trend is searched in tenths of the usual change from period to period

# Logits: where the search starts, its first step, and the spread of the prior around the start.
_ALPHA: Final = (-0.5, 0.8, 1.5)
_BETA_SHARE: Final = (-3.5, 1.2, 1.0)  # of alpha
_PHI_PLACE: Final = (1.5, -1.5, 1.0)  # within its bounds
_GAMMA_SHARE: Final = (-2.5, 1.2, 1.0)  # of 1 - alpha
_INITIAL: Final = (0.0, 1.0, 1 / 0.3)  # in the usual change from period to period


@dataclass(frozen=True)
class Estimate:
    """One form's parameters, last states and AICc (n,); infinite where the form does not suit the series."""

    aicc: FloatArray
    smoothing: Smoothing
    states: States


@dataclass(frozen=True)
class _Problem:
    """Series sorted by length, longest first, and where their states start."""

    form: Form
    y: FloatArray  # (T, n)
    lengths: IntArray
    start: States
    unit: FloatArray  # (n,) usual change from period to period


def estimate(values: FloatArray, lengths: IntArray, season: int, form: Form) -> Estimate:
    """Return the most likely parameters under weak priors, from left-aligned histories (n, T).

    As Hyndman et al. 2008, section 5.2, except that initial seasons come from the classical decomposition and are not
    searched, and that each search coordinate has a normal prior around its start: without it short series get trends that
    last. The prior counts little where history is long.
    """
    suited = _suited(values, lengths, season, form)
    found = _nothing(len(values), season if form.season != Season.NONE else 1)
    rows = np.flatnonzero(suited)
    if not rows.size:
        return found
    rows = rows[np.argsort(-lengths[rows], kind="stable")]
    problem = _set_up(values[rows], lengths[rows], season, form)
    coordinates = _coordinates(form)
    start = np.repeat(coordinates[None, :, 0], len(rows), axis=0)

    def objective(points: FloatArray, problems: IntArray) -> FloatArray:
        value = _deviance(problem, points, problems)
        strange = (points - coordinates[:, 0]) / coordinates[:, 2]
        value = value + (strange**2).sum(axis=1)
        return np.where(np.isfinite(value), value, _WORST)

    points, value = minimise(objective, start, coordinates[:, 1], iterations=_ITERATIONS)
    return _scatter(found, rows, problem, points, _aicc(value, problem))


def _suited(values: FloatArray, lengths: IntArray, season: int, form: Form) -> BoolArray:
    suited: BoolArray = lengths > (form.count(season) + 1 if form != _SIMPLEST else 0)
    if form.season != Season.NONE:
        suited &= lengths >= _LEAST_SEASONS * season
    if form.season == Season.MULTIPLICATIVE:
        suited &= positive(values, lengths)
    return suited


def _nothing(rows: int, season: int) -> Estimate:
    empty = np.full(rows, np.nan)
    smoothing = Smoothing(empty, empty.copy(), empty.copy(), empty.copy())
    return Estimate(
        np.full(rows, np.inf), smoothing, States(empty.copy(), empty.copy(), np.zeros((season, rows)))
    )


def _set_up(values: FloatArray, lengths: IntArray, season: int, form: Form) -> _Problem:
    rows, width = values.shape
    periods = np.arange(width)
    indices = np.zeros((rows, 1))
    adjusted = values
    if form.season != Season.NONE:
        by_ratio = form.season == Season.MULTIPLICATIVE
        indices = seasonal_indices(values, lengths, season, multiplicative=by_ratio)
        if by_ratio:
            indices = np.maximum(indices, _LEAST_INDEX)
            indices = indices / indices.mean(axis=1, keepdims=True)
        along = indices[:, periods % season]
        adjusted = values / along if by_ratio else values - along
    level, trend = _first_line(adjusted, np.minimum(lengths, max(_FIRST_PERIODS, 2 * season)), form)
    changes = np.where(periods[1:] < lengths[:, None], np.diff(values, axis=1), 0.0)
    unit = np.sqrt((changes**2).sum(axis=1) / np.maximum(lengths - 1, 1)) + _SMALLEST_UNIT
    y = np.ascontiguousarray(values[:, : lengths[0]].T)
    return _Problem(form, y, lengths, States(level, trend, np.ascontiguousarray(indices.T)), unit)


def _first_line(adjusted: FloatArray, first: IntArray, form: Form) -> tuple[FloatArray, FloatArray]:
    """Return level and trend before the first period, from the first periods' regression line or mean."""
    inside = np.arange(adjusted.shape[1]) < first[:, None]
    mean = np.where(inside, adjusted, 0.0).sum(axis=1) / first
    if not form.trend:
        return mean, np.zeros_like(mean)
    middle = (first + 1) / 2
    apart = np.where(inside, np.arange(1, adjusted.shape[1] + 1) - middle[:, None], 0.0)
    spread = np.maximum((apart**2).sum(axis=1), _SMALLEST_UNIT)
    slope = (apart * (adjusted - mean[:, None])).sum(axis=1) / spread
    return mean - slope * middle, slope


def _coordinates(form: Form) -> FloatArray:
    """Return start, first step and prior spread of each search coordinate, (d, 3)."""
    trend = [_BETA_SHARE, _PHI_PLACE] if form.trend else []
    season = [_GAMMA_SHARE] if form.season != Season.NONE else []
    initial = [_INITIAL] * (1 + form.trend)
    return np.array([_ALPHA, *trend, *season, *initial])


def _read(problem: _Problem, points: FloatArray, problems: IntArray) -> tuple[Smoothing, States]:
    """Turn search coordinates into parameters and initial states."""
    form, start, unit = problem.form, problem.start, problem.unit[problems]
    columns = iter(points.T)
    none = np.zeros(len(points))
    alpha = _EDGE + (1 - 2 * _EDGE) * _share(next(columns))
    beta, phi = none, none + 1
    if form.trend:
        beta = alpha * _share(next(columns))
        phi = _PHI[0] + (_PHI[1] - _PHI[0]) * _share(next(columns))
    gamma = (1 - alpha) * _share(next(columns)) if form.season != Season.NONE else none
    level = start.level[problems] + unit * next(columns)
    trend = start.trend[problems] + _TREND_UNIT * unit * next(columns) if form.trend else none
    return Smoothing(alpha, beta, gamma, phi), States(level, trend, start.season[:, problems])


def _share(logit: FloatArray) -> FloatArray:
    share: FloatArray = 1 / (1 + np.exp(-np.clip(logit, -_STEEPEST, _STEEPEST)))
    return share


def _run(
    problem: _Problem, points: FloatArray, problems: IntArray
) -> tuple[FloatArray, FloatArray, Smoothing, States]:
    lengths = problem.lengths[problems]
    width = int(lengths[0])
    counts = np.searchsorted(-lengths, -np.arange(width), side="left")
    smoothing, start = _read(problem, points, problems)
    y = problem.y[:width] if len(problems) == len(problem.lengths) else problem.y[:width, problems]
    errors, forecasts, last = smooth(y, counts, problem.form, smoothing, start)
    return errors, forecasts, smoothing, last


def _deviance(problem: _Problem, points: FloatArray, problems: IntArray) -> FloatArray:
    errors, forecasts, _, _ = _run(problem, points, problems)
    return criterion(errors, forecasts, problem.lengths[problems], problem.form)


def _aicc(value: FloatArray, problem: _Problem) -> FloatArray:
    """Return the corrected criterion of Hurvich and Tsai 1989; where it is undefined the simplest form alone remains."""
    season = len(problem.start.season)
    count = problem.form.count(season)
    left = problem.lengths - count - 1
    correction = np.where(left > 0, 2 * count * (count + 1) / np.maximum(left, 1), 0.0)
    aicc: FloatArray = value + 2 * count + correction
    return aicc


def _scatter(
    found: Estimate, rows: IntArray, problem: _Problem, points: FloatArray, aicc: FloatArray
) -> Estimate:
    _, _, smoothing, last = _run(problem, points, np.arange(len(rows)))
    found.aicc[rows] = aicc
    for name in ("alpha", "beta", "gamma", "phi"):
        getattr(found.smoothing, name)[rows] = getattr(smoothing, name)
    found.states.level[rows], found.states.trend[rows] = last.level, last.trend
    found.states.season[:, rows] = last.season
    return found
