"""Ways in which the next months may differ from the last value: the season, a smoothed level, the long-run mean."""

from dataclasses import replace
from typing import Final

import numpy as np

from models.capacity.utilisation.history import Histories
from models.demand.series import BoolArray, FloatArray

__all__ = ["NAMES", "departures", "last_value", "movement", "without_shocks"]

NAMES: Final = ("season", "level", "mean")

_YEAR: Final = 12
_LEAST_SEASONAL: Final = 25  # two differences of each month
_LEAST: Final = 6  # values that make a level or a mean
_SMOOTHING: Final = 0.4
_LEVEL_MONTHS: Final = 24
_MEAN_MONTHS: Final = 120
_REVERSION: Final = 0.95  # part of the distance to the mean that is left a month later
_OUTLYING: Final = 3.0  # mean absolute differences; a strike or a lockdown is not a season
_RECENT: Final = 0.5  # part of a series' movement that its last two years say
_RECENT_MONTHS: Final = 24
_SMALLEST: Final = 1e-9
_SHOCK: Final = 5.0  # median absolute moves; a normal's moves exceed it once in 1,300
_YEARS: Final = 3  # of a month before it has a usual move of its own


def last_value(histories: Histories) -> FloatArray:
    """Return the last known value of each series, (n,)."""
    return _filled(histories.y)[:, -1]


def departures(histories: Histories, horizon: int) -> FloatArray:
    """Return by how much each way of forecasting departs from the last value, (3, n, horizon), in the order of NAMES.

    season: the sum of the mean changes into the months to come, as this series changed into them in earlier years;
    level: simple exponential smoothing of the last two years; mean: the mean of the last ten years, approached by 5 %
    of the distance a month. 0 where a history is too short to tell. Nothing after the histories' end is read.
    """
    filled, known = _filled(histories.y), np.isfinite(histories.y).sum(axis=1)
    now = filled[:, -1:]
    season = _season(histories, horizon) * (known >= _LEAST_SEASONAL)[:, None]
    enough = (known >= _LEAST)[:, None]
    level = (_smoothed(filled) - now) * enough * np.ones(horizon)
    pull = 1 - _REVERSION ** np.arange(1, horizon + 1)
    mean = (_mean(filled[:, -_MEAN_MONTHS:]) - now) * enough * pull
    return np.stack([season, level, mean])


def movement(histories: Histories) -> FloatArray:
    """Return how much each series usually moves in a month, (n,), above 0: half its whole past, half its last two years.

    Single moves count five times the median at most (three times the mean where most months do not move), so that one
    shock does not make every later band wide.
    """
    moves = np.abs(_differences(histories.y))
    median = _median_where(moves, np.isfinite(moves), least=1)
    capped = np.minimum(moves, np.where(median > 0, _SHOCK * median, _OUTLYING * _mean(moves)))
    usual, recent = _mean(capped), _mean(capped[:, -_RECENT_MONTHS:])
    blended = (1 - _RECENT) * usual + _RECENT * np.where(np.isfinite(recent), recent, usual)
    size = _mean(np.abs(histories.y))[:, 0]
    flat = ~(blended[:, 0] > 0)
    return np.maximum(np.where(flat, 0.01 * size, np.nan_to_num(blended[:, 0])), _SMALLEST)


def without_shocks(histories: Histories) -> Histories:
    """Return the histories with every month's move cut to five times the usual one, beyond what that month usually does.

    A lockdown then looks like a bad month, while a line that stands still every August keeps its August.
    """
    moves = _differences(histories.y)
    columns = np.arange(1 - moves.shape[1], 1)
    month = np.mod(histories.last[:, None] + columns[None, :], _YEAR)
    usual = np.zeros_like(moves)
    for one in range(_YEAR):
        usual += np.where(month == one, _median_where(moves, month == one), 0.0)
    around = moves - usual
    cap = _SHOCK * _median_where(np.abs(around), np.isfinite(around), least=1)
    cap = np.where(cap > 0, cap, np.inf)
    excess = np.nan_to_num(around - np.clip(around, -cap, cap))
    y = histories.y.copy()
    y[:, 1:] -= np.cumsum(excess, axis=1)[:, : y.shape[1] - 1]
    return replace(histories, y=y)


def _median_where(values: FloatArray, chosen: BoolArray, *, least: int = _YEARS) -> FloatArray:
    """Return the median of the chosen known values of each row, (n, 1), 0 where there are fewer than `least`."""
    known = chosen & np.isfinite(values)
    count = known.sum(axis=1)
    ordered = np.sort(np.where(known, values, np.inf), axis=1)
    low, high = (np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1))
    rows = np.arange(len(values))
    middle = np.where(count >= least, (ordered[rows, low] + ordered[rows, high]) / 2, 0.0)
    return np.asarray(middle, dtype=np.float64)[:, None]


def _season(histories: Histories, horizon: int) -> FloatArray:
    moves = _differences(histories.y)
    typical = _mean(np.abs(moves))
    bounded = np.clip(moves, -_OUTLYING * typical, _OUTLYING * typical)
    columns = np.arange(1 - moves.shape[1], 1)
    month = np.mod(histories.last[:, None] + columns[None, :], _YEAR)
    means = np.stack([_mean_where(bounded, month == one) for one in range(_YEAR)], axis=1)
    means -= means.mean(axis=1, keepdims=True)
    ahead = np.mod(histories.last[:, None] + np.arange(1, horizon + 1)[None, :], _YEAR)
    return np.cumsum(np.take_along_axis(means, ahead, axis=1), axis=1)


def _smoothed(filled: FloatArray) -> FloatArray:
    """Return the exponentially smoothed level, (n, 1)."""
    window = filled[:, -_LEVEL_MONTHS:]
    weight = (1 - _SMOOTHING) ** np.arange(window.shape[1])[::-1] * np.isfinite(window)
    total = (weight * np.nan_to_num(window)).sum(axis=1, keepdims=True)
    level: FloatArray = total / np.maximum(weight.sum(axis=1, keepdims=True), _SMALLEST)
    return level


def _differences(y: FloatArray) -> FloatArray:
    return y[:, 1:] - y[:, :-1] if y.shape[1] > 1 else np.full((len(y), 1), np.nan)


def _mean(values: FloatArray) -> FloatArray:
    """Return the mean of the known values of each row, (n, 1), NaN without any."""
    known = np.isfinite(values)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _mean_where(values: FloatArray, chosen: BoolArray) -> FloatArray:
    return np.nan_to_num(_mean(np.where(chosen, values, np.nan))[:, 0])


def _filled(y: FloatArray) -> FloatArray:
    """Carry the last known value over gaps; NaN before a series starts."""
    place = np.where(np.isfinite(y), np.arange(y.shape[1])[None, :], 0)
    return np.take_along_axis(y, np.maximum.accumulate(place, axis=1), axis=1)
