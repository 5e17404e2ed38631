"""The lines: planned hours, stops, output; each kind of line fails and rests in its own way."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags, Floats, Ints, days, ids, money, words
from sample_group.companies import COMPANIES, reporting_delay
from sample_group.demand import cycle_of_year, spring_festival
from sample_group.streams import Streams
from sample_group.window import Window, spring_festival_distance

__all__ = ["LINES", "Line", "Plants", "lines_frame", "plants"]

REASONS: Final = ("breakdown", "changeover", "material", "power", "quality", "planned")
KINDS: Final = ("overhaul", "inspection", "calibration")


@dataclass(frozen=True)
class Line:
    """A line and how it runs."""

    number: int
    org: int
    name: str
    family: str
    unit: str
    planned_rate: float  # units an hour
    bottleneck: str
    process: str  # cell | fibre | sea_salt | well_salt
    stops: tuple[float, ...]  # a day, by reason but planned
    good: float  # share of output that passes
    rests: tuple[tuple[int, int, int], ...]  # planned rests a year: kind, times, days

    @property
    def line_id(self) -> str:
        """Return the id."""
        return f"LINE-{self.number:02d}"


_CELL: Final = (0.16, 0.30, 0.05, 0.015, 0.07)
_FIBRE: Final = (0.05, 0.03, 0.02, 0.015, 0.05)
_SALT: Final = (0.06, 0.02, 0.02, 0.01, 0.01)
LINES: Final = (
    Line(1, 7, "圆柱电芯一线 18650", "cell", "piece", 4600, "化成与老化：库位决定日产量上限", "cell", _CELL, 0.955, ((0, 1, 10), (2, 4, 1))),
    Line(2, 8, "碳纤维一线 T300", "carbon_fibre", "kg", 185, "碳化炉：连续运行，停炉后须升温", "fibre", _FIBRE, 0.935, ((0, 1, 20), (1, 2, 2))),
    Line(3, 10, "海盐一场", "salt", "t", 62, "天气：蒸发量与降雨", "sea_salt", _SALT, 0.975, ((0, 1, 25),)),
    Line(4, 10, "井矿盐一线", "salt", "t", 34, "真空蒸发罐", "well_salt", _SALT, 0.985, ((0, 1, 12), (1, 3, 1))),
    Line(5, 7, "圆柱电芯二线 21700", "cell", "piece", 6400, "化成与老化：库位决定日产量上限", "cell", _CELL, 0.948, ((0, 1, 10), (2, 4, 1))),
    Line(6, 7, "圆柱电芯三线 32700", "cell", "piece", 2700, "化成与老化：库位决定日产量上限", "cell", _CELL, 0.940, ((0, 1, 12), (2, 4, 1))),
    Line(7, 8, "碳纤维二线 T700/T800", "carbon_fibre", "kg", 120, "碳化炉：连续运行，停炉后须升温", "fibre", _FIBRE, 0.915, ((0, 1, 22), (1, 2, 2))),
    Line(8, 10, "海盐二场", "salt", "t", 88, "天气：蒸发量与降雨", "sea_salt", _SALT, 0.970, ((0, 1, 25),)),
    Line(9, 10, "井矿盐二线", "salt", "t", 41, "真空蒸发罐", "well_salt", _SALT, 0.985, ((0, 1, 12), (1, 3, 1))),
)  # fmt: skip
_STOP_HOURS: Final = (2.6, 1.1, 3.0, 2.0, 1.6)
FORMATION_HOURS: Final = (
    19.5  # a day's output of a cell line is capped at this many hours of its planned rate
)
REHEATING: Final = 10.0  # hours lost on the first day after a carbonisation furnace was shut


@dataclass(frozen=True)
class Plants:
    """The three tables of what the lines did."""

    line_output: pl.DataFrame
    line_stops: pl.DataFrame
    maintenance: pl.DataFrame


def lines_frame(window: Window, lines: tuple[Line, ...]) -> pl.DataFrame:
    """Return the table of lines."""
    return pl.DataFrame(
        {
            "line_id": [line.line_id for line in lines],
            "org_id": [COMPANIES[line.org - 1].org_id for line in lines],
            "name": [line.name for line in lines],
            "family": [line.family for line in lines],
            "unit": [line.unit for line in lines],
            "planned_rate": [float(line.planned_rate) for line in lines],
            "bottleneck": [line.bottleneck for line in lines],
            "known_at": [window.start] * len(lines),
        }
    )


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
    maintenance, resting = _rests(rng, window, line)
    planned = np.where(resting, 0.0, _planned_hours(rng, line, day))
    stops = _stops(rng, line, day, planned)
    lost = np.bincount(stops["at"], stops["hours"], minlength=len(day))
    run = np.round(np.maximum(planned - lost, 0), 2)
    speed = _speed(rng, line, day, resting)
    output = _capped(rng, line, run * line.planned_rate * speed)
    good = output * np.clip(line.good + rng.normal(0, 0.012, len(day)) - 0.02 * (lost > 3), 0.5, 0.999)
    low, high = reporting_delay()[line.org - 1]
    known = day + rng.integers(low, high, len(day), dtype=np.int32)
    decimals = 0 if line.unit == "piece" else 1
    table = pl.DataFrame(
        {
            "line_id": [line.line_id] * len(day),
            "ds": days(day),
            "planned_hours": money(planned, 2),
            "run_hours": money(run, 2),
            "output": money(output, decimals),
            "good_output": money(np.minimum(np.round(good, decimals), np.round(output, decimals)), decimals),
            "known_at": days(known),
        }
    )
    return Plants(table, _stop_rows(line, day, stops, known), maintenance)


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
        return np.asarray(np.round(np.minimum(sun * 6.2, 12) * np.clip(1 - soaked, 0, 1), 1))
    weekend = (day + 3) % 7 == 6
    hours = np.where(weekend, 11.0, 22.0) * np.clip(spring_festival(day, closed=0.95, before=0.0), 0, 1)
    return np.asarray(np.round(hours, 1))


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


def _stops(rng: np.random.Generator, line: Line, day: Ints, planned: Floats) -> dict[str, np.ndarray]:
    number = [rng.poisson(rate, len(day)) * (planned > 2) for rate in line.stops]
    at = np.concatenate([np.repeat(np.arange(len(day)), count) for count in number])
    reason = np.concatenate([np.full(int(count.sum()), code) for code, count in enumerate(number)])
    order = np.lexsort((reason, at))
    at, reason = at[order], reason[order]
    hours = np.round(np.minimum(0.2 + rng.exponential(np.array(_STOP_HOURS)[reason]), 12.0), 2)
    # a day's stops lie one after another and never outlast the planned hours
    total = np.bincount(at, hours, minlength=len(day))
    fit = np.minimum(1.0, 0.9 * planned / np.maximum(total, 1e-9))
    hours = np.maximum(np.round(hours * fit[at], 2), 0.02)
    before = np.cumsum(hours) - hours
    first = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=len(day)))])[:-1]
    begin = before - before[np.minimum(first, max(len(before) - 1, 0))][at]
    return {"at": at, "reason": reason, "hours": hours, "begin": begin}


def _stop_rows(line: Line, day: Ints, stops: dict[str, np.ndarray], known: Ints) -> pl.DataFrame:
    midnight = day[stops["at"]].astype(np.int64) * 86_400_000_000
    start = midnight + np.round((stops["begin"] + 0.5) * 3600).astype(np.int64) * 1_000_000
    end = start + np.round(stops["hours"] * 3600).astype(np.int64) * 1_000_000
    return pl.DataFrame(
        {
            "line_id": [line.line_id] * len(start),
            "start_at": pl.Series(start).cast(pl.Datetime("us")),
            "end_at": pl.Series(end).cast(pl.Datetime("us")),
            "reason": words(REASONS, stops["reason"]),
            "known_at": days(np.maximum(known[stops["at"]], day[stops["at"]] + 2)),
        }
    )


def _rests(rng: np.random.Generator, window: Window, line: Line) -> tuple[pl.DataFrame, Flags]:
    day = window.days()
    years = sorted(
        {int(year) for year in day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int32)}
    )
    start, end, kind = [], [], []
    for year in years:
        first = int(np.datetime64(f"{1970 + year}-01-01", "D").astype(np.int32))
        for code, times, length in line.rests:
            for time in range(times):
                begin = _begin(rng, line, first, code, (time + 0.5) / times)
                start.append(begin)
                end.append(begin + length - 1)
                kind.append(code)
    starts, ends = np.array(start, dtype=np.int32), np.array(end, dtype=np.int32)
    known = starts - rng.integers(30, 90, len(starts), dtype=np.int32)
    inside = (starts >= window.first) & (ends <= window.last)
    resting = np.zeros(len(day), dtype=np.bool_)
    for begin, finish in zip(starts[inside], ends[inside], strict=True):
        resting[begin - window.first : finish - window.first + 1] = True
    frame = pl.DataFrame({"line_id": [line.line_id] * len(starts), "start_on": days(starts), "end_on": days(ends),
                          "kind": words(KINDS, np.array(kind)), "known_at": days(known)})  # fmt: skip
    return frame.filter(pl.Series(inside)), resting


def _begin(rng: np.random.Generator, line: Line, first: int, code: int, share: float) -> int:
    if line.process == "cell" and code == 0:  # the overhaul of a cell line uses the Spring Festival
        january = np.arange(first, first + 60, dtype=np.int32)
        return int(january[np.abs(spring_festival_distance(january)).argmin()]) - 1
    if line.process == "sea_salt":  # a field is repaired in winter
        return first + 8 + int(rng.integers(0, 20))
    return (
        first + int(share * 365) + int(rng.integers(-25, 25))
        if code
        else first + 150 + int(rng.integers(0, 60))
    )
