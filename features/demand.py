"""The panel: any table of `unique_id, ds, y` as contiguous series, with what was done to it named series by series."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import numpy as np
import polars as pl

from features.errors import NoSeriesError, PanelArgumentError
from features.panels.drivers import future_of, static_of
from features.panels.fill import Filled, fill
from features.panels.history import history_of, usable
from features.panels.input import Wanted, read_rows
from features.panels.notes import Notes
from features.panels.rows import on_timeline, one_row_per_period, without_open_periods
from features.timeline import Timeline, read_frequency

__all__ = ["Panel", "build_panel"]

_REASONS_SHOWN: Final = 3


@dataclass(frozen=True, eq=False)
class Panel:
    """Demand series on one timeline.

    frame: unique_id, ds, period (Int64), y (Float64, filled by the rules), observed (false where y was filled), gap
        (true where the table had no row), returns (true where a negative value counts as 0), drivers; sorted by
        unique_id and period, every period from a series' first value to its last.
    future: unique_id, ds, period and the known drivers after each series' last value, contiguous.
    series: one row for each series: unique_id, first and last (periods), length, values (observed periods),
        non_negative, ended_early (periods by which the panel's newest value is newer).
    static: unique_id and the static columns, one row for each series; None without such columns.
    findings: unique_id, rule, rows, first_ds, treatment_zh, treatment_en.
    refused: unique_id, rule, reason_zh, reason_en.
    closed: unique_id and position (period mod season) at which the series never has a row, such as Sundays: y is filled
        there, for zeros would spoil what is learnt of the days between, and the forecast is to be read as 0.
    """

    frame: pl.DataFrame
    future: pl.DataFrame
    series: pl.DataFrame
    timeline: Timeline
    season: int
    known: tuple[str, ...]
    past: tuple[str, ...]
    static: pl.DataFrame | None
    findings: pl.DataFrame
    refused: pl.DataFrame
    closed: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"unique_id": pl.String, "position": pl.Int64})
    )


def build_panel(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    freq: str,
    season: int | None = None,
    known: Sequence[str] = (),
    past: Sequence[str] = (),
    static: Sequence[str] = (),
    as_of: date | datetime | None = None,
) -> Panel:
    """Return the panel of a long table with `unique_id, ds, y` and, where they are named, drivers and static columns.

    `known` drivers are known ahead (price, promotion), `past` ones only afterwards. With a column `known_at` the newest
    row known by `as_of` counts for each date; rows known later have no effect at all. The rules are listed by
    `features.panels.rules.panel_rules()`. A series that cannot be used is refused by name and the others go on.

    Raises FrequencyError, PanelColumnError, PanelTypeError, PanelArgumentError for what concerns the whole table,
    MixedFrequencyError where no date lies on `freq`, NoSeriesError where no series is left.
    """
    frequency = read_frequency(freq)
    if season is not None and season < 1:
        raise PanelArgumentError(
            "season",
            problem_zh=f"季长须不小于 1，现为 {season}",
            problem_en=f"must be 1 or more, not {season}",
        )
    season = season or frequency.season
    wanted = Wanted(frequency, tuple(known), tuple(past), tuple(static), as_of)
    notes = Notes()
    rows = _left(read_rows(frame, wanted, notes), notes)
    rows, timeline = on_timeline(rows, wanted, notes)
    rows = _left(one_row_per_period(rows, wanted, notes), notes)
    rows = without_open_periods(rows, timeline, wanted, notes)
    rows = _left(usable(rows, notes), notes)
    history = fill(history_of(rows, wanted.known, notes), _names(rows), season, notes)
    return Panel(
        frame=_frame(rows, history, wanted, timeline),
        future=future_of(rows, history, wanted, timeline, notes),
        series=history.series(),
        timeline=timeline,
        season=season,
        known=wanted.known,
        past=wanted.past,
        static=static_of(rows, wanted, notes),
        findings=notes.findings(timeline.stamp("first")),
        refused=notes.refused(),
        closed=history.closed,
    )


def _left(rows: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """Return the rows, or tell why no series is left."""
    if rows.is_empty():
        refused = notes.refused()
        shown = refused.head(_REASONS_SHOWN).select("unique_id", "reason_zh", "reason_en").rows()
        raise NoSeriesError(shown, refused.height)
    return rows


def _names(rows: pl.DataFrame) -> pl.Series:
    """Return the id of each code."""
    code = rows["code"].to_numpy()
    starts = np.flatnonzero(np.concatenate(([True], code[1:] != code[:-1])))
    return rows["unique_id"].gather(starts)


def _frame(rows: pl.DataFrame, history: Filled, wanted: Wanted, timeline: Timeline) -> pl.DataFrame:
    """Return the panel's long frame; drivers are null in periods that the table does not have."""
    grid = history.grid
    place = grid.places()
    whole = len(place) == rows.height and place.null_count() == 0
    return pl.DataFrame(
        {
            "unique_id": history.names.gather(grid.code),
            "period": grid.period,
            "y": history.y,
            "observed": history.observed,
            "gap": grid.source < 0,
            "returns": history.returns,
            **{name: rows[name] if whole else rows[name].gather(place) for name in wanted.drivers},
        }
    ).select("unique_id", timeline.stamp().alias("ds"), pl.all().exclude("unique_id"))
