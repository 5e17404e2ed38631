"""How far line-days can lie from their median: a booster of the size of backtest errors, the same for all lines."""

from typing import Final

import lightgbm as lgb
import numpy as np

from models.capacity.lines.boosters import as_text
from models.capacity.lines.grid import FloatArray, IntArray
from models.capacity.lines.settings import LineSettings

__all__ = ["learn_spread", "spread_of", "tested_spread"]

_FEWEST_ROWS: Final = 400
_ROUNDS: Final = 60
_MOST_LEARNT: Final = 60_000
_LEAST: Final = 0.15  # of the usual size of errors: no day is taken to be surer


def learn_spread(
    x: FloatArray, error: FloatArray, *, categorical: list[int], seed: int, settings: LineSettings
) -> lgb.Booster | None:
    """Learn the mean absolute error of rows, (r,) in usual days; none where there are too few."""
    if len(error) < _FEWEST_ROWS or np.ptp(error) <= 0:
        return None
    every = -(-len(error) // _MOST_LEARNT)
    parameters = settings.parameters(
        "regression", rows=len(error), targets=len(error) // 4, seed=seed, threads=1
    )
    parameters |= {"num_leaves": 8, "min_data_in_leaf": max(60, len(error) // 200)}
    data = lgb.Dataset(
        x[::every],
        label=error[::every],
        feature_name=[f"f{place}" for place in range(x.shape[1])],
        categorical_feature=categorical,
        params=parameters,
    )
    return as_text(lgb.train(parameters, data, num_boost_round=_ROUNDS))


def spread_of(booster: lgb.Booster | None, x: FloatArray, usual: float) -> FloatArray:
    """Return the size of errors to expect, (r,) in usual days, never far below the `usual` one."""
    least = _LEAST * usual
    if booster is None or not len(x):
        return np.full(len(x), max(usual, 1e-9))
    return np.maximum(np.asarray(booster.predict(x, num_threads=1), dtype=np.float64), max(least, 1e-9))


def tested_spread(
    x: FloatArray,
    error: FloatArray,
    cut: IntArray,
    *,
    categorical: list[int],
    seed: int,
    settings: LineSettings,
) -> FloatArray:
    """Return each row's spread as told by a booster that saw only the cut-offs of other halves, (r,)."""
    told = np.empty(len(error))
    usual = float(error.mean()) if len(error) else 1.0
    late = cut < (cut.max(initial=0) + 1) / 2
    for half in (late, ~late):
        booster = learn_spread(x[~half], error[~half], categorical=categorical, seed=seed, settings=settings)
        told[half] = spread_of(booster, x[half], usual)
    return told
