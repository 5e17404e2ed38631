"""Days on which lines stand: stops split at midnight, and planned maintenance, each day counted once."""

from typing import Final

import polars as pl

from features.asof import Known
from features.capacity.line_panel import STOPS
from features.capacity.line_rules import LineNotes

__all__ = ["maintenance_days", "stop_days"]

_DAY: Final = 86_400_000_000  # microseconds
_HOUR: Final = 3_600_000_000


def stop_days(known: Known, notes: LineNotes) -> pl.DataFrame:
    """Return line_id, ds, reason, hours (STOPS) of the stops known by then; one over midnight is split by day."""
    if "line_stops" not in known.tables:
        return pl.DataFrame(schema=STOPS)
    rows = known.rows("line_stops", "line_id", "start_at", "end_at", "reason").drop_nulls().collect()
    rows = rows.with_columns(pl.col("start_at", "end_at").cast(pl.Datetime("us")).to_physical())
    reversed_ = pl.col("end_at") <= pl.col("start_at")
    ds = (pl.col("start_at") // _DAY).cast(pl.Int32).cast(pl.Date).alias("ds")
    notes.find("stop_reversed", rows.filter(reversed_).select("line_id", ds))
    last = (pl.col("end_at") - 1) // _DAY + 1
    split = (
        rows.filter(~reversed_)
        .with_columns(pl.int_ranges(pl.col("start_at") // _DAY, last).alias("day"))
        .explode("day")
    )
    begin = pl.max_horizontal(pl.col("start_at"), pl.col("day") * _DAY)
    end = pl.min_horizontal(pl.col("end_at"), (pl.col("day") + 1) * _DAY)
    length = split.with_columns(length=end - begin, ds=pl.col("day").cast(pl.Int32).cast(pl.Date))
    sums = length.group_by("line_id", "ds", "reason").agg(pl.col("length").sum())  # whole microseconds: exact
    hours = (pl.col("length") / _HOUR).alias("hours")
    days = sums.with_columns(hours).select(pl.col(name).cast(dtype) for name, dtype in STOPS.items())
    return days.sort("line_id", "ds", "reason")


def maintenance_days(known: Known, notes: LineNotes) -> pl.DataFrame:
    """Return line_id, ds, maintenance (its kind) for each day of the plans known by then.

    Where plans of a line overlap, a finding names both, and the day is that of the longer plan (of the first plan_id
    where they are as long).
    """
    if "maintenance" not in known.tables:
        return pl.DataFrame(schema={"line_id": pl.String, "ds": pl.Date, "maintenance": pl.String})
    rows = known.rows("maintenance", "plan_id", "line_id", "start_on", "end_on", "kind", "known_at").collect()
    plans = _last_told(rows.drop_nulls())
    reversed_ = pl.col("end_on") < pl.col("start_on")
    notes.find("maintenance_reversed", plans.filter(reversed_).select("line_id", ds="start_on"))
    plans = plans.filter(~reversed_)
    _name_overlaps(plans, notes)
    length = (pl.col("end_on") - pl.col("start_on")).dt.total_days().alias("length")
    days = plans.with_columns(length, pl.date_ranges("start_on", "end_on").alias("ds")).explode("ds")
    first = days.sort("line_id", "ds", "length", "plan_id", descending=[False, False, True, False])
    once = first.unique(["line_id", "ds"], keep="first", maintain_order=True)
    return once.select("line_id", "ds", maintenance="kind")


def _last_told(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each plan as it was told last."""
    order = ["plan_id", "known_at", "line_id", "start_on", "end_on", "kind"]
    return rows.select(order).sort(order).unique("plan_id", keep="last", maintain_order=True)


def _name_overlaps(plans: pl.DataFrame, notes: LineNotes) -> None:
    """Write down each pair of plans of a line that share days."""
    other = plans.select(pl.all().name.suffix("_2")).rename({"line_id_2": "line_id"})
    pairs = plans.join(other, on="line_id").filter(
        pl.col("plan_id") < pl.col("plan_id_2"),
        pl.col("start_on") <= pl.col("end_on_2"),
        pl.col("start_on_2") <= pl.col("end_on"),
    )
    first = pl.max_horizontal("start_on", "start_on_2")
    shared = (pl.min_horizontal("end_on", "end_on_2") - first).dt.total_days() + 1
    spans = [
        pl.format("{} ({} – {})", *(pl.col(f"{name}{end}") for name in ("plan_id", "start_on", "end_on")))
        for end in ("", "_2")
    ]
    told = pairs.select(
        "line_id",
        rows=shared,
        first_ds=first,
        zh=pl.format("{} 与 {}：", *spans),
        en=pl.format("{} and {}: ", *spans),
    )
    notes.find_each("maintenance_overlaps", told)
