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
    return replace(panel, frame=kept, future=future.sort("unique_id", "period"))
