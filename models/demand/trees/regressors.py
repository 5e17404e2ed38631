"""What may move demand in a straight line on the log-like scale: known drivers and the calendar's festivals."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from features.calendar import column_group
from features.chinese_calendar.spring_festival import SHARES
from models.demand.series import FloatArray
from models.demand.trees.calendar import Calendar
from models.demand.trees.drivers import Drivers

__all__ = ["Regressor", "Regressors"]

_OFFSET: Final = "_offset"
_SEASON_GROUP: Final = "season"


@dataclass(frozen=True)
class Regressor:
    """One column: a driver, or a calendar column, or one value of a calendar column counted in days to a festival."""

    group: str  # component that it counts to; groups are taken in or left out as a whole
    column: str
    value: float | None = None  # for a day counted from a festival: 1 where the column has this value


@dataclass(frozen=True)
class Regressors:
    """Where the columns of some series come from."""

    drivers: Drivers
    calendar: Calendar

    def candidates(self) -> list[Regressor]:
        """List all that there are."""
        found = [
            Regressor(f"driver:{driver.name}", driver.name)
            for driver in self.drivers.known
            if not driver.categorical
        ]
        shares = any(name in self.calendar.columns for name in SHARES)
        for name, values in self.calendar.columns.items():
            group = column_group(name)
            # Where a period holds shares of the festival, days counted from it would say the same in many columns.
            if group != _SEASON_GROUP and not (shares and name.endswith(_OFFSET)):
                found += [Regressor(f"calendar:{group}", name, value) for value in _values(name, values)]
        return found

    def values(self, regressor: Regressor) -> FloatArray:
        """Return a column, (T + H, n)."""
        if regressor.group.startswith("driver:"):
            return next(one.values for one in self.drivers.known if one.name == regressor.column)
        values = self.calendar.columns[regressor.column]
        if regressor.value is not None:
            values = (values == regressor.value).astype(np.float64)
        return values[self.calendar.periods - self.calendar.first]


def _values(name: str, values: FloatArray) -> list[float | None]:
    """Return the days around a festival to be told apart; the largest value stands for every day far from it."""
    if not name.endswith(_OFFSET):
        return [None]
    present = np.unique(values[np.isfinite(values)])
    return [float(value) for value in present[:-1]]
