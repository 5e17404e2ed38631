"""Many demand series as right-aligned arrays: what members learn from and forecast for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray

from features.timeline import Timeline

__all__ = ["BoolArray", "FloatArray", "IntArray", "Series"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Series:
    """n series of at most T periods, and what is known of the H periods after each one's last.

    All arrays are right-aligned: column -1 of `y` is each series' newest observation, in period `last`. Series may
    end in different periods. `y` is NaN before a series starts; gaps inside it have been filled by the panel's rules,
    and `observed` is False there, so that a filled value is never taken for an actual.
    """

    ids: tuple[str, ...]
    y: FloatArray  # (n, T)
    observed: BoolArray  # (n, T)
    last: IntArray  # (n,) period number of column -1
    timeline: Timeline
    season: int
    known: Mapping[str, FloatArray] = field(default_factory=dict)  # name -> (n, T + H), NaN where not known
    past: Mapping[str, FloatArray] = field(default_factory=dict)  # name -> (n, T)
    static: Mapping[str, FloatArray] = field(default_factory=dict)  # name -> (n,), categories as codes
    categorical: frozenset[str] = frozenset()  # drivers and static columns whose numbers are codes
    ahead: int = 0  # H of `known`

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> IntArray:
        """Return the periods since each series' start, (n,)."""
        started = np.isfinite(self.y)
        return np.where(started.any(axis=1), self.y.shape[1] - started.argmax(axis=1), 0).astype(np.int64)

    @property
    def newest_day(self) -> date:
        """Return the last day of the newest period of all: days off announced later are not known yet.

        Raises FrequencyError for plain integers.
        """
        newest = self.timeline.ends(self.last.max(keepdims=True))[0]
        return cast("date", newest.astype("datetime64[D]").item())

    def periods(self, ahead: int = 0) -> IntArray:
        """Return the period numbers of all columns and of `ahead` periods after them, (n, T + ahead)."""
        width = self.y.shape[1]
        return self.last[:, None] + np.arange(1 - width, ahead + 1, dtype=np.int64)[None, :]

    def before(self, back: int) -> Self:
        """Return what was there `back` periods before each series' end.

        Drivers declared as known in advance keep their values of the periods cut off, as the word says; past-only
        drivers and y lose them.
        """
        if back == 0:
            return self
        width = self.y.shape[1] - back
        return replace(
            self,
            y=self.y[:, :width],
            observed=self.observed[:, :width],
            last=self.last - back,
            past={name: values[:, :width] for name, values in self.past.items()},
            ahead=self.ahead + back,
        )

    def actuals(self, back: int, horizon: int) -> FloatArray:
        """Return what came in the `horizon` periods after the cutoff `back` periods ago, (n, horizon).

        NaN where the value was not observed or lies after the end.
        """
        width = self.y.shape[1]
        start = width - back
        seen = np.where(self.observed, self.y, np.nan)[:, start : min(start + horizon, width)]
        missing = horizon - seen.shape[1]
        return np.pad(seen, ((0, 0), (0, missing)), constant_values=np.nan)

    def take(self, rows: BoolArray | IntArray) -> Self:
        """Return some of the series."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return replace(
            self,
            ids=tuple(self.ids[i] for i in index),
            y=self.y[index],
            observed=self.observed[index],
            last=self.last[index],
            known={name: values[index] for name, values in self.known.items()},
            past={name: values[index] for name, values in self.past.items()},
            static={name: values[index] for name, values in self.static.items()},
        )
