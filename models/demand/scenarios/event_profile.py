"""Learn the profile of a shock from history: how far demand rose, how deep it fell after, and for how long."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from features.timeline import Frequency
from models.demand.scenarios.scenario import Moment, Shock
from models.demand.series import FloatArray, IntArray, Series
from models.errors import ScenarioError

__all__ = ["EventEstimate", "estimate_event"]

_EPOCH: Final = date(1970, 1, 1)
_YEARS: Final = {
    Frequency.HOUR: 8736, Frequency.DAY: 364, Frequency.WEEK: 52, Frequency.MONTH: 12, Frequency.QUARTER: 4,
}  # fmt: skip
_DAYS: Final = {
    Frequency.HOUR: 1 / 24, Frequency.DAY: 1.0, Frequency.WEEK: 7.0, Frequency.MONTH: 30.4375, Frequency.QUARTER: 91.3125,
    Frequency.INTEGER: 1.0,
}  # fmt: skip
_LEVEL_DAYS: Final = 84  # before the event, in which this year is held against the neighbouring years


@dataclass(frozen=True)
class EventEstimate:
    """A shock as history shows it, of all series together.

    ratio: actual over expected demand, by period from the event's first on; periods: their numbers; series: how many
    series it rests on; noise: mean absolute distance of the ratio from 1 in the time before the event, the size below
    which nothing can be read out of it.
    """

    shock: Shock
    periods: IntArray
    ratio: FloatArray
    series: int
    noise: float


def estimate_event(
    series: Series, first: Moment, last: Moment, *, name: str, search_days: int = 120
) -> EventEstimate:
    """Estimate a shock from its window in history, dates inclusive.

    Expected demand is that of the same time in the years before and after (364 days, 52 weeks, ...; the mean of those
    there are), scaled to the level of the twelve weeks before the event; where no neighbouring year is there, the
    median of these weeks. The surge is the ratio of sums over the window. The hangover is the straight line back to 1
    that explains the ratio of the following `search_days` best by least squares, over all its lengths; none where no
    length explains more than no hangover does. Weights are volumes: all series are added up. A filled value is used as
    filled. Raises ScenarioError where the window is not inside the history or nothing precedes it.
    """
    numbers, actual = _added(series)
    begin, end = (_period(one, series) for one in (first, last))
    if begin > end or begin <= numbers[0] or end > numbers[-1]:
        raise _outside(series, name, numbers)
    span = _DAYS[series.timeline.frequency]
    before = max(round(_LEVEL_DAYS / span), 2)
    after = round(search_days / span)
    start = int(begin - numbers[0])
    event = slice(start, int(end - numbers[0]) + 1)
    expected = _expected(series, actual, event, before=before, touched=event.stop + after)
    ratio = _ratio(actual, expected)
    surge = float(np.nansum(actual[event]) / max(float(np.nansum(expected[event])), 1e-12))
    depth, length = _hangover(ratio[event.stop : event.stop + after])
    shock = Shock(
        name=name,
        zh=f"由历史估计：{first} 至 {last}",
        en=f"Estimated from history: {first} to {last}",
        first=first,
        surge=max(surge, 1e-6),
        surge_days=max(round((event.stop - event.start) * span), 1),
        hangover=1 - depth,
        hangover_days=round(length * span),
    )
    quiet = ratio[max(start - before, 0) : start]
    noise = float(np.nanmean(np.abs(quiet - 1))) if np.isfinite(quiet).any() else float("nan")
    shown = slice(start, min(event.stop + after, len(ratio)))
    return EventEstimate(shock, numbers[shown], ratio[shown], len(series), noise)


def _added(series: Series) -> tuple[IntArray, FloatArray]:
    """Return the sum of all series by period, from the oldest column to the newest, NaN where none has a value."""
    newest, width = int(series.last.max()), series.y.shape[1]
    oldest = int(series.last.min()) - width + 1
    total, count = np.zeros(newest - oldest + 1), np.zeros(newest - oldest + 1)
    place = series.periods() - oldest
    there = np.isfinite(series.y)
    np.add.at(total, place[there], series.y[there])
    np.add.at(count, place[there], 1)
    return np.arange(oldest, newest + 1, dtype=np.int64), np.where(count > 0, total, np.nan)


def _expected(series: Series, actual: FloatArray, event: slice, *, before: int, touched: int) -> FloatArray:
    """Return what was to be expected in each period had there been no event."""
    year = _YEARS.get(series.timeline.frequency, series.season)
    usual = actual.copy()
    usual[event.start : touched] = np.nan  # what the event moved says nothing of other years
    padded = np.pad(usual, year, constant_values=np.nan)
    pair = np.stack([padded[: len(usual)], padded[2 * year :]])
    count = np.isfinite(pair).sum(axis=0)
    neighbours = np.where(count > 0, np.nan_to_num(pair).sum(axis=0) / np.maximum(count, 1), np.nan)
    level = slice(max(event.start - before, 0), event.start)
    both = np.isfinite(neighbours[level]) & np.isfinite(actual[level])
    past = actual[level][np.isfinite(actual[level])]
    flat = float(np.median(past)) if len(past) else np.nan
    base = float(neighbours[level][both].sum())
    scale = float(actual[level][both].sum()) / base if both.any() and base > 0 else np.nan
    return np.where(np.isfinite(neighbours * scale), neighbours * scale, flat)


def _ratio(actual: FloatArray, expected: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(actual, expected, out=np.full_like(actual, np.nan), where=expected > 0)
    return ratio


def _hangover(ratio: FloatArray) -> tuple[float, int]:
    """Fit 1 - depth (1 - i / length) to the ratio after the event; return depth (0 to 1) and length in periods."""
    there = np.isfinite(ratio)
    gap = np.where(there, 1 - ratio, 0.0)
    best, found = 0.0, (0.0, 0)
    for length in range(1, len(ratio) + 1):
        line = np.maximum(1 - np.arange(len(ratio)) / length, 0.0) * there
        power = float(line @ line)
        depth = float(np.clip(gap @ line / power, 0.0, 1.0)) if power else 0.0
        explained = 2 * depth * float(gap @ line) - depth**2 * power
        if explained > best:
            best, found = explained, (depth, length)
    return found


def _period(moment: Moment, series: Series) -> int:
    """Return the period a day lies in."""
    frequency = series.timeline.frequency
    if (frequency is Frequency.INTEGER) is isinstance(moment, date):
        raise ScenarioError(
            zh=f"时点 {moment} 与表的时间轴不符。日期表请给日期，整数期表请给期数。",
            en=f"{moment} is not on the table's timeline. Give dates for dates, numbers for numbers.",
        )
    if not isinstance(moment, date):
        return int(moment)
    day = (moment - _EPOCH).days
    match frequency:
        case Frequency.HOUR:
            return day * 24
        case Frequency.DAY:
            return day
        case Frequency.WEEK:
            return (day + 3 - series.timeline.anchor) // 7
        case Frequency.QUARTER:
            return (moment.year * 12 + moment.month - 1) // 3
        case _:
            return moment.year * 12 + moment.month - 1


def _outside(series: Series, name: str, numbers: IntArray) -> ScenarioError:
    ends = series.timeline.stamps(numbers[[0, -1]]).to_list()
    return ScenarioError(
        zh=f"事件“{name}”的时段不在历史（{ends[0]} 至 {ends[1]}）之内，或之前没有数据。请改正起止日期。",
        en=f"The window of event '{name}' is not inside the history ({ends[0]} to {ends[1]}) or nothing precedes it. "
        "Correct its dates.",
    )
