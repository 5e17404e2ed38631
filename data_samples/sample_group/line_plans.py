"""The shift plans of the lines, month by month, issued four to eight weeks before the month begins."""

from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Floats, Ints, days, money, month_of
from sample_group.line_park import Line
from sample_group.plants import Run, shift_hours
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["line_plans_frame"]

_REACH: Final = 120  # days after the window that a plan issued within it may reach
_SOONEST: Final = 28  # days from the issue of a plan to the first day of its month
_SPREAD: Final = 28


def line_plans_frame(
    streams: Streams, window: Window, lines: tuple[Line, ...], runs: list[Run]
) -> pl.DataFrame:
    """Return the hours planned for each line and day, and the changes that later maintenance made to them.

    A plan is known by the day of the extract; the weather of a salt field is not in it.
    """
    parts = [_of_line(streams, window, line, run) for line, run in zip(lines, runs, strict=True)]
    return pl.concat(parts).filter(pl.col("known_at") <= window.end)


def _of_line(streams: Streams, window: Window, line: Line, run: Run) -> pl.DataFrame:
    rng = streams.of(f"plans/{line.line_id}")
    day = np.arange(window.first, window.last + _REACH + 1, dtype=np.int32)
    month = month_of(day)
    issued = _issued(rng, int(month[0]), int(month[-1]))[month - month[0]]
    hours = shift_hours(line, day)
    resting, told = _resting(run, day)
    first = np.where(resting & (told <= issued), 0.0, hours)
    changed = resting & (told > issued) & (hours > 0)
    return pl.concat(
        [_rows(line, day, first, issued), _rows(line, day[changed], np.zeros(changed.sum()), told[changed])]
    )


def _issued(rng: np.random.Generator, first: int, last: int) -> Ints:
    months = np.arange(first, last + 1)
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)
    return np.asarray(starts - _SOONEST - rng.integers(0, _SPREAD, len(months)), dtype=np.int32)


def _resting(run: Run, day: Ints) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Ints]:
    known = run.rows.maintenance["known_at"].cast(pl.Int32).to_numpy()
    resting, told = np.zeros(len(day), dtype=np.bool_), np.zeros(len(day), dtype=np.int32)
    for first, last, since in zip(run.rests.start - day[0], run.rests.end - day[0], known, strict=True):
        at = np.arange(first, last + 1)
        told[at] = np.where(resting[at], np.minimum(told[at], since), since)
        resting[at] = True
    return resting, told


def _rows(line: Line, day: Ints, hours: Floats, known: Ints) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "line_id": pl.Series([line.line_id] * len(day), dtype=pl.String),
            "ds": days(day),
            "planned_hours": money(hours, 1),
            "known_at": days(known),
        }
    )
