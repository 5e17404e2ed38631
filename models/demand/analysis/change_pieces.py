"""A change between two straight pieces of a series: how large, and whether a step, a turn or both."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.demand.analysis.spread import EvenScale
from models.demand.series import FloatArray

__all__ = ["Change"]

_SURE: Final = 3.0  # standard errors from which a step or a turn is called one


@dataclass(frozen=True)
class Change:
    """A change at column `cut` of the values (T,), between pieces that begin at `before` and end before `after`."""

    values: FloatArray
    before: int
    cut: int
    after: int
    noise: float  # long-run variance of the values

    def described(self, scale: EvenScale) -> dict[str, object]:
        """Return kind, levels and slopes in units of y; on the scale of logarithms slopes are those at the change."""
        cut = float(self.cut)
        left, right = self._line(self.before, self.cut), self._line(self.cut, self.after)
        step, turn = right.at(cut) - left.at(cut), right.slope - left.slope
        level = abs(step) >= _SURE * float(np.hypot(left.error_at(cut), right.error_at(cut)))
        slope = abs(turn) >= _SURE * float(np.hypot(left.slope_error, right.slope_error))
        heights = [left.at(cut), right.at(cut), left.at(cut) - left.slope, right.at(cut) + right.slope]
        low, high, earlier, later = (float(value) for value in scale.back(np.array([heights]))[0])
        return {
            "kind": "both" if level and slope else "slope" if slope else "level",
            "level_before": low,
            "level_after": high,
            "change": high - low,
            "change_percent": 100.0 * (high - low) / abs(low) if low else None,
            "slope_before": low - earlier,
            "slope_after": later - high,
        }

    def _line(self, start: int, end: int) -> "_Line":
        time = np.arange(start, end, dtype=np.float64)
        y = self.values[start:end]
        centre = float(time.mean())
        spread = float(((time - centre) ** 2).sum())
        slope = float(((time - centre) * (y - y.mean())).sum()) / spread
        return _Line(float(y.mean()), slope, centre, spread, len(y), self.noise)


@dataclass(frozen=True)
class _Line:
    """A straight line through neighbouring periods and how well it is known."""

    level: float
    slope: float
    centre: float
    spread: float
    count: int
    noise: float

    @property
    def slope_error(self) -> float:
        """Return the standard error of its slope."""
        return float(np.sqrt(self.noise / self.spread))

    def at(self, time: float) -> float:
        """Return its value at a time."""
        return self.level + self.slope * (time - self.centre)

    def error_at(self, time: float) -> float:
        """Return the standard error of its value at a time."""
        return float(np.hypot(np.sqrt(self.noise / self.count), (time - self.centre) * self.slope_error))
