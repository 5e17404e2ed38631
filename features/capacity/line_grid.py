"""A panel of lines put together: reported days without gaps, then the days ahead with what is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from features.capacity.line_panel import FUTURE, HISTORY, LINES, LinePanel
from features.capacity.line_rules import LineNotes

__all__ = ["LineRows", "panel_of_rows"]

_KEY = ["line_id", "ds"]


@dataclass(frozen=True, eq=False)
class LineRows:
    """What was found of lines, each frame with one row a line and day at most.

    days: line_id, ds, the measures, planned_rate; a day with an output or run hours was reported. ahead: line_id, ds,
    planned_hours, planned_rate of days to come. maintenance: line_id, ds, maintenance. drivers: line_id, ds, a column
    for each driver, of reported days and of days to come.
    """

    lines: pl.DataFrame
    days: pl.DataFrame
    ahead: pl.DataFrame
    maintenance: pl.DataFrame
    drivers: pl.DataFrame
    stops: pl.DataFrame
    names: tuple[str, ...]
    text_names: tuple[str, ...] = ()


def panel_of_rows(rows: LineRows, notes: LineNotes, *, as_of: date, last: date) -> LinePanel:
    """Return the panel of lines with a reported day; `last` is the last day ahead.

    Lines without one are refused (`no_history`). Missing days between the first and the last report are null.
    """
    reported = pl.col("output").is_not_null() | pl.col("run_hours").is_not_null()
    spans = (
        rows.days.filter(reported)
        .group_by("line_id")
        .agg(pl.col("ds").min().alias("first"), pl.col("ds").max().alias("last"))
    )
    notes.refuse("no_history", rows.lines.join(spans, on="line_id", how="anti")["line_id"])
    lines = rows.lines.join(spans.select("line_id"), on="line_id", how="semi").sort("line_id")
    spans = spans.join(lines.select("line_id", own_rate="planned_rate"), on="line_id").sort("line_id")
    history = _history(rows, spans)
    silent = history.filter(~reported & pl.col("planned_hours").is_null())
    notes.find("days_missing", silent.join(rows.days, on=_KEY, how="anti"))
    kept = lines["line_id"]
    return LinePanel(
        as_of=as_of,
        lines=lines.select(pl.col(name).cast(dtype) for name, dtype in LINES.items()),
        history=history,
        future=_future(rows, spans, last),
        stops=rows.stops.filter(pl.col("line_id").is_in(kept.implode())),
        drivers=rows.names,
        findings=notes.findings(kept),
        refused=notes.refused(),
        text_drivers=rows.text_names,
    )


def _history(rows: LineRows, spans: pl.DataFrame) -> pl.DataFrame:
    """Return every day from a line's first to its last report."""
    days = spans.select("line_id", "own_rate", ds=pl.date_ranges("first", "last")).explode("ds")
    return _filled(days.join(rows.days, on=_KEY, how="left"), rows, HISTORY)


def _future(rows: LineRows, spans: pl.DataFrame, last: date) -> pl.DataFrame:
    """Return every day after a line's last report up to `last`."""
    begin = pl.col("last").dt.offset_by("1d")
    open_ = spans.filter(begin <= last)
    days = open_.select("line_id", "own_rate", ds=pl.date_ranges(begin, pl.lit(last))).explode("ds")
    return _filled(days.join(rows.ahead, on=_KEY, how="left"), rows, FUTURE)


def _filled(days: pl.DataFrame, rows: LineRows, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Add maintenance, drivers and the line's own rate where a day has none."""
    kinds = {name: pl.Float64() for name in rows.names} | {name: pl.String() for name in rows.text_names}
    wide = days.join(rows.maintenance, on=_KEY, how="left").join(rows.drivers, on=_KEY, how="left")
    rate = pl.col("planned_rate").fill_null(pl.col("own_rate"))
    columns: dict[str, pl.DataType] = dict(schema) | dict(kinds)
    return (
        wide.with_columns(rate).select(pl.col(name).cast(dtype) for name, dtype in columns.items()).sort(_KEY)
    )
