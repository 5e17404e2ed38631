"""A reference population: which values of a feature are usual, and how far apart two of them stand in it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Population"]

_USUAL: Final = (0.05, 0.95)
_LEAST_PART: Final = 0.02


@dataclass(frozen=True)
class Population:
    """The known values of each feature among the rows of x (n, k), features in the order of its columns."""

    features: tuple[str, ...]
    x: NDArray[np.float64]

    def known(self, feature: str) -> NDArray[np.float64]:
        """Return the known values of a feature in rising order, shape (m,)."""
        return self._sorted[feature]

    def distance(self, feature: str, one: float, other: float) -> float:
        """Return the share of the population that stands between two values of a feature, in [0, 1].

        Half of those at either value count, so that leaving a value that many have (no arrears) is far and two values
        that nobody lies between are near. It measures alike what is told in days, yuan or shares.
        """
        values = self.known(feature)
        if len(values) == 0:
            return 0.0
        places = [
            np.searchsorted(values, value, "left") + np.searchsorted(values, value, "right")
            for value in (one, other)
        ]
        return abs(float(places[0] - places[1])) / (2 * len(values))

    def steps(self, feature: str, value: float, direction: int, *, most: int) -> NDArray[np.float64]:
        """Return up to `most` usual values that lie in a direction (+1, -1) from a value, the nearest first.

        Observed values at equal steps of the population between its 5 % and 95 % points: what hardly anybody has is
        not held out as something that can be reached.
        """
        values = self.known(feature)
        if len(values) == 0:
            return values
        # Observed values, not means of two: half a lawsuit cannot be reached.
        points = np.quantile(values, np.linspace(*_USUAL, most), method="closest_observation")
        onward = np.unique(points[(points - value) * direction > 0])
        return onward if direction > 0 else onward[::-1]

    def differs(self, feature: str, one: float, other: float) -> bool:
        """Whether two values are apart by at least a fiftieth of the usual range.

        From a paid-in share of 80.00 % to 80.01 % is no change, though many parties may stand at 80 % and a tree may split
        just above it.
        """
        values = self.known(feature)
        low, high = np.quantile(values, _USUAL) if len(values) else (0.0, 0.0)
        return one != other and abs(one - other) >= _LEAST_PART * float(high - low)

    def between(self, feature: str, one: float, other: float) -> NDArray[np.float64]:
        """Return the observed values from one value (left out) to another (taken in), in this order."""
        values = np.unique(self.known(feature))
        if other >= one:
            return values[(values > one) & (values <= other)]
        return values[(values < one) & (values >= other)][::-1]

    @cached_property
    def _sorted(self) -> dict[str, NDArray[np.float64]]:
        columns = (self.x[:, place] for place in range(len(self.features)))
        return {
            name: np.sort(column[np.isfinite(column)])
            for name, column in zip(self.features, columns, strict=True)
        }
