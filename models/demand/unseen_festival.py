"""Find series whose coming periods hold a Spring Festival that no backtest has seen."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from features.calendar import calendar_columns
from features.timeline import Frequency
from models.demand.series import BoolArray, Series

__all__ = ["CALENDAR_AWARE", "unseen_festival"]

CALENDAR_AWARE: Final = ("trees", "prophet", "airline")
"""Members that know when the festival falls; to the others it comes as a surprise."""

_BY_DAY: Final = (Frequency.HOUR, Frequency.DAY)
_COLUMN: Final = "spring_festival_offset"
_LAST_DAY: Final = 6  # from New Year's Day on


def unseen_festival(series: Series, horizon: int, backs: Sequence[int]) -> BoolArray:
    """Tell for which series a festival lies ahead that none of the windows tested held, (n,).

    Of days and hours only: a week or month that holds the festival is one period of many, and a year of backtests is
    usual there.
    """
    if series.timeline.frequency not in _BY_DAY:
        return np.zeros(len(series), dtype=np.bool_)
    ahead = _holds(series, 0, horizon, _LAST_DAY)
    seen = np.zeros(len(series), dtype=np.bool_)
    for back in backs:
        seen |= _holds(series, back, horizon, 0)  # a window that holds its last days alone tells little
    return ahead & ~seen


def _holds(series: Series, back: int, horizon: int, until: int) -> BoolArray:
    """Tell whether the window after a cutoff holds a day from New Year's Day to `until` days after it."""
    periods = (series.last - back)[:, None] + np.arange(1, horizon + 1, dtype=np.int64)[None, :]
    offset = calendar_columns(series.timeline, periods)[_COLUMN]
    inside = (offset >= 0) & (offset <= until)
    return np.asarray(inside.any(axis=1), dtype=np.bool_)
