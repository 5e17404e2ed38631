"""Make the series of a hierarchy's sums from those at its bottom, and check sums that the table brought along."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from models.demand.hierarchies.hierarchy import Hierarchy
from models.demand.series import BoolArray, FloatArray, IntArray, Series
from models.errors import HierarchyError

__all__ = ["add_upper", "check_sums", "driver_weights"]

_FILLED: Final = 0.05  # of the sum may come from filled values before the sum counts as not observed
_FINDINGS: Final = {
    "unique_id": pl.String, "rule": pl.String, "rows": pl.Int64, "first_ds": pl.String,
    "treatment_zh": pl.String, "treatment_en": pl.String,
}  # fmt: skip


def add_upper(
    series: Series, hierarchy: Hierarchy, *, summed: Collection[str] = (), closed: BoolArray | None = None
) -> Series:
    """Return the series of all nodes, in their order, all up to the newest period: sums are made from the bottom series.

    series: the bottom series, and those nodes that have a history of their own, which they keep.
    y: the sum. A series counts as 0 before its first value. After its last value it counts as 0 if it has been gone
    for more than a season (discontinued); until then it counts as what it was a season before (not reported yet), in
    its own row as well. Where `closed` (n of series, season) is set, by position in the season, it counts as 0.
    A sum is observed where filled values make up at most 5 % of it, and starts with its first series.
    Known and past drivers: the mean over the series that have a value, weighted by their mean absolute y of all time
    (so price is the mean price, a promotion flag the share of volume promoted); drivers in `summed` are added.
    Static columns and coded drivers: the value all series share, NaN where they differ.
    Raises HierarchyError for bottom series that are missing.
    """
    place = {one: number for number, one in enumerate(series.ids)}
    missing = [one for one in hierarchy.bottom_ids if one not in place]
    if missing:
        raise HierarchyError(
            missing,
            zh="不在表中。请补充或从层级中删去",
            en="are not in the table. Add them or drop them from it",
        )
    aligned = _up_to_newest(series)
    bottom = np.array([place[one] for one in hierarchy.bottom_ids], dtype=np.int64)
    rows = aligned.take(bottom)
    made = _made(rows, hierarchy, frozenset(summed), None if closed is None else closed[bottom])
    own = [(node, place[one]) for node, one in enumerate(hierarchy.ids) if one in place]
    return _with_own(made, aligned, np.array(own, dtype=np.int64).T)


def _made(rows: Series, hierarchy: Hierarchy, summed: frozenset[str], closed: BoolArray | None) -> Series:
    y, seen = rows.y, rows.observed
    if closed is not None:
        shut = np.take_along_axis(closed, rows.timeline.position(rows.periods(), rows.season), axis=1)
        y, seen = np.where(shut & np.isfinite(y), 0.0, y), seen | (shut & np.isfinite(y))
    values = np.nan_to_num(y)
    whole = hierarchy.add_up(np.abs(values))
    filled = hierarchy.add_up(np.where(seen, 0.0, np.abs(values)))
    weights = driver_weights(rows.y)

    def drivers(tables: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        rules = {
            name: "sum" if name in summed else "shared" if name in rows.categorical else "mean"
            for name in tables
        }
        return {name: _driver(hierarchy, table, weights, rules[name]) for name, table in tables.items()}

    return replace(
        rows,
        ids=hierarchy.ids,
        y=np.where(hierarchy.add_up(np.isfinite(y).astype(np.float64)) > 0, hierarchy.add_up(values), np.nan),
        observed=(hierarchy.add_up(seen.astype(np.float64)) > 0) & (filled <= _FILLED * whole),
        last=np.full(len(hierarchy), rows.last[0], dtype=np.int64),
        known=drivers(rows.known),
        past=drivers(rows.past),
        static={name: _shared(hierarchy, codes[:, None])[:, 0] for name, codes in rows.static.items()},
    )


def _with_own(made: Series, aligned: Series, own: IntArray) -> Series:
    """Give the nodes that have a history of their own that, with its drivers, in place of what was made."""
    nodes, rows = own

    def put(table: FloatArray, source: FloatArray) -> FloatArray:
        table[nodes] = source[rows]
        return table

    observed = made.observed.copy()
    observed[nodes] = aligned.observed[rows]
    return replace(
        made,
        y=put(made.y, aligned.y),
        observed=observed,
        known={name: put(table, aligned.known[name]) for name, table in made.known.items()},
        past={name: put(table, aligned.past[name]) for name, table in made.past.items()},
        static={name: put(codes, aligned.static[name]) for name, codes in made.static.items()},
    )


def _up_to_newest(series: Series) -> Series:
    """Return the series with all of them ending in the newest period of any."""
    newest = int(series.last.max(initial=0))
    late = newest - series.last
    y, observed = _continued(series, late)
    return replace(
        series,
        y=y,
        observed=observed,
        last=np.full(len(series), newest, dtype=np.int64),
        known={name: _shifted(table, late) for name, table in series.known.items()},
        past={name: _shifted(table, late) for name, table in series.past.items()},
    )


def driver_weights(y: FloatArray, *, summed: bool = False) -> FloatArray:
    """Return what each series weighs in the driver of a sum, (m,): its mean absolute y, or one where drivers add up."""
    if summed:
        return np.ones(len(y))
    count = np.isfinite(y).sum(axis=1)
    volume = np.abs(np.nan_to_num(y)).sum(axis=1) / np.maximum(count, 1)
    floor = float(volume.max(initial=0.0)) * 1e-9 or 1.0  # a series of zeros still says what its price is
    return np.asarray(np.maximum(volume, floor), dtype=np.float64)


def check_sums(series: Series, hierarchy: Hierarchy, *, tolerance: float = 1e-6) -> pl.DataFrame:
    """List nodes whose own history is not the sum of their series': the table contradicts the hierarchy.

    series: all or some of the nodes, with their own y. Returns unique_id, rule (`sum_of_series`), rows, first_ds and
    what is done, in Chinese and English; empty where all adds up. Only periods in which the node and all its series
    are observed are compared.
    """
    place = {one: number for number, one in enumerate(series.ids)}
    newest, oldest = int(series.last.max()), int(series.last.min()) - series.y.shape[1] + 1
    table = np.full((len(hierarchy), newest - oldest + 1), np.nan)
    own = np.array([place.get(one, -1) for one in hierarchy.ids])
    there = own >= 0
    index = own[there]
    columns = series.periods()[index] - oldest
    table[np.flatnonzero(there)[:, None], columns] = np.where(series.observed[index], series.y[index], np.nan)
    upper = hierarchy.upper
    expected = hierarchy.sums[:upper] @ np.nan_to_num(table[upper:])
    lacking = hierarchy.sums[:upper] @ np.isnan(table[upper:]).astype(np.float64) > 0
    size = np.maximum(hierarchy.sums[:upper] @ np.abs(np.nan_to_num(table[upper:])), 1e-12)
    gap = np.where(lacking, 0.0, np.nan_to_num(np.abs(table[:upper] - expected) / size))
    wrong = gap > tolerance
    found = [
        _finding(hierarchy.ids[row], series, wrong[row], gap[row], oldest)
        for row in np.flatnonzero(wrong.any(axis=1))
    ]
    return pl.DataFrame(found, schema=_FINDINGS, orient="row")


def _finding(
    node: str, series: Series, wrong: BoolArray, gap: FloatArray, oldest: int
) -> tuple[str, str, int, str, str, str]:
    first = np.array([oldest + int(wrong.argmax())], dtype=np.int64)
    return (
        node, "sum_of_series", int(wrong.sum()), str(series.timeline.stamps(first)[0]),
        f"历史与下级之和最多相差 {gap.max():.2%}；预测按层级相加，请核对数据",
        f"history differs from the sum of its series by up to {gap.max():.2%}; forecasts add up by the hierarchy, check the data",
    )  # fmt: skip


def _continued(rows: Series, late: IntArray) -> tuple[FloatArray, BoolArray]:
    """Return y and what is observed up to the newest period, (m, T): reports to come as a season before, ended as 0."""
    values, seen = _shifted(rows.y, late), _shifted(np.where(rows.observed, 1.0, 0.0), late) > 0
    width = values.shape[1]
    for row in np.flatnonzero(late):
        tail = np.arange(max(width - int(late[row]), 0), width)
        if late[row] > rows.season:
            values[row, tail], seen[row, tail] = 0.0, True
            continue
        for column in tail:
            values[row, column] = values[row, column - rows.season] if column >= rows.season else np.nan
            if np.isnan(values[row, column]):
                values[row, column] = rows.y[row, -1]
    return values, seen


def _shifted(table: FloatArray, late: IntArray) -> FloatArray:
    """Move right-aligned rows to the newest period: `late` columns to the left, NaN behind."""
    columns = np.arange(table.shape[1])[None, :] + late[:, None]
    inside = columns < table.shape[1]
    moved = np.take_along_axis(table, np.where(inside, columns, 0), axis=1)
    return np.where(inside, moved, np.nan)


def _driver(hierarchy: Hierarchy, table: FloatArray, weights: FloatArray, rule: str) -> FloatArray:
    if rule == "shared":
        return _shared(hierarchy, table)
    there = np.isfinite(table)
    shares = np.where(there, 1.0 if rule == "sum" else weights[:, None], 0.0)
    total, weight = hierarchy.add_up(np.nan_to_num(table) * shares), hierarchy.add_up(shares)
    if rule == "sum":
        return np.where(weight > 0, total, np.nan)
    return np.asarray(np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0))


def _shared(hierarchy: Hierarchy, table: FloatArray) -> FloatArray:
    """Return the value that all series of a node have, NaN where they differ or one has none."""
    there = np.isfinite(table)
    count = hierarchy.add_up(np.ones_like(table))
    mean = hierarchy.add_up(np.nan_to_num(table)) / count
    square = hierarchy.add_up(np.nan_to_num(table) ** 2) / count
    same = (hierarchy.add_up(there.astype(np.float64)) == count) & (square - mean**2 <= 1e-9 * (1 + square))
    return np.where(same, np.round(mean, 6), np.nan)
