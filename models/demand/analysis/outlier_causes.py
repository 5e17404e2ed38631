"""What is known of the dates of outliers: festivals, events, drivers."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

from features.calendar import festival_windows
from features.timeline import Frequency, Timeline
from models.demand.series import IntArray

__all__ = ["EVENT_COLUMNS", "FESTIVALS", "event_on", "festival_on", "spans_of"]

EVENT_COLUMNS: Final = ("event", "start_on", "end_on")
FESTIVALS: Final = {
    "spring_festival": ("春节", "Spring Festival"),
    "new_year_day": ("元旦", "New Year's Day"),
    "qingming": ("清明节", "Qingming"),
    "labour_day": ("劳动节", "Labour Day"),
    "dragon_boat": ("端午节", "Dragon Boat Festival"),
    "mid_autumn": ("中秋节", "Mid-Autumn Festival"),
    "national_day": ("国庆节", "National Day"),
}
_BREAK: Final = (-1, 7)  # days around a festival that weigh in a week, month or quarter

Span = tuple[date, date]


def spans_of(timeline: Timeline, periods: IntArray) -> list[Span]:
    """Return first and last day of each period; none for plain integers."""
    if timeline.frequency == Frequency.INTEGER:
        return []
    starts, ends = timeline.starts(periods), timeline.ends(periods)
    return [(a.astype(date), b.astype(date)) for a, b in zip(starts, ends, strict=True)]


def festival_on(timeline: Timeline, spans: Sequence[Span]) -> list[str | None]:
    """Return the festival in whose window each period lies, the nearest one where there are several."""
    if not spans:
        return []
    reach = timedelta(days=60)
    first, last = min(one for one, _ in spans) - reach, max(one for _, one in spans) + reach
    windows = festival_windows(first, last).filter(pl.col("holiday").is_in(list(FESTIVALS)))
    daily = timeline.frequency in (Frequency.HOUR, Frequency.DAY)
    days = windows["ds"].cast(pl.Int32).to_numpy().astype(np.int64)
    low = days + (windows["lower_window"].to_numpy() if daily else _BREAK[0])
    high = days + (windows["upper_window"].to_numpy() if daily else _BREAK[1])
    names = windows["holiday"].to_list()
    found: list[str | None] = []
    for begin, end in spans:
        start, stop = _number(begin), _number(end)
        inside = np.flatnonzero((low <= stop) & (high >= start))
        away = np.maximum(days[inside] - stop, np.maximum(start - days[inside], 0))
        found.append(names[int(inside[away.argmin()])] if len(inside) else None)
    return found


def event_on(events: pl.DataFrame, spans: Sequence[Span]) -> list[str | None]:
    """Return the known event that touches each period: the shortest where there are several."""
    known = sorted(
        events.select(EVENT_COLUMNS).iter_rows(), key=lambda event: (event[2] - event[1], event[0])
    )
    return [
        next((name for name, start, end in known if start <= stop and end >= begin), None)
        for begin, stop in spans
    ]


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
