"""A panel as it stood some periods ago, for backtests: what came later is gone, what was planned stays."""

from dataclasses import replace

import polars as pl

from features.demand import Panel

__all__ = ["cut_panel"]


def cut_panel(panel: Panel, back: int) -> Panel:
    """Return the panel `back` periods before each series' own end; series that began later are gone.

    Drivers declared as known in advance keep the values of the periods cut off, as part of the future.
    """
    if back == 0:
        return panel
    ends = pl.col("period").max().over("unique_id") - back
    kept = panel.frame.filter(pl.col("period") <= ends)
    cut = panel.frame.filter(pl.col("period") > ends).join(kept, on="unique_id", how="semi")
    columns = panel.future.columns
    future = pl.concat([cut.select(columns), panel.future.join(kept, on="unique_id", how="semi")])
    return replace(
        panel, frame=kept, future=future.sort("unique_id", "period"), series=_shortened(panel.series, kept)
    )


def _shortened(series: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Return the facts of the series that are left; `non_negative` is told again from what was there."""
    left = kept.group_by("unique_id").agg(
        last=pl.col("period").max(),
        length=pl.len().cast(series.schema["length"]),
        values=pl.col("observed").sum().cast(series.schema["values"]),
        non_negative=(pl.col("y") >= 0).all(),
    )
    # The order of the columns, and how early each series ends beside the others, stay as they were.
    return (
        series.drop("last", "length", "values", "non_negative")
        .join(left, on="unique_id", maintain_order="left")
        .select(series.columns)
    )
