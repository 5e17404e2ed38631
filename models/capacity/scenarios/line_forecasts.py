"""The weekly forecast of lines under a scenario: the base's figures times what the scenario makes of hours and yield."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from models.capacity.allocation.problem import PlanLine, PlanProblem
from models.capacity.scenarios.apply import Applied

__all__ = ["line_weeks_under"]

_HOURS: Final = ("planned_hours", "run_hours", "effective_hours")
_GROSS: Final = ("output", "planned_output")
_QUANTILE: Final = re.compile(r"q\d{1,2}(\.\d+)?")
_SCHEMA: Final = {
    "line_id": pl.String,
    "source": pl.String,
    "week": pl.Date,
    "of_hours": pl.Float64,
    "of_yield": pl.Float64,
    "of_rate": pl.Float64,
    "overtime_hours": pl.Float64,
}


def line_weeks_under(result: Applied, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return `LineModel.weeks()` (or a run's weeks) under a scenario, sorted by line_id, week.

    Hours and gross output are multiplied by what is left of the line's hours, forecast and quantiles by that and the
    change of its good share; `overtime_hours` (h) is what the scenario allows on top and is in no other column. A new
    line has the rows of the line it was made after, at its own hours, yield and rate; hours that the base did not have
    cannot be scaled and stay 0. Rows of weeks or lines that the plan does not have are as they were.
    """
    change = pl.DataFrame(list(_rows(result)), schema=_SCHEMA, orient="row")
    new = change.filter(pl.col("line_id") != pl.col("source"))
    copies = weeks.join(
        new, left_on=["line_id", "week"], right_on=["source", "week"], how="inner", suffix="_new"
    )
    copies = copies.with_columns(line_id=pl.col("line_id_new")).drop("line_id_new")
    own = change.filter(pl.col("line_id") == pl.col("source")).drop("source")
    kept = weeks.join(own, on=["line_id", "week"], how="left")
    filled = pl.concat([kept, copies.select(kept.columns)]).with_columns(
        pl.col("of_hours", "of_yield", "of_rate").fill_null(1.0), pl.col("overtime_hours").fill_null(0.0)
    )
    return _scaled(filled).drop("of_hours", "of_yield", "of_rate").sort("line_id", "week")


def _scaled(frame: pl.DataFrame) -> pl.DataFrame:
    hours, good = pl.col("of_hours"), pl.col("of_hours") * pl.col("of_yield")
    quantiles = [one for one in frame.columns if _QUANTILE.fullmatch(one)]
    factors: Mapping[str, pl.Expr] = {
        **dict.fromkeys(_HOURS, hours),
        **dict.fromkeys(_GROSS, hours * pl.col("of_rate")),
        **dict.fromkeys(("forecast", *quantiles), good * pl.col("of_rate")),
        **dict.fromkeys(("quality", "oee"), pl.col("of_yield")),
        "utilisation": good,
    }
    return frame.with_columns(
        pl.col(name) * factor for name, factor in factors.items() if name in frame.columns
    )


def _rows(result: Applied) -> Iterator[tuple[str, str, date, float, float, float, float]]:
    before = {one.line_id: one for one in result.base.lines}
    rates = {one.line_id: _mean_rate(one, result.problem) for one in result.problem.lines}
    for line in result.problem.lines:
        source = result.modelled_on.get(line.line_id, line.line_id)
        if source not in before:
            continue
        was = before[source]
        extra = line.overtime - (was.overtime if source == line.line_id else 0.0)
        faster = rates[line.line_id] / rates[source] if rates[source] > 0 else 1.0
        for place, week in enumerate(result.problem.weeks):
            yield (
                line.line_id,
                source,
                week,
                _ratio(line.hours[place], was.hours[place]),
                _ratio(line.good_share[place], was.good_share[place]),
                faster,
                float(np.maximum(extra[place], 0.0)),
            )


def _ratio(after: float, before: float) -> float:
    return float(after / before) if before > 0 else 1.0


def _mean_rate(line: PlanLine, problem: PlanProblem) -> float:
    """Return the mean rate over a line's routes, units an hour; 0 for a line without one."""
    found = sorted(one.rate for one in problem.routes if one.line_id == line.line_id)
    return float(np.mean(found)) if found else 0.0
