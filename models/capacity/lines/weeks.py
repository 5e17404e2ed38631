"""Line-weeks of line-days: sums by calendar week, and the week's own quantiles."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.capacity.lines.grid import BoolArray, FloatArray, IntArray

__all__ = ["Weeks", "summed", "weeks_of"]

_THURSDAY: Final = 3  # 1970-01-01
_FEWEST_DAYS: Final = 5


@dataclass(frozen=True, eq=False)
class Weeks:
    """Weeks of rows: `of` (r,) the week a row lies in; for w weeks line, monday (days since 1970), step, days, key."""

    of: IntArray
    line: IntArray
    monday: IntArray
    step: IntArray
    days: IntArray
    key: IntArray

    @property
    def whole(self) -> BoolArray:
        """Tell which weeks hold at least five days."""
        return np.asarray(self.days >= _FEWEST_DAYS, dtype=np.bool_)


def weeks_of(line: IntArray, date: IntArray, step: IntArray, key: IntArray | None = None) -> Weeks:
    """Group rows by line and Monday (and by `key`, such as a cut-off); step counts weeks from the last one known."""
    group = np.zeros(len(line), dtype=np.int64) if key is None else key
    monday = date - (date + _THURSDAY) % 7
    stacked = np.stack([group, line, monday])
    keys, first, of = np.unique(stacked, axis=1, return_index=True, return_inverse=True)
    of = of.reshape(-1).astype(np.int64)
    ends = np.zeros(keys.shape[1], dtype=np.int64)
    np.maximum.at(ends, of, step)
    return Weeks(of, keys[1], keys[2], (ends + 6) // 7, np.bincount(of, minlength=len(first)), keys[0])


def summed(weeks: Weeks, values: FloatArray) -> FloatArray:
    """Return the sums of rows by week, in the order of the rows."""
    return np.asarray(np.bincount(weeks.of, values, len(weeks.line)), dtype=np.float64)
