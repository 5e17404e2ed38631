"""When lines stand: planned rests known in advance, and stops of five other reasons."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags, Floats, Ints, days, words
from sample_group.line_park import Line
from sample_group.window import Window, spring_festival_distance

__all__ = ["Stops", "draw_rests", "draw_stops", "rest_rows", "stop_rows"]

KINDS: Final = ("overhaul", "inspection", "calibration")
REASONS: Final = ("breakdown", "changeover", "material", "power", "quality", "planned")
_MEAN_HOURS: Final = (2.6, 1.1, 3.0, 2.0, 1.6)
_HOUR: Final = 3_600_000_000  # microseconds
_SHIFT_BEGINS: Final = 0.5  # hours after midnight


@dataclass(frozen=True, eq=False)
class Stops:
    """Stops as arrays: `at` is the position of the day, `begin` hours into it."""

    at: Ints
    reason: Ints
    begin: Floats
    hours: Floats

    def lost(self, count: int) -> Floats:
        """Return the hours lost on each day."""
        return np.bincount(self.at, self.hours, minlength=count).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Rests:
    """Planned rests as arrays of first and last day."""

    start: Ints
    end: Ints
    kind: Ints

    def resting(self, day: Ints) -> Flags:
        """Tell on which days the line rests."""
        flags = np.zeros(len(day), dtype=np.bool_)
        for first, last in zip(self.start - day[0], self.end - day[0], strict=True):
            flags[first : last + 1] = True
        return flags


def draw_stops(rng: np.random.Generator, line: Line, planned: Floats) -> Stops:
    """Draw the stops of each day: they lie one after another and never outlast the planned hours."""
    count = len(planned)
    number = np.stack([rng.poisson(rate, count) * (planned > 2) for rate in line.stops], axis=1)
    at = np.repeat(np.arange(count), number.sum(axis=1))
    reason = np.repeat(np.tile(np.arange(len(line.stops)), count), number.ravel())
    hours = np.minimum(0.2 + rng.exponential(np.array(_MEAN_HOURS)[reason]), 12.0)
    total = np.bincount(at, hours, minlength=count)
    fit = np.minimum(1.0, 0.9 * planned / np.maximum(total, 1e-9))
    hours = np.maximum(np.floor(hours * fit[at] * 100) / 100, 0.02)
    before = np.cumsum(hours) - hours
    first = np.searchsorted(at, at, "left")
    return Stops(at.astype(np.int32), reason.astype(np.int32), before - before[first], hours)


def stop_rows(line: Line, day: Ints, stops: Stops, rests: Rests, known: Ints) -> pl.DataFrame:
    """Return the stops of a line, the planned ones (a whole rest each) among them."""
    inside = rests.start <= day[-1]
    first, last = rests.start[inside], rests.end[inside]
    start = np.concatenate(
        [_moment(day[stops.at], stops.begin + _SHIFT_BEGINS), _moment(first, np.zeros(len(first)))]
    )
    length = np.concatenate([np.round(stops.hours * _HOUR), (last - first + 1) * 24.0 * _HOUR]).astype(
        np.int64
    )
    reason = np.concatenate([stops.reason, np.full(len(first), REASONS.index("planned"))])
    told = np.concatenate([known[stops.at], np.maximum(known[last - day[0]], last + 1)])
    return pl.DataFrame(
        {
            "line_id": [line.line_id] * len(start),
            "start_at": pl.Series(start).cast(pl.Datetime("us")),
            "end_at": pl.Series(start + length).cast(pl.Datetime("us")),
            "reason": words(REASONS, reason),
            "known_at": days(told.astype(np.int32)),
        }
    ).sort("start_at", maintain_order=True)


def draw_rests(rng: np.random.Generator, window: Window, line: Line) -> Rests:
    """Draw the planned rests of each year; those that leave the window fall out."""
    years = range(window.start.year, window.end.year + 1)
    drawn = [
        (_begin(rng, line, year, kind=kind, share=(time + 0.5) / times), length, kind)
        for year in years
        for kind, times, length in line.rests
        for time in range(times)
    ]
    start, length, kind = np.array(drawn, dtype=np.int32).T
    end = start + length - 1
    inside = (start >= window.first) & (end <= window.last)
    return Rests(start[inside], end[inside], kind[inside])


def rest_rows(rng: np.random.Generator, line: Line, rests: Rests) -> pl.DataFrame:
    """Return the maintenance plans of a line, known one to three months ahead."""
    known = rests.start - rng.integers(30, 90, len(rests.start), dtype=np.int32)
    return pl.DataFrame(
        {
            "line_id": [line.line_id] * len(known),
            "start_on": days(rests.start),
            "end_on": days(rests.end),
            "kind": words(KINDS, rests.kind),
            "known_at": days(known),
        }
    )


def _begin(rng: np.random.Generator, line: Line, year: int, *, kind: int, share: float) -> int:
    first = int(np.datetime64(f"{year}-01-01", "D").astype(np.int32))
    if line.process == "cell" and kind == 0:  # the overhaul of a cell line uses the Spring Festival
        winter = np.arange(first, first + 60, dtype=np.int32)
        return int(winter[np.abs(spring_festival_distance(winter)).argmin()]) - 1
    if line.process == "sea_salt":  # a field is repaired in winter
        return first + 8 + int(rng.integers(0, 20))
    return first + (int(share * 365) + int(rng.integers(-25, 25)) if kind else 150 + int(rng.integers(0, 60)))


def _moment(day: Ints, hours: Floats) -> Ints:
    midnight = day.astype(np.int64) * 24 * _HOUR
    return np.asarray(midnight + np.round(hours * _HOUR / 1_000_000).astype(np.int64) * 1_000_000)
