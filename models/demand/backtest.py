"""Forecast from earlier cutoffs, as if it were then, and keep what was missed by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.demand.roster import find_member
from models.demand.series import BoolArray, FloatArray, Series

__all__ = ["Backtest", "run_backtest", "sane"]

_ABSURD: Final = 10.0  # a forecast this many times beyond all that ever was is a method gone astray


@dataclass(frozen=True)
class Backtest:
    """Forecasts (m, b, n, h) of m members from b cutoffs for n series, actuals (b, n, h), tried (n, m)."""

    members: tuple[str, ...]
    backs: tuple[int, ...]
    forecasts: FloatArray
    actuals: FloatArray
    tried: BoolArray


def run_backtest(
    series: Series, tried: Mapping[str, BoolArray], horizon: int, backs: Sequence[int], *, seed: int
) -> Backtest:
    """Let each member forecast the series it may try from cutoffs `backs` periods before their ends."""
    shape = (len(tried), len(backs), len(series), horizon)
    forecasts = np.full(shape, np.nan)
    for number, (name, rows) in enumerate(tried.items()):
        if backs:
            part = series.take(rows)
            forecasts[number][:, rows] = find_member(name).backtest(part, horizon, backs, seed=seed)
    for place, back in enumerate(backs):
        cut = series.before(back)
        forecasts[:, place] = sane(forecasts[:, place], cut)
    actuals = np.stack([series.actuals(back, horizon) for back in backs]) if backs else np.empty(shape[1:])
    return Backtest(tuple(tried), tuple(backs), forecasts, actuals, np.stack(list(tried.values()), axis=1))


def sane(forecasts: FloatArray, series: Series) -> FloatArray:
    """Blank forecasts (..., n, h) that lie absurdly far beyond all that the series ever was."""
    finite = np.where(np.isfinite(series.y), np.abs(series.y), 0.0)
    limit = _ABSURD * finite.max(axis=1, initial=0.0)[:, None]
    kept: FloatArray = np.where(np.abs(forecasts) <= limit, forecasts, np.nan)
    return kept
