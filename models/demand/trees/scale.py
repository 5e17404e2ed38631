"""A log-like scale on which the series of a panel are alike: logarithm for large values, straight line around zero."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.demand.series import FloatArray

__all__ = ["LogScale"]

# Below this share of a series' usual size the scale turns from logarithm to straight line.
_BEND: Final = 0.05
# A series' usual size is at least this share of its largest value, which would otherwise lie past the scale's end.
_LEAST_SHARE: Final = 1e-9


@dataclass(frozen=True)
class LogScale:
    """asinh(y / 2s) with one s a series: log(y / s) for y far above s, and defined for zeros and negatives.

    Source: Johnson (1949), the inverse hyperbolic sine transformation.
    """

    unit: FloatArray  # (n,) above 0, in units of y

    @classmethod
    def of(cls, y: FloatArray) -> Self:
        """Take s from each series' own size, (n, T): a share of the median of its values that are not zero."""
        size = np.where(np.isfinite(y) & (y != 0), np.abs(y), np.nan)
        usual = np.ones(len(y))
        some = np.isfinite(size).any(axis=1)
        usual[some] = np.nanmedian(size[some], axis=1)
        largest = np.max(np.nan_to_num(size), axis=1, initial=0.0)
        return cls(np.maximum(_BEND * np.maximum(usual, _LEAST_SHARE * largest), np.finfo(np.float64).tiny))

    def forward(self, y: FloatArray) -> FloatArray:
        """Return values (n, ...) on the scale."""
        return np.arcsinh(y / (2 * self._unit(y)))

    def back(self, z: FloatArray) -> FloatArray:
        """Return places on the scale (n, ...) in units of y."""
        # e^300 units is past every figure that a table holds; sinh would overflow soon after.
        units: FloatArray = 2 * self._unit(z) * np.sinh(np.clip(z, -300, 300))
        return units

    def slope(self, z: FloatArray) -> FloatArray:
        """Return the units of y that one step on the scale is worth at z, (n, ...)."""
        units: FloatArray = 2 * self._unit(z) * np.cosh(np.clip(z, -300, 300))
        return units

    def _unit(self, values: FloatArray) -> FloatArray:
        return self.unit.reshape((-1,) + (1,) * (values.ndim - 1))
