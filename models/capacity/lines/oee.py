"""OEE of any period and set of lines, rolled up by time: ratios of sums, never means over days or machines."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from models.capacity.lines.grid import HOURS_A_DAY

__all__ = ["OEE_COLUMNS", "oee"]

OEE_COLUMNS: Final = (
    "days",
    "calendar_hours",
    "planned_hours",
    "run_hours",
    "effective_hours",
    "availability",
    "performance",
    "quality",
    "oee",
    "utilisation",
)


def oee(history: pl.DataFrame, by: Sequence[str] = ("line_id",), *, every: str | None = None) -> pl.DataFrame:
    """Return OEE by the columns `by` and by period (`every`: 1w, 1mo, ...; None: all days together).

    history: line_id, ds, planned_hours, run_hours, output, good_output, planned_rate; days that were not reported whole
    do not count. Hours: availability = run / planned hours; performance = output at the planned rate / run hours;
    quality = good output / output; OEE = their product = good output at the planned rate / planned hours (ISO
    22400-2:2014); utilisation takes 24 hours a day instead. Lines of different units are added in hours of their planned
    rate. A share whose divisor is zero is null. Run hours that a line does not report count as planned, good output as
    output. Returns `by`, `ds` (first day of the period, if asked for) and `OEE_COLUMNS`.
    """
    keys = [*by, *(["ds"] if every else [])]
    period = pl.col("ds").dt.truncate(every) if every else pl.col("ds")
    whole = _chain(history).with_columns(ds=period).sort("line_id", "ds", maintain_order=True)
    sums = [pl.len().alias("days"), *(_exact(name) for name in _CHAIN)]
    made = (whole.group_by(keys, maintain_order=True) if keys else whole.group_by(pl.lit(1).alias("_"))).agg(
        sums
    )
    shares = {
        "availability": ("run_hours", "planned_hours"),
        "performance": ("effective_hours", "run_hours"),
        "quality": ("good_hours", "effective_hours"),
        "oee": ("good_hours", "planned_hours"),
        "utilisation": ("good_hours", "calendar_hours"),
    }
    told = made.with_columns(
        pl.when(pl.col(under) > 0).then(pl.col(over) / pl.col(under)).alias(name)
        for name, (over, under) in shares.items()
    )
    return told.sort(keys).select(*keys, *OEE_COLUMNS) if keys else told.select(OEE_COLUMNS)


_CHAIN: Final = ("calendar_hours", "planned_hours", "run_hours", "effective_hours", "good_hours")
_GRAIN: Final = 2.0**30  # hours are summed as whole grains: the sum is the same whatever the rows' order


def _chain(history: pl.DataFrame) -> pl.DataFrame:
    rate = pl.col("planned_rate")
    reports = {
        name: pl.col(name).is_not_null().any().over("line_id") for name in ("run_hours", "good_output")
    }
    told = history.with_columns(
        run_hours=pl.when(reports["run_hours"]).then("run_hours").otherwise("planned_hours"),
        good_output=pl.when(reports["good_output"]).then("good_output").otherwise("output"),
    )
    told = told.drop_nulls(["planned_hours", "run_hours", "output", "good_output"]).filter(rate > 0)
    return told.with_columns(
        calendar_hours=pl.lit(HOURS_A_DAY),
        effective_hours=pl.col("output") / rate,
        good_hours=pl.col("good_output") / rate,
    )


def _exact(name: str) -> pl.Expr:
    return ((pl.col(name) * _GRAIN).round().cast(pl.Int64).sum() / _GRAIN).alias(name)
