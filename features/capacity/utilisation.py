"""How much of their calendar lines turned into good output, month by month."""

from typing import Final

import numpy as np
import polars as pl

from features.capacity.line_days import HOURS_A_DAY
from features.capacity.line_panel import LinePanel

__all__ = ["monthly_utilisation"]

_LEAST_REPORTED: Final = 0.9  # share of a month's days below which its utilisation says too little
_COLUMNS: Final = ("line_id", "ds", "good_output", "calendar_hours", "planned_rate", "utilisation")


def monthly_utilisation(panel: LinePanel) -> pl.DataFrame:
    """Return line_id, ds (first of the month), good_output, calendar_hours, planned_rate, utilisation of whole months.

    utilisation = sum of good output / sum of (24 h x planned rate), over the days of the month that were reported (TEEP,
    ISO 22400-2: utilisation and OEE against calendar time); planned_rate is the mean over these days, calendar_hours
    their hours, so the three multiply. A month is whole when it lies between a line's first and last report and nine
    days in ten were reported. Output stands for good output where a line reports no other. A day of rest is reported.
    """
    made = pl.coalesce("good_output", "output")
    rest = made.is_null() & (pl.col("planned_hours") == 0)
    days = panel.history.sort("line_id", "ds").with_columns(
        made=pl.when(rest).then(0.0).otherwise(made), month=pl.col("ds").dt.truncate("1mo")
    )
    spans = days.group_by("line_id").agg(pl.col("ds").min().alias("first"), pl.col("ds").max().alias("last"))
    inside = (pl.col("month") >= pl.col("first")) & (pl.col("month").dt.month_end() <= pl.col("last"))
    whole = days.join(spans, on="line_id", maintain_order="left").filter(inside)
    return _summed(whole.sort("line_id", "ds"))


def _summed(days: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of each line and month, added up in the order of the days so that no thread moves a bit."""
    months = days.group_by("line_id", "month", maintain_order=True).agg(
        pl.len().alias("length"), pl.col("made").count().alias("reported")
    )
    place = np.repeat(np.arange(months.height), months["length"].to_numpy())
    told = days["made"].is_not_null().to_numpy()
    output = np.bincount(place[told], days["made"].to_numpy()[told], minlength=months.height)
    rates = np.bincount(place[told], days["planned_rate"].to_numpy()[told], minlength=months.height)
    hours = months["reported"].to_numpy() * HOURS_A_DAY
    possible = rates * HOURS_A_DAY
    frame = months.with_columns(
        pl.Series("good_output", output, dtype=pl.Float64),
        pl.Series("calendar_hours", hours, dtype=pl.Float64),
        pl.Series("possible", possible, dtype=pl.Float64),
        ds=pl.col("month"),
    ).filter((pl.col("reported") >= _LEAST_REPORTED * pl.col("length")) & (pl.col("possible") > 0))
    rate, share = pl.col("possible") / pl.col("calendar_hours"), pl.col("good_output") / pl.col("possible")
    return frame.with_columns(planned_rate=rate, utilisation=share).select(_COLUMNS)
