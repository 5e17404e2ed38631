"""What kind of series each one is: what the router decides by."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from models.demand.analysis.decomposition import seasonal_strength
from models.demand.series import BoolArray, FloatArray, IntArray, Series

__all__ = ["Kind", "Profile", "describe"]

_INTERMITTENT_INTERVAL: Final = 1.32  # periods between demands, Syntetos, Boylan and Croston 2005
_SEASONAL: Final = 0.4
_RESTING_SHARE: Final = 0.9  # a weekday with this share of zeros is a day of rest, not a lack of demand
_LEAST_TIMES: Final = 8  # so often a place must have been seen before it is called one of rest
_SHORTEST: Final = 5
_LEAST_SEASONS: Final = 2


class Kind(StrEnum):
    """Kinds of series; forecasts are weighted, and bands drawn, by kind."""

    CONSTANT = "constant"  # one value only, or none but zeros
    SHORT = "short"  # too little history to learn from alone
    INTERMITTENT = "intermittent"  # demand comes in less than three periods of four
    SEASONAL = "seasonal"
    SMOOTH = "smooth"


@dataclass(frozen=True)
class Profile:
    """Facts of n series; arrays (n,)."""

    kind: tuple[Kind, ...]
    length: IntArray
    interval: FloatArray  # mean periods between demands, days of rest left out
    seasonal_strength: FloatArray  # 0 to 1

    def of(self, kind: Kind) -> BoolArray:
        """Tell which series are of a kind."""
        return np.array([one == kind for one in self.kind], dtype=np.bool_)


def describe(series: Series) -> Profile:
    """Describe each series by its own history alone."""
    length = series.lengths
    interval = _demand_interval(series)
    strength = np.where(
        length >= _LEAST_SEASONS * series.season, seasonal_strength(series.y, series.season), 0.0
    )
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(series.y)
        low = np.where(finite, series.y, np.inf).min(axis=1, initial=np.inf)
        high = np.where(finite, series.y, -np.inf).max(axis=1, initial=-np.inf)
    kind = np.select(
        [low >= high, length < _SHORTEST, interval > _INTERMITTENT_INTERVAL, strength >= _SEASONAL],
        [Kind.CONSTANT, Kind.SHORT, Kind.INTERMITTENT, Kind.SEASONAL],
        Kind.SMOOTH,
    )
    return Profile(tuple(Kind(str(one)) for one in kind), length, interval, strength)


def _demand_interval(series: Series) -> FloatArray:
    """Return periods per demand, leaving out places in the season where next to nothing is ever sold."""
    finite = np.isfinite(series.y)
    counted = finite & ~_resting(series, finite)
    periods = counted.sum(axis=1).astype(np.float64)
    demands = (counted & (series.y != 0)).sum(axis=1)
    return np.where(demands > 0, periods / np.maximum(demands, 1), np.inf)


def _resting(series: Series, finite: BoolArray) -> BoolArray:
    """Mark the periods of places (weekdays, hours) that rest; a series that rests most of the time just sells rarely."""
    resting = np.zeros_like(finite)
    if series.season == 1:
        return resting
    position = series.timeline.position(series.periods(), series.season)
    places = np.zeros(len(series), dtype=np.int64)
    for place in range(series.season):
        here = finite & (position == place)
        count, zeros = here.sum(axis=1), (here & (series.y == 0)).sum(axis=1)
        rests = (count >= _LEAST_TIMES) & (zeros >= _RESTING_SHARE * count)
        resting |= here & rests[:, None]
        places += rests
    return resting & (places <= series.season // 2)[:, None]
