"""What the lines did: planned and run hours and output, each kind of line in its own way."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags, Floats, Ints, days, ids, money, rounded
from sample_group.companies import reported_on
from sample_group.demand import cycle_of_year, spring_festival
from sample_group.line_park import Line
from sample_group.stoppages import draw_rests, draw_stops, rest_rows, stop_rows
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["Plants", "plants"]

FORMATION_HOURS: Final = 19.5  # hours of the planned rate that formation and ageing can take a day
REHEATING: Final = 10.0  # hours lost on the first day after a carbonisation furnace was shut


@dataclass(frozen=True)
class Plants:
    """The three tables of what the lines did."""

    line_output: pl.DataFrame
    line_stops: pl.DataFrame
    maintenance: pl.DataFrame


def plants(streams: Streams, window: Window, lines: tuple[Line, ...]) -> Plants:
    """Run every line for every day of the window."""
    runs = [_run(streams, window, line) for line in lines]
    return Plants(
        pl.concat([run.line_output for run in runs]),
        _numbered("S", "stop_id", pl.concat([run.line_stops for run in runs])),
        _numbered("M", "plan_id", pl.concat([run.maintenance for run in runs])),
    )


def _numbered(prefix: str, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.insert_column(0, ids(prefix, np.arange(1, frame.height + 1, dtype=np.int32), 7).alias(name))


def _run(streams: Streams, window: Window, line: Line) -> Plants:
    rng = streams.of(f"line/{line.line_id}")
    day = window.days()
    rests = draw_rests(rng, window, line)
    resting = rests.resting(day)
    planned = np.where(resting, 0.0, _planned_hours(rng, line, day))
    stops = draw_stops(rng, line, planned)
    lost = stops.lost(len(day))
    run = rounded(np.maximum(planned - lost, 0), 2)
    output = _capped(rng, line, run * line.planned_rate * _speed(rng, line, day, resting))
    good = output * np.clip(line.good + rng.normal(0, 0.012, len(day)) - 0.02 * (lost > 3), 0.5, 0.999)
    known = reported_on(np.full(len(day), line.org - 1, dtype=np.int32), day)
    table = _output_rows(line, day, hours=(planned, run), made=(output, good)).with_columns(
        known_at=days(known)
    )
    return Plants(table, stop_rows(line, day, stops, rests, known), rest_rows(rng, line, rests))


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


def _planned_hours(rng: np.random.Generator, line: Line, day: Ints) -> Floats:
    count = len(day)
    if line.process == "fibre":
        return np.full(count, 24.0)
    if line.process == "well_salt":
        return np.full(count, 22.0)
    if line.process == "sea_salt":
        # harvest from March to November while the sun is up; rain stops it, for a while after as well
        sun = np.clip(cycle_of_year(day, peak_day=160, amplitude=1.25) - 0.35, 0, None)
        wet = cycle_of_year(day, peak_day=205, amplitude=0.8) * 0.16
        rain = rng.random(count) < wet
        soaked = np.convolve(rain.astype(np.float64), [1.0, 0.7, 0.35])[:count]
        return np.asarray(rounded(np.minimum(sun * 6.2, 12) * np.clip(1 - soaked, 0, 1), 1))
    weekend = (day + 3) % 7 == 6
    hours = np.where(weekend, 11.0, 22.0) * np.clip(spring_festival(day, closed=0.95, before=0.0), 0, 1)
    return np.asarray(rounded(hours, 1))


def _speed(rng: np.random.Generator, line: Line, day: Ints, resting: Flags) -> Floats:
    speed = np.clip(rng.normal(0.965, 0.025, len(day)), 0.6, 1.03)
    if line.process == "sea_salt":
        speed *= np.clip(rng.normal(0.9, 0.12, len(day)), 0.3, 1.2)
    if line.process == "fibre":
        restart = np.concatenate([[False], resting[:-1] & ~resting[1:]])
        speed = np.where(restart, speed * (1 - REHEATING / 24), speed)
    age = (day - day[0]) / 365.25
    return np.asarray(speed * (1 - 0.006 * age))


def _capped(rng: np.random.Generator, line: Line, output: Floats) -> Floats:
    if line.process != "cell":
        return output
    # formation and ageing hold cells for days: the channels that are free cap what the line can finish
    free = FORMATION_HOURS * line.planned_rate * np.clip(rng.normal(0.97, 0.02, len(output)), 0.85, 1.0)
    return np.minimum(output, free)
