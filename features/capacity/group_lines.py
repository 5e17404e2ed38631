"""The group's production lines as a panel: what its tables told of them by a date."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import polars as pl

from features.asof import Known
from features.capacity.down_days import maintenance_days, stop_days
from features.capacity.known_ahead import known_drivers, shift_plans
from features.capacity.line_days import known_days
from features.capacity.line_grid import LineRows, panel_of_rows
from features.capacity.line_panel import LinePanel
from features.capacity.line_rules import LineNotes
from features.errors import PanelArgumentError

__all__ = ["group_line_panel"]

_KEY: Final = ["line_id", "ds"]
_LINE: Final = ("line_id", "org_id", "name", "unit", "planned_rate", "bottleneck", "known_at")


def group_line_panel(
    tables: Mapping[str, pl.LazyFrame | pl.DataFrame], *, as_of: date, horizon_days: int
) -> LinePanel:
    """Return the lines of the group as known on `as_of`, with the days ahead up to `as_of` + horizon.

    tables: `lines` and `line_output` by their contracts, and where they are there line_stops, maintenance, line_plans
    and line_drivers. Rows known later have no effect, whatever they say. planned_hours (hours) are those of the shift
    plan known last before a day, or on it, and else as reported: so a loss that a later report left out of the plan,
    as rain on a salt field, counts as a loss in the past as it will in the days ahead. Output and good_output are in the
    line's unit, planned_rate in units an hour.

    A driver of a past day is the value known last, which for a forecast that was put right later is not what was known
    before the day: what is measured and what is foreseen are therefore best told under two names.

    Raises MissingTableError, MissingColumnError, PanelArgumentError (horizon_days). A line that cannot be used is
    refused by name, impossible rows are findings.
    """
    if horizon_days < 1:
        raise PanelArgumentError(
            "horizon_days",
            problem_zh=f"预测天数须不小于 1，现为 {horizon_days}",
            problem_en=f"must be 1 or more, is {horizon_days}",
        )
    known, notes = Known({name: frame.lazy() for name, frame in tables.items()}, as_of), LineNotes()
    lines = _lines(known, notes)
    plans = shift_plans(known, notes)
    told = known_days(known, notes)
    notes.refuse("unknown_line", told.join(lines, on="line_id", how="anti")["line_id"])
    drivers, names = known_drivers(known, lines["line_id"], notes)
    rows = LineRows(
        lines=lines,
        days=_by_plan(told, plans, notes).with_columns(planned_rate=pl.lit(None, pl.Float64)),
        ahead=plans.with_columns(planned_rate=pl.lit(None, pl.Float64)),
        maintenance=maintenance_days(known, notes),
        drivers=drivers,
        stops=stop_days(known, notes),
        names=names,
    )
    return panel_of_rows(rows, notes, as_of=as_of, last=as_of + timedelta(days=horizon_days))


def _lines(known: Known, notes: LineNotes) -> pl.DataFrame:
    """Return each line as known last; one without a usable rate is refused."""
    found = known.tables["lines"].collect_schema().names() if "lines" in known.tables else []
    profile = ["profile"] if "profile" in found else []
    rows = known.rows("lines", *_LINE, *profile).collect()
    if not profile:
        rows = rows.with_columns(profile=pl.lit(None, pl.String))
    order = ["line_id", "known_at", "org_id", "name", "unit", "planned_rate", "bottleneck", "profile"]
    last = rows.drop_nulls("line_id").select(order).sort(order).unique("line_id", keep="last")
    usable = pl.col("planned_rate").is_finite().fill_null(value=False) & (pl.col("planned_rate") > 0)
    notes.refuse("no_rate", last.filter(~usable.fill_null(value=False))["line_id"])
    return last.filter(usable).sort("line_id")


def _by_plan(days: pl.DataFrame, plans: pl.DataFrame, notes: LineNotes) -> pl.DataFrame:
    """Return reported days under their shift plans; what ran beyond a plan counts as planned, as the contract says."""
    both = days.join(plans.rename({"planned_hours": "plan"}), on=_KEY, how="left")
    reported = pl.col("output").is_not_null() | pl.col("run_hours").is_not_null()
    ran = pl.col("run_hours").fill_null(0.0)
    moved = (
        reported
        & pl.col("plan").is_not_null()
        & (pl.col("plan") >= ran)
        & (pl.col("plan") != pl.col("planned_hours")).fill_null(value=True)
    )
    notes.find("plan_replaces_report", both.filter(moved))
    hours = pl.when(moved).then("plan").otherwise("planned_hours").alias("planned_hours")
    return both.with_columns(hours).drop("plan").sort(_KEY)
