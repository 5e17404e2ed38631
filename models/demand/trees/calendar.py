"""The calendar of the forecast periods as columns, by themselves and against the same place in the last season."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from features.calendar import calendar_columns, column_group
from features.timeline import Frequency
from models.demand.series import FloatArray, IntArray, Series
from models.demand.trees.columns import SEASON, Columns

__all__ = ["Calendar"]

_SEASON_GROUP: Final = "season"


@dataclass(frozen=True)
class Calendar:
    """Calendar columns over the range of periods that the series and their horizons touch."""

    periods: IntArray  # (T + H, n)
    first: int
    columns: Mapping[str, FloatArray]  # name -> one value a period from `first` on

    @classmethod
    def of(cls, series: Series, periods: IntArray) -> Self:
        """Read the calendar of (T + H, n) period numbers; plain integers have none."""
        first, last = int(periods.min()), int(periods.max())
        span = np.arange(first, last + 1, dtype=np.int64)
        if series.timeline.frequency == Frequency.INTEGER:
            return cls(periods, first, {})
        return cls(periods, first, calendar_columns(series.timeline, span))

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
