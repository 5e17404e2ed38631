"""What a panel carries beside y: known drivers of the future, and static columns."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.panels.fill import Filled
from features.panels.grid import Grid, contiguous
from features.panels.input import Wanted
from features.panels.notes import Notes
from features.panels.rows import counted
from features.tables.contract import Text
from features.timeline import Timeline

__all__ = ["future_of", "static_of"]

_FARTHEST: Final = 1000  # periods; a planner's horizon is far shorter, a slip of the pen (2099) far longer

IntArray = NDArray[np.int64]


def future_of(
    rows: pl.DataFrame, history: Filled, wanted: Wanted, timeline: Timeline, notes: Notes
) -> pl.DataFrame:
    """Return the known drivers of the periods after each series' last value: unique_id, ds, period, drivers.

    `rows` has one row for each period. Periods are contiguous from the first
    after the last value to the last that the table holds; what it does not hold is null.
    """
    last = history.last
    columns = ["unique_id", "ds", "period", *wanted.known]
    if not wanted.known:
        return rows.clear().select(columns)
    carrying = pl.any_horizontal(pl.col(name).is_not_null() for name in wanted.known)
    later = rows.filter(carrying & (pl.col("period") > pl.Series(last[rows["code"].to_numpy()])))
    reach = later["period"].to_numpy() - last[later["code"].to_numpy()]
    too_far = pl.Series(reach > _FARTHEST, dtype=pl.Boolean)
    notes.find("far_ahead", counted(later.filter(too_far)))
    later = later.filter(~too_far)
    future = later if later.is_empty() else _opened(later, history, wanted)
    future = future.with_columns(timeline.stamp().alias("ds"))
    _name_missing(future, history, wanted, notes)
    return future.select(columns)


def _opened(later: pl.DataFrame, history: Filled, wanted: Wanted) -> pl.DataFrame:
    """Open a row for every period from each series' end to its last row."""
    last = history.last
    heads = np.unique(later["code"].to_numpy())
    begin = pl.DataFrame({"code": heads, "period": last[heads], "source": np.full(len(heads), -1)})
    given = later.select("code", "period", pl.int_range(pl.len(), dtype=pl.Int64).alias("source"))
    both = pl.concat([begin, given]).sort("code", "period")
    code, period, source = (both[name].to_numpy() for name in ("code", "period", "source"))
    grid = contiguous(Grid(code=code, period=period, y=np.zeros(len(code)), source=source))
    grid = grid.take(grid.period > last[grid.code])
    place = grid.places()
    return pl.DataFrame(
        {
            "code": grid.code,
            "unique_id": history.names.gather(grid.code),
            "period": grid.period,
            **{name: later[name].gather(place) for name in wanted.known},
        }
    )


def _name_missing(future: pl.DataFrame, history: Filled, wanted: Wanted, notes: Notes) -> None:
    """Name the drivers that are null somewhere up to the last period for which the table holds any, at least one."""
    last, names = history.last, history.names
    farthest = future["period"].max()
    end = np.maximum(last + 1, farthest if isinstance(farthest, int) else last + 1)
    for name in wanted.known:
        given = future.filter(pl.col(name).is_not_null())
        count = np.bincount(given["code"].to_numpy(), minlength=len(last))
        holes = future.filter(pl.col(name).is_null()).group_by("code").agg(pl.col("period").min())
        reached = future.group_by("code").agg(pl.col("period").max())
        first = last + 1
        first[reached["code"].to_numpy()] = reached["period"].to_numpy() + 1
        first[holes["code"].to_numpy()] = holes["period"].to_numpy()
        lacking = end - last - count
        found = pl.DataFrame({"unique_id": names, "rows": lacking, "first": first}).filter(pl.col("rows") > 0)
        notes.find("driver_missing_ahead", found, Text(f"{name}：", f"{name}: "))


def static_of(rows: pl.DataFrame, wanted: Wanted, notes: Notes) -> pl.DataFrame | None:
    """Return one row of static columns for each series, the value of its newest date that has one."""
    if not wanted.static:
        return None
    ordered = rows.group_by("code", maintain_order=True)
    over = {name: pl.col(name).filter(~pl.col("open")).drop_nulls() for name in wanted.static}
    newest = [values.last() for values in over.values()]
    kinds = [values.n_unique().alias(f"{name} kinds") for name, values in over.items()]
    table = ordered.agg(pl.col("unique_id").first(), pl.col("period").max().alias("first"), *newest, *kinds)
    for name in wanted.static:
        varying = table.filter(pl.col(f"{name} kinds") > 1)
        notes.find(
            "static_varies",
            varying.select("unique_id", pl.col(f"{name} kinds").alias("rows"), "first"),
            Text(f"{name}：", f"{name}: "),
        )
    return table.select("unique_id", *wanted.static)
