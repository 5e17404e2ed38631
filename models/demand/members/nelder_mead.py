"""Nelder and Mead's simplex for many small problems at once."""

from collections.abc import Callable
from typing import Final

import numpy as np

from models.demand.series import FloatArray, IntArray

__all__ = ["minimise"]

_SETTLED: Final = 1e-4  # spread of a simplex's values below which it has arrived
_LOOK_EVERY: Final = 5  # iterations between two looks at which have
_EXPAND: Final = 2.0
_CONTRACT: Final = 0.5

Objective = Callable[[FloatArray, IntArray], FloatArray]
"""Takes points (k, d) and the problems they belong to (k,); returns their values (k,), never NaN."""


def minimise(
    objective: Objective, start: FloatArray, spread: FloatArray, *, iterations: int
) -> tuple[FloatArray, FloatArray]:
    """Minimise n problems in d dimensions (Nelder and Mead 1965); a problem's path does not depend on the others.

    start: (n, d), spread: (d,) first steps. Returns the best points (n, d) and their values (n,).
    """
    points, values = _first_simplex(objective, start, spread)
    active = np.arange(len(start))
    for iteration in range(iterations):
        if not active.size:
            break
        points[active], values[active] = _step(objective, points[active], values[active], active)
        if iteration % _LOOK_EVERY == _LOOK_EVERY - 1:
            active = active[np.ptp(values[active], axis=1) > _SETTLED]
    best, rows = values.argmin(axis=1), np.arange(len(start))
    return points[rows, best], values[rows, best]


def _first_simplex(
    objective: Objective, start: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray]:
    rows, dimensions = start.shape
    points = np.repeat(start[:, None, :], dimensions + 1, axis=1)
    for dimension in range(dimensions):
        points[:, dimension + 1, dimension] += spread[dimension]
    everyone = np.arange(rows)
    values = np.stack([objective(points[:, corner], everyone) for corner in range(dimensions + 1)], axis=1)
    return points, values


def _step(
    objective: Objective, points: FloatArray, values: FloatArray, problems: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Move every simplex once: reflect the worst corner, then expand, contract or shrink where that calls for it."""
    order = np.argsort(values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    points = np.take_along_axis(points, order[:, :, None], axis=1)
    centre, worst = points[:, :-1].mean(axis=1), points[:, -1]
    reflected = 2 * centre - worst
    at_reflected = objective(reflected, problems)
    expand, poor = at_reflected < values[:, 0], at_reflected >= values[:, -2]
    inside = poor & (at_reflected >= values[:, -1])
    reach = np.where(expand, _EXPAND, np.where(inside, -_CONTRACT, _CONTRACT))
    second, at_second = centre + reach[:, None] * (centre - worst), np.full(len(problems), np.inf)
    again = np.flatnonzero(expand | poor)
    if again.size:
        at_second[again] = objective(second[again], problems[again])
    better = at_second < np.where(inside, values[:, -1], at_reflected)
    taken = ~poor | better
    points[taken, -1] = np.where(better[:, None], second, reflected)[taken]
    values[taken, -1] = np.where(better, at_second, at_reflected)[taken]
    stuck = np.flatnonzero(~taken)
    if stuck.size:
        points[stuck, 1:] = (points[stuck, 1:] + points[stuck, :1]) / 2
        for corner in range(1, points.shape[1]):
            values[stuck, corner] = objective(points[stuck, corner], problems[stuck])
    return points, values
