"""Find the season of series on plain integers, which do not say how their periods lie in a day, a week or a year."""

from typing import Final

import numpy as np

from features.timeline import Frequency
from models.demand.series import FloatArray, Series
from models.demand.trees.smoothing import Profile, delayed, seasonal_deviation

__all__ = ["season_of"]

_CANDIDATES: Final = (4, 7, 12, 24, 52)
_SEASONS: Final = 4  # seasons of history that a series needs to be heard
_LEAST_HEARD: Final = 0.25  # share of the series that have to be long enough
_LEAST_GAIN: Final = 0.05  # share of the squared deviations that the seasons before have to explain
_AS_GOOD: Final = (
    0.8  # a shorter season that explains this share of the best is the season, the other its multiple
)


def season_of(series: Series, z: FloatArray) -> int:
    """Return the season given, or for integers without one that which earlier seasons foretell, 1 if none does.

    z: (T, n) on the scale. Deviations from the moving mean of one season are foretold from the seasons before,
    never from their own.
    """
    if series.season > 1 or series.timeline.frequency != Frequency.INTEGER:
        return series.season
    gains = {season: _foretold(z, season) for season in _CANDIDATES}
    best = max(gains.values())
    if best < _LEAST_GAIN:
        return 1
    return next(season for season, gain in gains.items() if gain >= _AS_GOOD * best)


def _foretold(z: FloatArray, season: int) -> float:
    """Return the share of squared deviations explained, the mean over the series that are long enough."""
    long = np.isfinite(z).sum(axis=0) >= _SEASONS * season
    if long.mean() < _LEAST_HEARD:
        return 0.0
    deviation = seasonal_deviation(z[:, long], season)
    foretold = delayed(Profile.of(z[:, long], season).ahead(season), season)
    known = np.isfinite(deviation) & np.isfinite(foretold)
    left = np.where(known, deviation - foretold, 0.0)
    whole = (np.where(known, deviation, 0.0) ** 2).sum(axis=0)
    explained = 1 - (left**2).sum(axis=0) / np.where(whole > 0, whole, 1.0)
    return float(np.where(whole > 0, explained, 0.0).mean())
