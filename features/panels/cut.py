"""A panel as it stood some periods ago, for backtests: what came later is gone, what was planned stays."""

from dataclasses import replace

import numpy as np
import polars as pl

from features.demand import Panel
from features.panels.grid import Grid, closed_places, filled

__all__ = ["cut_panel"]


def cut_panel(panel: Panel, back: int) -> Panel:
    """Return the panel `back` periods before each series' own end; series that began later are gone.

    Drivers declared as known in advance keep the values of the periods cut off, as part of the future. Gaps are filled
    anew from what was there by then, closed days found anew; a series that would end in a gap ends before it.
    """
    if back == 0:
        return panel
    ends = pl.col("period").max().over("unique_id") - back
    kept = _ends_observed(panel.frame.filter(pl.col("period") <= ends))
    last = kept.group_by("unique_id").agg(last=pl.col("period").max())
    later = panel.frame.join(last, on="unique_id").filter(pl.col("period") > pl.col("last"))
    if not panel.known:
        later = later.clear()
    columns = panel.future.columns
    planned = panel.future.join(last, on="unique_id", how="semi")
    kept, closed = _filled(kept, panel.season)
    return replace(
        panel,
        frame=kept,
        future=pl.concat([later.select(columns), planned]).sort("unique_id", "period"),
        series=_described(panel.series, kept),
        closed=closed,
        static=None if panel.static is None else panel.static.join(last, on="unique_id", how="semi"),
    )


def _ends_observed(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out what was filled before a series' first and after its last observed value."""
    seen = pl.col("period").filter("observed")
    inside = pl.col("period").is_between(seen.min().over("unique_id"), seen.max().over("unique_id"))
    return frame.filter(inside)


def _filled(frame: pl.DataFrame, season: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fill gaps by the panel's rules from these rows alone; return the frame and its closed places."""
    grid = Grid(
        code=frame["unique_id"].rle_id().cast(pl.Int64).to_numpy(),
        period=frame["period"].to_numpy(),
        y=np.where(frame["observed"].to_numpy(), frame["y"].to_numpy(), np.nan),
        source=np.where(frame["gap"].to_numpy(), -1, np.arange(frame.height)),
    )
    code, position = closed_places(grid, season)
    names = frame["unique_id"].gather(grid.starts)
    closed = pl.DataFrame({"unique_id": names.gather(code), "position": position})
    return frame.with_columns(y=pl.Series(filled(grid, season)[0], dtype=pl.Float64)), closed


def _described(series: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Return the facts of the series that are left, told again from what was there."""
    last = pl.col("period").max()
    facts = kept.group_by("unique_id").agg(
        first=pl.col("period").min(),
        last=last,
        length=pl.len(),
        values=pl.col("observed").sum(),
        non_negative=(pl.col("y") >= 0).all(),
    )
    told = facts.with_columns(ended_early=pl.col("last").max() - pl.col("last")).cast(
        {name: kind for name, kind in series.schema.items() if name != "unique_id"}
    )
    return told.sort("unique_id").select(series.columns)
