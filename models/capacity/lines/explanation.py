"""Why a line's forecast is what it is: from the planned rate around the clock to the forecast, in the line's unit."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.capacity.lines.boosters import contributions
from models.capacity.lines.columns import Columns
from models.capacity.lines.grid import FACTORS, HOURS_A_DAY, FloatArray, LineGrid
from models.capacity.lines.learnt import Days, Learnt
from models.capacity.lines.rows import Rows
from models.capacity.lines.weeks import Weeks, summed
from models.errors import LineAdditivityError

__all__ = ["EXPLAINED", "contribution_frame", "walk"]

EXPLAINED: Final = (
    "planned_rate",
    "calendar",
    "maintenance",
    "availability",
    "performance",
    "quality",
    "adjustment",
)
"""Factors of an explanation, in the order of the walk."""

_MAINTENANCE: Final = "maintenance"
_TOLERANCE: Final = 1e-6
_SHOWN: Final = 1e-9


@dataclass(frozen=True, eq=False)
class _Step:
    """A part of the walk: the factor and driver it belongs to and its value a row, in hours of the planned rate."""

    factor: str
    driver: str
    value: FloatArray


def walk(grid: LineGrid, rows: Rows, columns: Columns, learnt: Learnt, days: Days) -> list[_Step]:
    """Return the parts that lead from calendar hours to the expectation of rows, in hours of the planned rate.

    A factor f of a chain value v moves it by v (f - 1); inside, f = level x (1 + trust x (ratio - 1)), and the ratio is
    the sum of its contributions. What maintenance does inside any factor is counted as maintenance; what the trees make
    of a driver that a line does not have, or that is not known for the day, is the line's own level.
    """
    chain, factors = days.told.chain, days.told.factors
    steps = [_Step("planned_rate", "planned_rate", chain[0])]
    steps += _calendar(grid, rows)
    trusts = learnt.trust[:, rows.line]
    for k, name in enumerate(FACTORS):
        factor, trust = "calendar" if k == 0 else name, trusts[k]
        counted = ~rows.plan_known if k == 0 else np.ones(len(rows), dtype=np.bool_)
        size = np.where(counted, chain[k] * rows.base[k], 0.0)
        if k > 0:
            steps.append(_Step(factor, "recent_level", chain[k] * (rows.base[k] - 1)))
        told = contributions(learnt.boosters, name, rows.x)
        steps.append(_Step(factor, _shown_as(factor, "recent_level"), size * trust * (told[:, -1] - 1)))
        for place, word in enumerate(columns.words):
            of = _MAINTENANCE if word == _MAINTENANCE else factor
            value = size * trust * told[:, place]
            if columns.is_driver(place):
                unknown = np.isnan(rows.x[:, place])
                steps.append(_Step(of, _shown_as(factor, "recent_level"), np.where(unknown, value, 0.0)))
                value = np.where(unknown, 0.0, value)
            steps.append(_Step(of, _shown_as(factor, word), value))
        free = rows.base[k] * (1 + trust * days.shares[k])
        steps.append(_Step(factor, "limit", np.where(counted, chain[k] * (factors[k] - free), 0.0)))
    capped = days.expected + days.told.lost
    return [
        *steps,
        _Step("adjustment", "bottleneck", capped - chain[4]),
        _Step("adjustment", "restart", -days.told.lost),
    ]


def _shown_as(factor: str, word: str) -> str:
    """Return the driver a column is shown as: what tells the line and its recent days is one driver."""
    level = {"recent_level", "horizon", "line"} | ({"shift_plan"} if factor == "calendar" else set())
    if word not in level:
        return word
    return "usual_hours" if factor == "calendar" else "recent_level"


def _calendar(grid: LineGrid, rows: Rows) -> list[_Step]:
    """Return what usual hours, a shift plan and maintenance take from the calendar."""
    known, held = rows.plan_known, rows.maintained
    rest = known & held & (rows.hours < rows.usual)  # a plan that is shorter for maintenance
    steps = [
        _Step("calendar", "usual_hours", np.where(known & ~rest, 0.0, rows.usual - HOURS_A_DAY)),
        _Step("calendar", "shift_plan", np.where(known & ~rest, rows.hours - HOURS_A_DAY, 0.0)),
    ]
    left = np.where(known, np.where(rest, rows.hours, rows.usual), rows.base[0] * HOURS_A_DAY)
    codes = grid.maintenance[rows.line, rows.day]
    for code, kind in enumerate((*grid.kinds, "other")):
        taken = np.where(held & (codes == code) & (rest | ~known), left - rows.usual, 0.0)
        steps.append(_Step(_MAINTENANCE, kind, taken))
    return steps


def contribution_frame(
    grid: LineGrid, weeks: Weeks, steps: list[_Step], *, rate: FloatArray, forecast: FloatArray
) -> pl.DataFrame:
    """Return the parts by line, week, factor and driver in the line's unit; rate (r,), forecast (weeks,).

    Raises LineAdditivityError naming the line and the week where they do not sum to the forecast.
    """
    parts: dict[tuple[str, str], FloatArray] = {}
    for step in steps:
        key = (step.factor, step.driver)
        parts[key] = parts.get(key, np.zeros(len(forecast))) + summed(weeks, step.value * rate)
    total = np.sum(list(parts.values()), axis=0)
    size = np.maximum(np.maximum(np.abs(forecast), parts["planned_rate", "planned_rate"]), 1e-12)
    gap = np.abs(total - forecast)
    if (gap > _TOLERANCE * size).any() or not np.isfinite(gap).all():
        worst = int(np.nan_to_num(gap / size, nan=np.inf).argmax())
        week = np.datetime64(int(weeks.monday[worst]), "D")
        raise LineAdditivityError(grid.line_ids[weeks.line[worst]], str(week), float(gap[worst]))
    ordered = sorted(parts, key=lambda one: (EXPLAINED.index(one[0]), one[1]))
    frames = [_frame(grid, weeks, key, parts[key], size) for key in ordered]
    order = pl.Enum(EXPLAINED)
    whole = pl.concat(frames).with_columns(pl.col("factor").cast(order))
    return whole.sort("line_id", "week", "factor", "driver").with_columns(pl.col("factor").cast(pl.String))


def _frame(
    grid: LineGrid, weeks: Weeks, key: tuple[str, str], value: FloatArray, size: FloatArray
) -> pl.DataFrame:
    shown = np.abs(value) > _SHOWN * size
    shown |= key == ("planned_rate", "planned_rate")
    return pl.DataFrame(
        {
            "line_id": np.array(grid.line_ids)[weeks.line[shown]],
            "week": weeks.monday[shown].astype("datetime64[D]"),
            "factor": [key[0]] * int(shown.sum()),
            "driver": [key[1]] * int(shown.sum()),
            "value": value[shown],
        },
        schema={
            "line_id": pl.String,
            "week": pl.Date,
            "factor": pl.String,
            "driver": pl.String,
            "value": pl.Float64,
        },
    )
