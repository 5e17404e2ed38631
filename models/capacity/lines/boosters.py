"""The boosters of a panel of lines: one a factor for its expected value, one for the median of a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import joblib
import lightgbm as lgb
import numpy as np

from models.capacity.lines.columns import Columns
from models.capacity.lines.grid import FACTORS, FloatArray, IntArray
from models.capacity.lines.rows import Rows, World, rows_of
from models.capacity.lines.settings import LineSettings

__all__ = ["Boosters", "as_text", "contributions", "learn_boosters", "medians_told", "predicted", "shares"]

_MEDIANS: Final = ("median", "median_of_plan")
"""Medians of a day's output: over what the line's recent median makes of the plan, and over the plan itself."""
_FEWEST_ROWS: Final = 40
_LEAST_HOURS: Final = 0.02  # of the usual day: below, a day says nothing of the share that is made
_NEAR: Final = 28
_ROWS_FOR_ONE_THREAD: Final = 250_000
_MOST_RATIO: Final = 20.0

Boosters = Mapping[str, lgb.Booster]
"""Boosters by factor and `median`; one that could not be learnt is left out, and its level is served."""


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What one booster learns: a ratio to the level, weighed by what the level is a share of."""

    target: FloatArray
    weight: FloatArray


def learn_boosters(
    world: World, columns: Columns, end: int, *, horizon: int, seed: int, settings: LineSettings
) -> Boosters:
    """Learn from the line-days up to place `end` of the axis, each seen from origins drawn up to `horizon` days before.

    A factor's booster learns the ratio of the factor to the line's level, weighed by what the factor is a share of, so
    that expected values multiply: E[planned] x E[run] / E[planned] x ... Those of the median learn for absolute error;
    of a small table several, by seed, that are served as their mean.
    """
    line, day, origin = _drawn(world, end, horizon=horizon, seed=seed, settings=settings)
    if len(line) < _FEWEST_ROWS:
        return {}
    rows = rows_of(world, columns, line, day, origin)
    targets = len(np.unique(line * world.grid.size[1] + day))
    learnt: dict[str, lgb.Booster] = {}
    for number, (name, lesson) in enumerate(_lessons(world, rows, end, settings).items()):
        taught = (lesson.weight > 0) & np.isfinite(lesson.target)
        if taught.sum() < _FEWEST_ROWS or np.ptp(lesson.target[taught]) <= 0:
            continue
        of = _Table(rows.x[taught], lesson.target[taught], lesson.weight[taught])
        told = int(targets * taught.sum() / len(taught))
        for copy in range(settings.copies(told) if name in _MEDIANS else 1):
            key = name if not copy else f"{name}_{copy}"
            median = name in _MEDIANS
            learnt[key] = _learn(of, columns, settings, told, median=median, seed=seed + number + 101 * copy)
    return learnt


@dataclass(frozen=True, eq=False)
class _Table:
    """Rows (r, columns) with what they teach, (r,), and its weight."""

    x: FloatArray
    wanted: FloatArray
    weight: FloatArray


def _learn(
    table: _Table, columns: Columns, settings: LineSettings, targets: int, *, median: bool, seed: int
) -> lgb.Booster:
    rows = len(table.x)
    parameters = settings.parameters(
        "regression_l1" if median else "regression",
        rows=rows,
        targets=targets,
        seed=seed,
        threads=_threads(rows),
    )
    data = lgb.Dataset(
        table.x,
        label=table.wanted,
        weight=table.weight,
        feature_name=[f"f{place}" for place in range(len(columns.names))],
        categorical_feature=[columns.names.index(one) for one in columns.categorical],
        params=parameters,
        free_raw_data=True,
    )
    return as_text(lgb.train(parameters, data, num_boost_round=settings.rounds_of(targets, median=median)))


def as_text(booster: lgb.Booster) -> lgb.Booster:
    """Return the booster as its text would be read, so that a saved model answers bit for bit the same."""
    return lgb.Booster(model_str=booster.model_to_string())


def _lessons(world: World, rows: Rows, end: int, settings: LineSettings) -> dict[str, _Lesson]:
    grid, line, day = world.grid, rows.line, rows.day
    chain = grid.hours[:, line, day]
    size = np.maximum(_usual_day(world, line, rows.origin), 1e-9)
    fresh = 0.5 ** ((end - day) / settings.half_life)
    found: dict[str, _Lesson] = {}
    for k, factor in enumerate(FACTORS):
        under, level = chain[k] / size, rows.base[k]
        weight = under * level * fresh
        if k == 0:
            weight = np.where(rows.plan_known, 0.0, weight)
        elif k in {
            1,
            3,
        }:  # a line that does not report run hours, or good output, teaches nothing of that factor
            weight = np.where(grid.reports[0 if k == 1 else 2][line], weight, 0.0)
        target = chain[k + 1] / np.maximum(chain[k] * level, 1e-12)
        found[factor] = _Lesson(np.minimum(target, _MOST_RATIO), np.where(under > _LEAST_HOURS, weight, 0.0))
    # A median hardly moves for a rest that may come; learnt, the dates of past ones would be taken for the next.
    surprise = (grid.maintenance[line, day] >= 0) & ~rows.maintained
    counted = (rows.hours / size > _LEAST_HOURS) & ~surprise
    for name, planned in zip(_MEDIANS, _median_levels(rows), strict=True):
        target = np.minimum(chain[4] / np.maximum(planned, 1e-12), _MOST_RATIO)
        found[name] = _Lesson(target, np.where(counted, planned / size * fresh, 0.0))
    return found


def _median_levels(rows: Rows) -> tuple[FloatArray, FloatArray]:
    """Return what the medians are ratios to, in hours of the planned rate."""
    return rows.hours * rows.median, rows.hours


def _usual_day(world: World, line: IntArray, origin: IntArray) -> FloatArray:
    """Return the mean planned hours of a line's days so far: what its errors are measured in."""
    sums, seen = world.state.sums, world.state.seen
    mean: FloatArray = sums[1, line, origin + 1] / np.maximum(seen[line, origin], 1)
    return np.where(mean > 0, mean, 1.0)


def _drawn(
    world: World, end: int, *, horizon: int, seed: int, settings: LineSettings
) -> tuple[IntArray, IntArray, IntArray]:
    """Draw origins for the reported line-days up to `end`: half of them near, half anywhere within the horizon."""
    grid = world.grid
    known = grid.known & (np.arange(grid.size[1])[None, :] <= end)
    line, day = np.nonzero(known)
    lags = int(np.clip(settings.most_rows // max(len(line), 1), 1, settings.most_lags))
    rng = np.random.default_rng([seed, grid.size[1]])
    near, far, side = (rng.random((lags, *grid.size)) for _ in range(3))
    reach = np.maximum(horizon, 1)
    lag = np.where(side < 0.5, near * min(_NEAR, reach), far * reach).astype(np.int64) + 1  # noqa: PLR2004 - a half
    chosen = lag[:, line, day].ravel()
    line, day = np.tile(line, lags), np.tile(day, lags)
    origin = day - chosen
    inside = origin >= grid.first[line]
    line, day, origin = line[inside], day[inside], origin[inside]
    if len(line) > settings.most_rows:
        kept = np.sort(rng.permutation(len(line))[: settings.most_rows])
        line, day, origin = line[kept], day[kept], origin[kept]
    return line, day, origin


def shares(boosters: Boosters, rows: Rows) -> FloatArray:
    """Return by how much each factor differs from its level, (4, r): zero where no booster was learnt."""
    return np.stack([predicted(boosters, factor, rows.x) - 1.0 for factor in FACTORS])


def medians_told(boosters: Boosters, rows: Rows) -> FloatArray:
    """Return the ratios of output to the two levels of a median, (2, r), each the mean of its boosters."""
    return np.stack([_mean_told(boosters, name, rows.x) for name in _MEDIANS])


def _mean_told(boosters: Boosters, name: str, x: FloatArray) -> FloatArray:
    copies = [name, *(f"{name}_{copy}" for copy in range(1, len(boosters)) if f"{name}_{copy}" in boosters)]
    told: FloatArray = np.mean([predicted(boosters, one, x) for one in copies], axis=0)
    return told


def predicted(boosters: Boosters, name: str, x: FloatArray) -> FloatArray:
    """Return the ratio to the level that a booster tells, (r,); one without a booster."""
    if name not in boosters or not len(x):
        return np.ones(len(x))
    told = boosters[name].predict(x, num_threads=_threads(len(x)))
    return np.asarray(told, dtype=np.float64)


def contributions(boosters: Boosters, name: str, x: FloatArray) -> FloatArray:
    """Return exact contributions of the columns to a ratio, (r, columns + 1), the last that of all rows.

    Source: Lundberg, Erion, Lee (2018), as implemented by LightGBM (`pred_contrib`).
    """
    if name not in boosters or not len(x):
        return np.column_stack([np.zeros(x.shape), np.ones(len(x))])
    told = boosters[name].predict(x, pred_contrib=True, num_threads=_threads(len(x)))
    return np.asarray(told, dtype=np.float64)


def _threads(rows: int) -> int:
    """Return the processors to use: one for few rows, where threads wait longer than they work."""
    return 1 if rows <= _ROWS_FOR_ONE_THREAD else int(joblib.cpu_count() or 1)
