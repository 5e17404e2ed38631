"""What the lines did: planned and run hours and output, each kind of line in its own way."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags, Floats, Ints, days, ids, money, rounded
from sample_group.companies import reported_on
from sample_group.demand import cycle_of_year, spring_festival
from sample_group.line_park import Line
from sample_group.stoppages import Rests, draw_rests, draw_stops, rest_rows, stop_rows
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["Plants", "Run", "dry", "plants", "run_lines", "shift_hours", "wetness"]

FORMATION_HOURS: Final = 19.5  # hours of the planned rate that formation and ageing can take a day
REHEATING: Final = 10.0  # hours lost on the first day after a carbonisation furnace was shut


@dataclass(frozen=True)
class Plants:
    """The three tables of what the lines did."""

    line_output: pl.DataFrame
    line_stops: pl.DataFrame
    maintenance: pl.DataFrame


@dataclass(frozen=True, eq=False)
class Run:
    """What a line did each day, and the draws behind it that its drivers tell of."""

    rows: Plants
    rests: Rests
    rain: Flags  # a wet day of a sea-salt field
    speed: Floats  # share of the planned rate
    quality: Floats  # share of output that passes
    free: Floats  # share of the formation channels that are free, of cells


def run_lines(streams: Streams, window: Window, lines: tuple[Line, ...]) -> list[Run]:
    """Run every line for every day of the window."""
    return [_run(streams, window, line) for line in lines]


def plants(runs: list[Run]) -> Plants:
    """Return what the lines did as three tables."""
    rows = [run.rows for run in runs]
    return Plants(
        pl.concat([row.line_output for row in rows]),
        _numbered("S", "stop_id", pl.concat([row.line_stops for row in rows])),
        _numbered("M", "plan_id", pl.concat([row.maintenance for row in rows])),
    )


def _numbered(prefix: str, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.insert_column(0, ids(prefix, np.arange(1, frame.height + 1, dtype=np.int32), 7).alias(name))


def _run(streams: Streams, window: Window, line: Line) -> Run:
    rng = streams.of(f"line/{line.line_id}")
    day = window.days()
    rests = draw_rests(rng, window, line)
    resting = rests.resting(day)
    rain = _rain(rng, line, day)
    planned = np.where(resting, 0.0, np.round(shift_hours(line, day) * dry(rain), 1) + 0.0)
    stops = draw_stops(rng, line, planned)
    lost = stops.lost(len(day))
    run = rounded(np.maximum(planned - lost, 0), 2)
    speed = _speed(rng, line, day, resting)
    output, free = _capped(rng, line, run * line.planned_rate * speed)
    quality = np.clip(line.good + rng.normal(0, 0.012, len(day)) - 0.02 * (lost > 3), 0.5, 0.999)
    known = reported_on(np.full(len(day), line.org - 1, dtype=np.int32), day)
    table = _output_rows(line, day, hours=(planned, run), made=(output, output * quality)).with_columns(
        known_at=days(known)
    )
    rows = Plants(table, stop_rows(line, day, stops, rests, known), rest_rows(rng, line, rests))
    return Run(rows, rests, rain, speed, quality, free)


def _output_rows(
    line: Line, day: Ints, *, hours: tuple[Floats, Floats], made: tuple[Floats, Floats]
) -> pl.DataFrame:
    decimals = 0 if line.unit == "piece" else 1
    output, good = (rounded(amount, decimals) for amount in made)
    return pl.DataFrame(
        {
            "line_id": [line.line_id] * len(day),
            "ds": days(day),
            "planned_hours": money(hours[0], 2),
            "run_hours": money(hours[1], 2),
            "output": money(output, decimals),
            "good_output": money(np.minimum(good, output), decimals),
        }
    )


def shift_hours(line: Line, day: Ints) -> Floats:
    """Return the hours a line is meant to run on each day, as its shift plan has them: the weather is not in it."""
    if line.process == "fibre":
        return np.full(len(day), 24.0)
    if line.process == "well_salt":
        return np.full(len(day), 22.0)
    if line.process == "sea_salt":
        # harvest from March to November while the sun is up
        sun = np.clip(cycle_of_year(day, peak_day=160, amplitude=1.25) - 0.35, 0, None)
        return np.asarray(np.minimum(sun * 6.2, 12))
    weekend = (day + 3) % 7 == 6
    hours = np.where(weekend, 11.0, 22.0) * np.clip(spring_festival(day, closed=0.95, before=0.0), 0, 1)
    return np.asarray(hours)


def wetness(day: Ints) -> Floats:
    """Return the chance of rain on the salt fields."""
    return np.asarray(cycle_of_year(day, peak_day=205, amplitude=0.8) * 0.16)


def dry(rain: Flags) -> Floats:
    """Return the share of its hours that rain leaves to a salt field: a field stays wet for a while."""
    soaked = np.convolve(rain.astype(np.float64), [1.0, 0.7, 0.35])[: len(rain)]
    return np.asarray(np.clip(1 - soaked, 0, 1))


def _rain(rng: np.random.Generator, line: Line, day: Ints) -> Flags:
    if line.process != "sea_salt":
        return np.zeros(len(day), dtype=np.bool_)
    return np.asarray(rng.random(len(day)) < wetness(day))


def _speed(rng: np.random.Generator, line: Line, day: Ints, resting: Flags) -> Floats:
    speed = np.clip(rng.normal(0.965, 0.025, len(day)), 0.6, 1.03)
    if line.process == "sea_salt":
        speed *= np.clip(rng.normal(0.9, 0.12, len(day)), 0.3, 1.2)
    if line.process == "fibre":
        restart = np.concatenate([[False], resting[:-1] & ~resting[1:]])
        speed = np.where(restart, speed * (1 - REHEATING / 24), speed)
    age = (day - day[0]) / 365.25
    return np.asarray(speed * (1 - 0.006 * age))


def _capped(rng: np.random.Generator, line: Line, output: Floats) -> tuple[Floats, Floats]:
    if line.process != "cell":
        return output, np.ones(len(output))
    # formation and ageing hold cells for days: the channels that are free cap what the line can finish
    free = np.clip(rng.normal(0.97, 0.02, len(output)), 0.85, 1.0)
    return np.minimum(output, FORMATION_HOURS * line.planned_rate * free), free
