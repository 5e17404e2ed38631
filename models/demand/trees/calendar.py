"""The calendar of the forecast periods as columns, by themselves and against the same place in the last season."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from features.calendar import CALENDAR_GROUPS, calendar_columns, column_group
from features.timeline import Frequency
from models.demand.series import FloatArray, IntArray, Series
from models.demand.trees.columns import SEASON, Columns

__all__ = ["Calendar", "told_too_seldom"]

_SEASON_GROUP: Final = "season"
_TIMES_SEEN: Final = 2.0
_YEARS_SEEN_BY_DAY: Final = 1.5
_DAYS: Final = {
    Frequency.HOUR: 1 / 24,
    Frequency.DAY: 1.0,
    Frequency.WEEK: 7.0,
    Frequency.MONTH: 30.4,
    Frequency.QUARTER: 91.3,
}
_DAYS_AROUND: Final = {"hour": 1.0, "weekday": 7.0, "hour_of_week": 7.0, "day_of_month": 30.4}
_YEAR: Final = 365.0


def told_too_seldom(series: Series) -> frozenset[str]:
    """Return the season's columns that have come around too seldom in the series' history.

    A week of the year that was seen but once is a date, not a season: trees that split on it learn what happened
    then, and expect it again on top of the season that they start from. The year of days and hours is in no season that
    they start from, so it is told earlier: a Christmas seen once is better than none.
    """
    if series.timeline.frequency == Frequency.INTEGER:
        return frozenset()
    frequency = series.timeline.frequency
    days = series.y.shape[1] * _DAYS[frequency]
    year = _YEAR * (_YEARS_SEEN_BY_DAY if frequency in (Frequency.HOUR, Frequency.DAY) else _TIMES_SEEN)
    return frozenset(
        name
        for name, group in CALENDAR_GROUPS.items()
        if group == _SEASON_GROUP
        and days < (_TIMES_SEEN * _DAYS_AROUND[name] if name in _DAYS_AROUND else year)
    )


@dataclass(frozen=True)
class Calendar:
    """Calendar columns over the range of periods that the series and their horizons touch."""

    periods: IntArray  # (T + H, n)
    first: int
    columns: Mapping[str, FloatArray]  # name -> one value a period from `first` on

    @classmethod
    def of(cls, series: Series, periods: IntArray, left_out: frozenset[str]) -> Self:
        """Read the calendar of (T + H, n) period numbers, as announced by then; plain integers have none."""
        first, last = int(periods.min()), int(periods.max())
        span = np.arange(first, last + 1, dtype=np.int64)
        if series.timeline.frequency == Frequency.INTEGER:
            return cls(periods, first, {})
        columns = calendar_columns(series.timeline, span, as_of=series.newest_day)
        return cls(periods, first, {name: values for name, values in columns.items() if name not in left_out})

    def add(self, columns: Columns, target: IntArray, series: IntArray, ago: IntArray | None) -> None:
        """Add the calendar of the periods forecast; what moves between years also against the last season."""
        place = self.periods[target, series] - self.first
        for name, values in self.columns.items():
            group = column_group(name)
            component = SEASON if group == _SEASON_GROUP else f"calendar:{group}"
            columns.add(f"calendar {name}", component, values[place])
            if group != _SEASON_GROUP and ago is not None:
                there = np.where(
                    ago >= 0, values[self.periods[np.maximum(ago, 0), series] - self.first], np.nan
                )
                columns.add(f"calendar {name} less last season", component, values[place] - there)
