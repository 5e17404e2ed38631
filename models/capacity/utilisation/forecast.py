"""Forecast monthly utilisation with bands from the last value, corrected by what backtests earned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.capacity.utilisation.departures import NAMES, departures, last_value, movement, without_shocks
from models.capacity.utilisation.earned_weights import earned_weights
from models.capacity.utilisation.history import Histories, histories_of
from models.demand.conformal import learn_bands
from models.demand.series import FloatArray
from models.errors import UtilisationError
from models.quantile_columns import quantile_name

__all__ = ["forecast_utilisation"]

LEVELS: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_LEAST_HISTORY: Final = 12  # months before a cutoff
_MOST_CUTOFFS: Final = 144
_LUCK: Final = 0.4  # so much wider with one cutoff, as in `models.demand.conformal`
_ROOM: Final = 1.05  # above the highest utilisation ever seen
_WHOLE: Final = (1.0, 100.0)  # fully used, as a part or in percent
_ABOVE_WHOLE: Final = 1.5


@dataclass(frozen=True, eq=False)
class _Backtests:
    """Cutoffs oldest first; changes (b, n, h) and departures (b, m, n, h) in units of the movement at the cutoff."""

    changes: FloatArray
    departures: FloatArray

    def errors(self, weights: FloatArray) -> FloatArray:
        """Return what was missed with these weights, (b, n, h)."""
        missed: FloatArray = self.changes - np.einsum("mn,bmnh->bnh", weights, self.departures)
        return missed


def forecast_utilisation(
    frame: pl.DataFrame, horizon: int, *, levels: Sequence[float] = LEVELS, seed: int = 7
) -> pl.DataFrame:
    """Forecast `horizon` months after each series' last known one.

    frame: [unique_id, ds (months, all first or all last days), y], one series or many, as a part (0 to 1 and a little
    more) or in percent; gaps may be there. Returns [unique_id, ds, step, forecast, q5 ... (percent of `levels`), season,
    level, mean], sorted; the last three are the weights earned by each departure from the last value (`departures`),
    0 for a plain random walk. The forecast is the median. Bands are pooled conformal errors by step, in units of each
    series' own movement (`models.demand.conformal.learn_bands`); values stay between 0 and the larger of full use and
    1.05 times the highest ever seen. Nothing is random: `seed` is there because every forecast of the house has one.
    Raises UtilisationError naming the series.
    """
    del seed
    _check(horizon, levels)
    histories = histories_of(frame)
    tests = _backtests(histories, horizon)
    weights = earned_weights(tests.changes, tests.departures)
    now, moves = last_value(histories), movement(histories)
    ahead = departures(histories, horizon)
    upper = _upper(histories)[:, None]
    point = np.clip(now[:, None] + np.einsum("mn,mnh->nh", weights, ahead), 0.0, upper)
    # Half of what the bands learn from is the past as it was, half the past without its shocks: a shock that lasted a
    # month is in the windows of a year of cutoffs, and would make every band since then too wide.
    calm = _backtests(without_shocks(histories), horizon)
    errors = np.concatenate([tests.errors(weights), calm.errors(weights)])
    width = moves * _fewer_than_they_look(len(tests.changes), horizon)
    bands = learn_bands(errors, width, ["utilisation"] * len(now), levels)
    quantiles = np.clip(bands.quantiles(point), 0.0, upper[:, :, None])
    return _frame(histories, point, quantiles, levels, weights)


def _backtests(histories: Histories, horizon: int) -> _Backtests:
    """Forecast from every month of the last twelve years that has a year before it and a value after it."""
    backs = range(min(histories.y.shape[1] - _LEAST_HISTORY, _MOST_CUTOFFS), 0, -1)
    changes, tables = [], []
    for back in backs:
        then = histories.before(back)
        ready = np.isfinite(then.y).sum(axis=1) >= _LEAST_HISTORY
        size = movement(then)
        gap = (histories.actuals(back, horizon) - last_value(then)[:, None]) / size[:, None]
        changes.append(np.where(ready[:, None], gap, np.nan))
        tables.append(np.nan_to_num(departures(then, horizon) / size[None, :, None]))
    if not changes:
        shape = (len(histories.ids), horizon)
        return _Backtests(np.empty((0, *shape)), np.empty((0, len(NAMES), *shape)))
    return _Backtests(np.stack(changes), np.stack(tables))


def _fewer_than_they_look(cutoffs: int, horizon: int) -> float:
    """Return how much wider bands must be since windows of consecutive cutoffs overlap: one in `horizon` is new."""
    return 1 + _LUCK * min(horizon / max(cutoffs, 1), 1.0)


def _upper(histories: Histories) -> FloatArray:
    """Return the highest utilisation that is let through, (n,)."""
    highest: FloatArray = np.nanmax(histories.y, axis=1)
    whole = next((one for one in _WHOLE if np.max(highest) <= _ABOVE_WHOLE * one), 0.0)
    return np.maximum(_ROOM * highest, whole)


def _frame(
    histories: Histories,
    point: FloatArray,
    quantiles: FloatArray,
    levels: Sequence[float],
    weights: FloatArray,
) -> pl.DataFrame:
    horizon = point.shape[1]
    months = (histories.last[:, None] + np.arange(1, horizon + 1)[None, :]).ravel()
    columns = {quantile_name(one): quantiles[:, :, place].ravel() for place, one in enumerate(levels)}
    earned = {name: np.repeat(weights[place], horizon) for place, name in enumerate(NAMES)}
    return pl.DataFrame(
        {
            "unique_id": [one for one in histories.ids for _ in range(horizon)],
            "ds": histories.timeline.stamps(months).cast(histories.kind),
            "step": np.tile(np.arange(1, horizon + 1), len(histories.ids)),
            "forecast": point.ravel(),
            **columns,
            **earned,
        }
    )


def _check(horizon: int, levels: Sequence[float]) -> None:
    rising = np.asarray(levels, dtype=np.float64)
    if horizon < 1 or not len(rising) or (np.diff(rising) <= 0).any() or rising[0] <= 0 or rising[-1] >= 1:
        raise UtilisationError(
            zh=f"期数 {horizon} 或分位水平 {list(levels)} 有误。期数至少为 1，水平须递增且在 0 与 1 之间。",
            en=f"A horizon of {horizon} or levels {list(levels)} cannot be. "
            "Give 1 month or more, and rising levels between 0 and 1.",
        )
