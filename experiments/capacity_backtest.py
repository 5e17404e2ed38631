"""Judge what is said of the lines: forecast past weeks from what was known before them, and hold it against what came."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

from experiments.capacity_inputs import with_profiles
from experiments.errors import TooShortToBacktestError
from experiments.job import Say
from features.capacity.group_lines import group_line_panel
from features.capacity.line_panel import LinePanel
from features.errors import DataError
from features.sources import Tables
from models.capacity.lines.model import LineModel, fit_lines
from models.capacity.profiles.profile import Profile
from models.errors import ModelError

__all__ = [
    "ALL",
    "CutOff",
    "actual_weeks",
    "cut_off_days",
    "cut_offs",
    "line_errors",
    "measures_of_lines",
    "whole_weeks",
]

ALL: Final = "all"
"""Name of the row that measures all lines together, each in units of its own planned output."""

_WEEK_DAYS: Final = 7
_LOW, _HIGH, _NOMINAL = "q10", "q90", 0.8


@dataclass(frozen=True, eq=False)
class CutOff:
    """What was known on a past day, and the model learnt from it."""

    as_of: date
    panel: LinePanel
    model: LineModel


def cut_off_days(panel: LinePanel, count: int, horizon_days: int) -> tuple[date, ...]:
    """Return past days, newest first: each as far before the next as a forecast reaches, so that no week is judged twice."""
    newest = panel.history["ds"].max()
    if not isinstance(newest, date):
        return ()
    return tuple(newest - timedelta(days=horizon_days * (place + 1)) for place in range(count))


def cut_offs(
    tables: Tables,
    days: Sequence[date],
    *,
    horizon_days: int,
    seed: int,
    profiles: Mapping[str, Profile],
    say: Say,
) -> list[CutOff]:
    """Learn the lines anew from what was known on each past day; days before any history are left out, and told.

    Raises TooShortToBacktestError where no day is left.
    """
    found: list[CutOff] = []
    for day in days:
        try:
            panel = with_profiles(
                group_line_panel(tables, as_of=day, horizon_days=horizon_days), tables, profiles
            )
            found.append(CutOff(day, panel, fit_lines(panel, seed=seed, profiles=profiles)))
        except (DataError, ModelError) as error:
            say(f"回测起点 {day} 略过：{error.zh}", f"The cut-off {day} is left out: {error.en}")
    if not found:
        raise TooShortToBacktestError(horizon_days)
    return found


def actual_weeks(panel: LinePanel) -> pl.DataFrame:
    """Return line_id, week, actual (good output, or output where good output is not reported) of whole reported weeks."""
    return whole_weeks(panel, "actual")


def whole_weeks(panel: LinePanel, name: str, *, over: pl.Expr | None = None) -> pl.DataFrame:
    """Return line_id, week and, under a name, good output by week of whole reported weeks; over: what each day's is divided by."""
    made = pl.coalesce("good_output", "output")
    rest = (pl.col("planned_hours") == 0) & made.is_null()
    good = pl.when(rest).then(0.0).otherwise(made)
    days = panel.history.select(
        "line_id",
        pl.col("ds").dt.truncate("1w").alias("week"),
        (good if over is None else good / over).alias("made"),
    ).sort("line_id", "week")
    rows = [
        {"line_id": line, "week": week, name: math.fsum(own["made"])}
        for (line, week), own in days.group_by("line_id", "week", maintain_order=True)
        if own.height == _WEEK_DAYS and own["made"].null_count() == 0
    ]
    return pl.DataFrame(rows, schema={"line_id": pl.String, "week": pl.Date, name: pl.Float64})


def line_errors(cuts: Sequence[CutOff], actual: pl.DataFrame) -> pl.DataFrame:
    """Return cutoff, line_id, week, actual, q50, planned_output, low, high of weeks that were wholly ahead of a cut-off."""
    parts = [pl.DataFrame(schema=_ERRORS)]
    for cut in cuts:
        weeks = cut.model.weeks().filter(pl.col("days") == _WEEK_DAYS, pl.col("week") > cut.as_of)
        parts.append(
            weeks.join(actual, on=["line_id", "week"], how="inner").select(
                pl.lit(cut.as_of).alias("cutoff"),
                "line_id",
                "week",
                "actual",
                "q50",
                "planned_output",
                low=_LOW,
                high=_HIGH,
            )
        )
    return pl.concat(parts).sort("line_id", "cutoff", "week")


_ERRORS: Final = {
    "cutoff": pl.Date,
    "line_id": pl.String,
    "week": pl.Date,
    **dict.fromkeys(("actual", "q50", "planned_output", "low", "high"), pl.Float64),
}


def measures_of_lines(errors: pl.DataFrame) -> pl.DataFrame:
    """Return a row a line and one for all: name, weeks, mae, planned_mae, ratio, coverage (of the 80 % band).

    mae: of the median against what was made, in the line's unit; planned_mae: of planned hours x planned rate; for all
    lines together both are counted in each line's mean planned output, so that pieces and tonnes weigh alike.
    """
    rows: list[dict[str, object]] = []
    scaled: list[np.ndarray] = []
    for (line,), own in errors.sort("line_id", "cutoff", "week").group_by("line_id", maintain_order=True):
        actual, planned = own["actual"].to_numpy(), own["planned_output"].to_numpy()
        ours, theirs = np.abs(own["q50"].to_numpy() - actual), np.abs(planned - actual)
        inside = (actual >= own["low"].to_numpy()) & (actual <= own["high"].to_numpy())
        rows.append(_row(str(line), ours, theirs, inside))
        size = float(planned.mean()) or 1.0
        scaled.append(np.stack([ours / size, theirs / size, inside.astype(np.float64)]))
    if scaled:
        whole = np.concatenate(scaled, axis=1)
        rows.append(_row(ALL, whole[0], whole[1], whole[2] > 0))
    return pl.DataFrame(rows, schema=_MEASURES)


_MEASURES: Final = {
    "name": pl.String,
    "weeks": pl.Int64,
    "mae": pl.Float64,
    "planned_mae": pl.Float64,
    "ratio": pl.Float64,
    "coverage": pl.Float64,
}


def _row(name: str, ours: np.ndarray, theirs: np.ndarray, inside: np.ndarray) -> dict[str, object]:
    mae, planned = float(ours.mean()), float(theirs.mean())
    return {
        "name": name,
        "weeks": len(ours),
        "mae": mae,
        "planned_mae": planned,
        "ratio": mae / planned if planned > 0 else None,
        "coverage": float(inside.mean()),
    }
