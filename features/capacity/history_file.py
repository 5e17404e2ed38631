"""Any plant's own table of lines as a panel: a row a line and day, what was planned beside what came."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl

from features.capacity.file_checks import check_history, check_plan
from features.capacity.file_columns import KNOWN_COLUMNS, ROW, as_drivers, read_columns
from features.capacity.line_days import MEASURES, usable_days
from features.capacity.line_grid import LineRows, panel_of_rows
from features.capacity.line_panel import STOPS, LinePanel
from features.capacity.line_rules import LineNotes
from features.errors import LineHistoryError, PanelArgumentError
from features.tables.columns import LATEST_DAY

__all__ = ["DAYS_AHEAD", "line_panel_of_file"]

DAYS_AHEAD: Final = 91
"""Days ahead of a table without a plan: thirteen weeks."""

_KEY: Final = ["line_id", "ds"]
_FACTS: Final = ("org_id", "name", "profile", "unit", "bottleneck")


def line_panel_of_file(
    history: pl.DataFrame,
    plan: pl.DataFrame | None = None,
    *,
    as_of: date | None = None,
    drivers: Sequence[str] = (),
) -> LinePanel:
    """Return the lines of a plant's own table as known on `as_of`, on the last day of the history without one.

    history: line_id, ds, planned_rate (units an hour, above 0), output, and where there are any planned_hours and
    run_hours (hours), good_output, maintenance (its kind), stop_reason (of the planned hours that were not run), unit,
    profile, org_id, name, bottleneck, known_at and drivers.
    Without planned_hours each row plans planned_rate x 1, so that planned_rate is what the day was to make. A day
    without a row is a day of rest (planned_hours 0, a finding counts them); a row with an empty output was not reported.
    plan: the same columns but what was made, for days ahead; its last day ends the panel, else `DAYS_AHEAD`. Within its
    days of a line a day without a row is one of rest. `drivers` names the columns that are drivers, numbers or text;
    without names they are the columns that both tables have besides those above.

    Rows of days after `as_of`, or with a known_at after it, are not read, but a plan's days may lie ahead. Of several
    known_at of a line and day the last counts; an empty one says that the row was always known.

    Raises LineHistoryError: a column that is missing or unreadable, hours that are negative or over 24, a rate that is not
    above 0, several rows of a line and day, more than one unit of a line, a table without a usable row.
    PanelArgumentError: an as_of after the year 2100.
    """
    names = _driver_names(history, plan, drivers)
    told = read_columns(history, ("line_id", "ds", "planned_rate", "output"), table="history")
    as_of = _day_of(as_of, told)
    past = check_history(_known(told, as_of).filter(pl.col("ds") <= as_of))
    ahead = _ahead(plan, past, as_of)
    both, numeric, texts = as_drivers(_stacked(past, ahead, names), names)
    behind, later = _split(both)
    notes = LineNotes()
    every = pl.concat([behind, later])
    rows = LineRows(
        lines=_lines(past),
        days=_worked(behind, notes).select(*_KEY, *MEASURES, "planned_rate"),
        ahead=_coming(later, as_of).select(*_KEY, "planned_hours", "planned_rate"),
        maintenance=every.drop_nulls("maintenance").select(*_KEY, "maintenance"),
        drivers=every.select(*_KEY, *numeric, *texts),
        stops=_stops(past),
        names=numeric,
        text_names=texts,
    )
    return panel_of_rows(rows, notes, as_of=as_of, last=_last_day(ahead, as_of))


def _driver_names(
    history: pl.DataFrame, plan: pl.DataFrame | None, drivers: Sequence[str]
) -> tuple[str, ...]:
    """Return the drivers: those named, else the columns of both tables that mean nothing else."""
    if not drivers:
        shared = [] if plan is None else [name for name in history.columns if name in plan.columns]
        return tuple(sorted(name for name in shared if name not in KNOWN_COLUMNS and name != ROW))
    for name in drivers:
        if name in KNOWN_COLUMNS or name == ROW:
            raise LineHistoryError(
                "该列有固定含义，不能作为驱动因素。请从 drivers 中删去，或给该列换一个名称。",
                "has a meaning of its own and cannot be a driver. Take it off the drivers, or give the column another name.",
                column=name,
            )
        if name not in history.columns:
            raise LineHistoryError(
                f"没有这一列（现有：{', '.join(history.columns)}）。请改正驱动因素的名称。",
                f"is not there (it has: {', '.join(history.columns)}). Correct the name of the driver.",
                column=name,
            )
    return tuple(dict.fromkeys(drivers))


def _day_of(as_of: date | None, told: pl.DataFrame) -> date:
    """Return the day as of which the table is read."""
    last = told["ds"].max()
    day = as_of or (last if isinstance(last, date) else LATEST_DAY)
    if day > LATEST_DAY:
        raise PanelArgumentError(
            "as_of",
            problem_zh=f"{day} 晚于 {LATEST_DAY}；请给出数据截止日，或不填（取历史表的最后一天）",
            problem_en=f"{day} lies after {LATEST_DAY}; give the day up to which data are known, or none for the history's last",
        )
    return day


def _known(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the rows known by then, of each line and day those known last."""
    if "known_at" not in rows.columns:
        return rows
    told = rows.filter((pl.col("known_at") <= as_of).fill_null(value=True))
    return told.filter(pl.col("known_at").eq_missing(pl.col("known_at").max().over(_KEY)))


def _ahead(plan: pl.DataFrame | None, past: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the plan's rows; empty without a plan."""
    if plan is None:
        return past.clear()
    return check_plan(_known(read_columns(plan, _KEY, table="plan"), as_of), past)


def _stacked(past: pl.DataFrame, ahead: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return both tables below one another, `told` where a row is of the history."""
    columns = (*_KEY, *MEASURES, "planned_rate", "maintenance", *names)
    plain = pl.lit(1.0) if "planned_hours" not in past.columns else pl.lit(None, pl.Float64)
    parts = []
    for frame, told in (
        (past, True),
        (ahead.drop("output", "good_output", "run_hours", strict=False), False),
    ):
        absent = [pl.lit(None, KNOWN_COLUMNS[name].dtype).alias(name) for name in columns
                  if name not in frame.columns and name in KNOWN_COLUMNS]  # fmt: skip
        hours = [] if "planned_hours" in frame.columns else [plain.cast(pl.Float64).alias("planned_hours")]
        full = frame.with_columns(absent).with_columns(hours).with_columns(told=pl.lit(told))
        parts.append(full.select(name for name in (*columns, "told") if name in full.columns))
    return pl.concat(parts, how="diagonal_relaxed").sort(*_KEY, "told")


def _split(both: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the history up to each line's last report, and what is planned of later days; the plan comes first there."""
    told = both.filter("told")
    last = told.drop_nulls("output").group_by("line_id").agg(pl.col("ds").max().alias("last"))
    dated = both.join(last, on="line_id")
    behind = dated.filter(pl.col("told") & (pl.col("ds") <= pl.col("last")))
    later = dated.filter(pl.col("ds") > pl.col("last")).sort(*_KEY, "told")
    return behind, later.unique(_KEY, keep="first", maintain_order=True)


def _worked(behind: pl.DataFrame, notes: LineNotes) -> pl.DataFrame:
    """Return every day from a line's first to its last report; days without a row are of rest, and make nothing."""
    span = behind.group_by("line_id").agg(pl.col("ds").min().alias("first"), pl.col("ds").max().alias("end"))
    days, quiet = _with_rest(behind, span)
    notes.find("rest_days", quiet)
    resting = pl.col("planned_hours") == 0
    zeros = [
        pl.when(resting & pl.col(name).is_null() & pl.col(name).is_not_null().any().over("line_id"))
        .then(0.0)
        .otherwise(name)
        .alias(name)
        for name in MEASURES
    ]
    return usable_days(days.with_columns(zeros), notes)


def _coming(later: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return every day of a line's plan after the date, days without a row being of rest, and the rows before it."""
    span = later.group_by("line_id").agg(
        pl.col("ds").min().clip(upper_bound=as_of + timedelta(days=1)).alias("first"),
        pl.col("ds").max().alias("end"),
    )
    return _with_rest(later, span.filter(pl.col("first") <= pl.col("end")))[0]


def _with_rest(rows: pl.DataFrame, span: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a row for each day of the spans (line_id, first, end), and the days that had none: days of rest."""
    every = span.select("line_id", ds=pl.date_ranges("first", "end")).explode("ds")
    quiet = every.join(rows, on=_KEY, how="anti").sort(_KEY)
    full = pl.concat([rows, quiet.with_columns(planned_hours=pl.lit(0.0))], how="diagonal")
    return full.sort(_KEY), quiet


def _stops(past: pl.DataFrame) -> pl.DataFrame:
    """Return the planned hours that were not run, of days that give a reason for it."""
    if not {"stop_reason", "planned_hours", "run_hours"} <= set(past.columns):
        return pl.DataFrame(schema=STOPS)
    lost = past.select(
        "line_id", "ds", reason="stop_reason", hours=pl.col("planned_hours") - pl.col("run_hours")
    )
    return lost.filter(pl.col("hours") > 0, pl.col("reason").is_not_null()).sort(_KEY)


def _lines(past: pl.DataFrame) -> pl.DataFrame:
    """Return the lines with what the table says of them last."""
    ordered = past.sort(*_KEY)
    facts = [
        (pl.col(name).drop_nulls().last() if name in past.columns else pl.lit(None, pl.String)).alias(name)
        for name in _FACTS
    ]
    rate = pl.col("planned_rate").drop_nulls().last()
    lines = ordered.group_by("line_id", maintain_order=True).agg(*facts, rate)
    return lines.with_columns(pl.col("name").fill_null(pl.col("line_id")))


def _last_day(ahead: pl.DataFrame, as_of: date) -> date:
    """Return the last day of the panel."""
    end = ahead["ds"].max()
    return end if isinstance(end, date) and end > as_of else as_of + timedelta(days=DAYS_AHEAD)
