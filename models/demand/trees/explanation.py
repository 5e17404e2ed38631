"""Take forecasts apart in units of y, so that the parts add up to the forecast."""

from typing import Final

import numpy as np

from models.demand.series import FloatArray
from models.demand.trees.scale import LogScale

__all__ = ["in_units"]

_CLOSE: Final = 1e-7


def in_units(scale: LogScale, level: FloatArray, parts: FloatArray, forecast: FloatArray) -> FloatArray:
    """Turn additive parts on the scale into units of y, (n, h, 1 + parts); the first is the level.

    level: (n, h) on the scale, where each forecast starts; parts: (n, h, k) on the scale, what moves it from there;
    forecast: (n, h) in units of y. Every part is worth the same units a step on the scale: the mean slope between
    level and forecast, so that parts keep their signs and proportions. Source: the logarithmic mean Divisia index
    (Ang 2005), here with the mean slope of the scale in place of that of the logarithm. The level is what is left,
    which is the level itself in units of y.
    """
    moved = parts.sum(axis=2)
    start = scale.back(level)
    far = np.abs(moved) > _CLOSE
    slope = np.where(far, (forecast - start) / np.where(far, moved, 1.0), scale.slope(level))
    units = parts * slope[:, :, None]
    return np.concatenate([(forecast - units.sum(axis=2))[:, :, None], units], axis=2)
