"""What the airline model is told beside the series: the moving part of the Chinese calendar, and known drivers."""

import json
from dataclasses import asdict, dataclass
from typing import Final, Self

import numpy as np

from features.calendar import calendar_columns, column_group
from features.timeline import Frequency
from models.demand.series import FloatArray, Series

__all__ = ["Encoding", "learn_encoding"]

_CALENDAR: Final = (
    "spring_festival_before", "spring_festival_during", "spring_festival_after", "working_days",
)  # fmt: skip
_DATED: Final = (Frequency.MONTH, Frequency.QUARTER)


@dataclass(frozen=True)
class Encoding:
    """Which columns there are, what component each belongs to, and how drivers are centred (all series alike)."""

    calendar: tuple[str, ...]
    drivers: tuple[str, ...]
    centres: tuple[float, ...]
    spreads: tuple[float, ...]

    @property
    def components(self) -> tuple[str, ...]:
        """Component of each column."""
        of_calendar = [f"calendar:{column_group(name)}" for name in self.calendar]
        return (*of_calendar, *(f"driver:{name}" for name in self.drivers))

    def values(self, series: Series, ahead: int, *, start: int = 0) -> FloatArray:
        """Return the columns up to `ahead` periods after each series' end, (n, T + ahead - start, k); 0: not known.

        `start` is the first column of the history that is wanted, T for the periods ahead only.
        """
        periods = series.periods(ahead)[:, start:]
        columns: list[FloatArray] = []
        if self.calendar:
            found = calendar_columns(series.timeline, periods, as_of=series.newest_day)
            columns += [found[name] for name in self.calendar]
        for name, centre, spread in zip(self.drivers, self.centres, self.spreads, strict=True):
            reach = series.known[name][:, start : start + periods.shape[1]]
            missing = periods.shape[1] - reach.shape[1]
            columns.append((np.pad(reach, ((0, 0), (0, missing)), constant_values=np.nan) - centre) / spread)
        if not columns:
            return np.empty((*periods.shape, 0))
        return np.nan_to_num(np.stack(columns, axis=2))

    def to_json(self) -> str:
        """Return the fields as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` returned."""
        return cls(**{name: tuple(values) for name, values in json.loads(text).items()})


def learn_encoding(series: Series) -> Encoding:
    """Choose the columns: the calendar of dated periods, and known drivers that are numbers and vary somewhere."""
    width = series.y.shape[1]
    drivers, centres, spreads = [], [], []
    for name, values in series.known.items():
        seen = values[:, :width][np.isfinite(series.y) & np.isfinite(values[:, :width])]
        if name not in series.categorical and seen.size and np.ptp(seen) > 0 and seen.std() > 0:
            drivers.append(name)
            centres.append(float(seen.mean()))
            spreads.append(float(seen.std()))
    calendar = _CALENDAR if series.timeline.frequency in _DATED else ()
    return Encoding(calendar, tuple(drivers), tuple(centres), tuple(spreads))
