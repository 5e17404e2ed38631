"""Hours and units that each line lost in the last weeks, by the reason of the stop."""

from datetime import timedelta
from typing import Final

import polars as pl

from features.capacity.line_panel import LinePanel

__all__ = ["LOSS_WEEKS", "losses"]

LOSS_WEEKS: Final = 13

_GRAIN: Final = 2.0**30  # hours are summed as whole grains: the sum is the same whatever the rows' order


def losses(panel: LinePanel, weeks: int = LOSS_WEEKS) -> pl.DataFrame:
    """Return [line_id, reason, first_ds, last_ds, hours, units, share] of the weeks up to each line's last report.

    hours: of stops; units: what these hours would have made at the planned rate, in the line's unit; share: of all hours
    lost by the line in that time. Most hours first. A line without stops has no row.
    """
    last = panel.history.group_by("line_id").agg(pl.col("ds").max().alias("last_ds"))
    last = last.with_columns(first_ds=pl.col("last_ds") - timedelta(days=7 * weeks - 1))
    rate = panel.lines.select("line_id", "planned_rate")
    seen = panel.stops.join(last, on="line_id").filter(pl.col("ds").is_between("first_ds", "last_ds"))
    hours = (pl.col("hours") * _GRAIN).round().cast(pl.Int64).sum() / _GRAIN
    lost = seen.group_by("line_id", "reason", "first_ds", "last_ds").agg(hours.alias("hours"))
    lost = lost.join(rate, on="line_id").with_columns(units=pl.col("hours") * pl.col("planned_rate"))
    ordered = lost.sort(["line_id", "hours", "reason"], descending=[False, True, False])
    whole = pl.col("hours").sum().over("line_id")
    share = pl.when(whole > 0).then(pl.col("hours") / whole)
    return ordered.with_columns(share=share).select(
        "line_id", "reason", "first_ds", "last_ds", "hours", "units", "share"
    )
