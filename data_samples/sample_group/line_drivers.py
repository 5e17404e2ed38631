"""What moves the lines: weather and brine of the salt fields, crews and formation of cells, lots of precursor.

The draws behind a day's output are told with noise, and before the day only what would be known then.
"""

from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Floats, Ints, days, money
from sample_group.demand import cycle_of_year
from sample_group.line_park import Line
from sample_group.plants import Run, shift_hours, wetness
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["line_drivers_frame"]

_FORECAST_AHEAD: Final = 5  # days that a weather forecast reaches
_CREW_AHEAD: Final = 14
_FORMATION_AHEAD: Final = 2
_LOT_AHEAD: Final = 12
_LOT_DAYS: Final = 6
_CREW: Final = 46  # operators of 22 hours
_SHARPEST: Final = 3.0  # standard deviations beyond which a draw tells no more


def line_drivers_frame(
    streams: Streams, window: Window, lines: tuple[Line, ...], runs: list[Run]
) -> pl.DataFrame:
    """Return the drivers of all lines that are known by the day of the extract."""
    parts = [_of_line(streams, window, line, run) for line, run in zip(lines, runs, strict=True)]
    return pl.concat(parts).filter(pl.col("known_at") <= window.end)


def _of_line(streams: Streams, window: Window, line: Line, run: Run) -> pl.DataFrame:
    rng = streams.of(f"drivers/{line.line_id}")
    match line.process:
        case "sea_salt":
            return _weather(rng, window, line, run)
        case "cell":
            return _cells(rng, window, line, run)
        case "fibre":
            return _lots(rng, window, line, run)
        case _:
            return _rows(line, window.days()[:0], "none", np.empty(0), ahead=0)


def _rows(
    line: Line, day: Ints, driver: str, value: Floats, *, ahead: int | Ints, decimals: int = 1
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "line_id": pl.Series([line.line_id] * len(day), dtype=pl.String),
            "ds": days(day),
            "driver": pl.Series([driver] * len(day), dtype=pl.String),
            "value": money(value, decimals),
            "known_at": days((day - ahead).astype(np.int32)),
        }
    )


def _beyond(window: Window, ahead: int) -> Ints:
    # the days of the window and those after it of which something is known before
    return np.arange(window.first, window.last + ahead + 1, dtype=np.int32)


def _weather(rng: np.random.Generator, window: Window, line: Line, run: Run) -> pl.DataFrame:
    day, past = _beyond(window, _FORECAST_AHEAD), window.days()
    count = len(past)
    rain = np.concatenate([run.rain, rng.random(_FORECAST_AHEAD) < wetness(day[count:])])
    millimetres = rain * (0.5 + rng.gamma(1.2, 14.0, len(day)))
    sun = cycle_of_year(day, peak_day=175, amplitude=0.75) * 4.2
    evaporation = np.maximum(sun * (1 - 0.7 * rain) * rng.normal(1, 0.12, len(day)), 0)
    soaked = np.convolve(rain.astype(np.float64), [1.0, 0.7, 0.35])[:count]
    pull = np.clip((run.speed / np.mean(run.speed) - 1) / 0.135, -_SHARPEST, _SHARPEST)
    brine = np.clip(24.6 + 1.2 * pull - 1.6 * soaked + rng.normal(0, 0.6, count), 12, 30)
    seen = np.where(rain, millimetres * rng.lognormal(0, 0.5, len(day)), rng.gamma(1.0, 5.0, len(day)))
    forecast = seen * (rng.random(len(day)) < np.where(rain, 0.82, 0.07))
    expected = brine + rng.normal(0, 0.7, count)
    return pl.concat(
        [
            _rows(line, past, "rain", millimetres[:count], ahead=-1),
            _rows(line, past, "evaporation", evaporation[:count], ahead=-1),
            _rows(line, past, "brine_concentration", brine, ahead=-1),
            _rows(line, day, "rain_forecast", forecast, ahead=_FORECAST_AHEAD),
            _rows(line, past, "brine_forecast", expected, ahead=3),
        ]
    )


def _cells(rng: np.random.Generator, window: Window, line: Line, run: Run) -> pl.DataFrame:
    day, past = _beyond(window, _CREW_AHEAD), window.days()
    pull = np.concatenate([run.speed / np.mean(run.speed) - 1, rng.normal(0, 0.025, _CREW_AHEAD)])
    resting = np.concatenate([run.rests.resting(past), np.zeros(_CREW_AHEAD, dtype=np.bool_)])
    crew = _CREW * shift_hours(line, day) / 22 * (1 + 1.4 * pull) + rng.normal(0, 0.6, len(day))
    free = np.clip(run.free + rng.normal(0, 0.01, len(past)), 0.8, 1.0)
    return pl.concat(
        [
            _rows(
                line,
                day,
                "operators",
                np.where(resting, 0, np.maximum(crew, 0)),
                ahead=_CREW_AHEAD,
                decimals=0,
            ),
            _rows(line, past, "formation_channels", 100 * free, ahead=_FORMATION_AHEAD),
        ]
    )


def _lots(rng: np.random.Generator, window: Window, line: Line, run: Run) -> pl.DataFrame:
    day = _beyond(window, _LOT_AHEAD)
    past = len(window.days())
    lot = (day - window.first) // _LOT_DAYS
    missed = np.zeros(len(day))
    missed[:past] = line.good - run.quality
    within = np.bincount(lot[:past], minlength=lot[-1] + 1)
    mean = np.bincount(lot, missed) / np.maximum(within, 1)
    unknown = np.where(within == 0, rng.normal(0, 0.005, len(within)), 0.0)
    variation = np.clip(1.0 + 40 * (mean + unknown) + rng.normal(0, 0.08, len(mean)), 0.2, 3.0)
    ahead = day - (window.first + lot * _LOT_DAYS) + _LOT_AHEAD  # a lot is known as a whole
    return _rows(line, day, "precursor_grade", variation[lot], ahead=ahead, decimals=2)
