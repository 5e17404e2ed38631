"""The columns a tree sees, each with the component of the explanation that it counts to."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.demand.series import FloatArray

__all__ = ["LEVEL", "SEASON", "TREND", "Columns"]

LEVEL: Final = "level"
TREND: Final = "trend"
SEASON: Final = "season"


@dataclass
class Columns:
    """Columns of some rows in the order in which they were added."""

    names: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    categorical: list[bool] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)

    def add(self, name: str, component: str, values: FloatArray, *, categorical: bool = False) -> None:
        """Add one column."""
        self.names.append(name)
        self.components.append(component)
        self.categorical.append(categorical)
        self.values.append(values)

    def matrix(self) -> FloatArray:
        """Return (rows, columns)."""
        return np.stack(self.values, axis=1)
