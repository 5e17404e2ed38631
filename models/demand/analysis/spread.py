"""Put series on a scale on which they swing as widely when they are high as when they are low."""

from dataclasses import dataclass, replace

import numpy as np

from models.demand.analysis.robust_fit import robust_scale
from models.demand.analysis.strength import moving_parts
from models.demand.series import BoolArray, FloatArray, Series

__all__ = ["LOG_UNIT", "EvenScale", "evened"]

_GROWS = 0.4  # between a spread that does not follow the level (0) and one that is a share of it (1)
_DOUBT = (
    10.0  # in squares of ln level: the variance of ln |noise|, 1.2, over that of the power before any data
)
_SMALL, _LARGE = 0.05, 3.0  # remainders in robust scales
_POSITIVE_SHARE = 0.7  # of the values; a series with more zeros or returns is left as it is
LOG_UNIT = 0.05  # of the usual value: above it the scale is that of logarithms, below it straight


@dataclass(frozen=True)
class EvenScale:
    """What each series was divided by before asinh was taken, (n,); `logs` False: left as it is."""

    unit: FloatArray
    logs: BoolArray

    def back(self, values: FloatArray) -> FloatArray:
        """Return values (n, k) of the even scale in units of y."""
        bounded = np.clip(values, -700.0, 700.0)  # sinh of more is infinite
        units: FloatArray = np.where(
            self.logs[:, None], 2.0 * self.unit[:, None] * np.sinh(bounded), values * self.unit[:, None]
        )
        return units


def evened(series: Series) -> tuple[Series, EvenScale]:
    """Return the series with y as asinh(y / 2u), near ln(y / u) for y well above u, a twentieth of the usual value.

    Series of which more than 30 % are zeros or negative, or which swing as widely when they are low as when they are
    high, are only divided by their usual size.
    """
    seen = np.isfinite(series.y)
    ordered = np.sort(np.where(seen, np.abs(series.y), np.inf), axis=1)
    positive = (seen & (series.y > 0)).sum(axis=1)
    count = seen.sum(axis=1)
    logs = (positive >= _POSITIVE_SHARE * count) & (count > 0) & (_growth_of_spread(series) > _GROWS)
    unit = np.ones(len(series))
    if series.y.shape[1]:
        usual = np.take_along_axis(ordered, (np.maximum(count - 1, 0) // 2)[:, None], axis=1)[:, 0]
        largest = np.where(seen, np.abs(series.y), 0.0).max(axis=1)
        size = np.where(usual > 0, usual, largest)
        unit = np.where(np.isfinite(size) & (size > 0), size, 1.0) * np.where(logs, LOG_UNIT, 1.0)
    scaled = series.y / unit[:, None]
    scale = EvenScale(unit, logs)
    return replace(series, y=np.where(logs[:, None], np.arcsinh(scaled / 2.0), scaled)), scale


def _growth_of_spread(series: Series) -> FloatArray:
    """Return the power of the level that the spread follows, (n,): slope of ln |remainder| on ln level.

    Drawn towards 0 where the level moves too little to tell; wild remainders count as large ones only.
    """
    trend, season, rest = moving_parts(series.y, series.season)
    level = trend + season
    size = np.abs(np.where(np.isfinite(rest), rest, 0.0))
    usable = (level > 0) & (size > 0)
    x = np.log(np.where(usable, level, 1.0))
    scale = robust_scale(rest)
    usual = np.where(scale > 0, scale, size.max(axis=1, initial=0.0) + np.finfo(np.float64).tiny)[:, None]
    y = np.log(np.clip(np.where(usable, size, usual), _SMALL * usual, _LARGE * usual))
    count = np.maximum(usable.sum(axis=1, keepdims=True), 1)
    x = np.where(usable, x - x.sum(axis=1, keepdims=True) / count, 0.0)
    spread = (x**2).sum(axis=1)
    return np.asarray((x * y).sum(axis=1) / (spread + _DOUBT), dtype=np.float64)
