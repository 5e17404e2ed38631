"""Known drivers and calendar columns as Prophet's regressors: coded, centred, and only those that vary."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from models.demand.series import BoolArray, FloatArray

__all__ = ["Regressor", "calendar_regressors", "driver_regressors"]

_LEVELS_MOST: Final = 7
_ROWS_LEAST: Final = 2  # of a category, else it is one of the others
_LOG_FROM: Final = 1.05  # highest over lowest value, from which a positive driver works by its ratio


@dataclass(frozen=True)
class Regressor:
    """One column of the design: where it comes from and how its values become numbers around zero.

    `source` is the driver or calendar column; `level` is the code whose indicator this is, None for numbers. A value
    that is missing, or a category that was not learnt, stands at `centre`, so that it moves nothing.
    """

    column: str
    source: str
    component: str
    centre: float
    spread: float
    level: float | None = None
    logged: bool = False

    def values(self, raw: FloatArray) -> FloatArray:
        """Return the column's values, of the shape of the source's."""
        return np.nan_to_num((self._numbers(raw) - self.centre) / self.spread, nan=0.0)

    def _numbers(self, raw: FloatArray) -> FloatArray:
        if self.level is not None:
            return np.where(np.isfinite(raw), (raw == self.level).astype(np.float64), np.nan)
        if self.logged:
            return np.log(np.where(raw > 0, raw, np.nan))
        return raw

    def record(self) -> dict[str, str | float | bool | None]:
        """Return the fields as JSON takes them."""
        return asdict(self)

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Self:
        """Read what `record` returned."""
        return cls(**record)


def driver_regressors(
    known: Mapping[str, FloatArray], used: BoolArray, categorical: frozenset[str], *, logged: bool
) -> list[Regressor]:
    """Make regressors of one series' known drivers, (T + h,) each, judged by the periods that are `used` to learn.

    A driver that never varied there is left out: nothing could be learnt of it.
    """
    found: list[Regressor] = []
    for name, raw in known.items():
        seen = raw[used & np.isfinite(raw)]
        component = f"driver:{name}"
        if name in categorical:
            found += _indicators(name, component, seen)
        elif seen.size:
            ratio = logged and seen.min() > 0 and seen.max() > _LOG_FROM * seen.min()
            found += _scaled(name, component, np.log(seen) if ratio else seen, logged=bool(ratio))
    return found


def calendar_regressors(
    columns: Mapping[str, FloatArray], groups: Mapping[str, str], used: BoolArray
) -> list[Regressor]:
    """Make regressors of calendar columns (T + h,), of the group each belongs to; seasons are Prophet's own."""
    found: list[Regressor] = []
    for name, raw in columns.items():
        seen = raw[used & np.isfinite(raw)]
        if groups[name] != "season" and seen.size:
            found += _scaled(name, f"calendar:{groups[name]}", seen, logged=False)
    return found


def _scaled(name: str, component: str, seen: FloatArray, *, logged: bool) -> list[Regressor]:
    spread = float(seen.std())
    # A rounding error is no variation.
    if spread <= 1e-9 * max(1.0, float(np.abs(seen).max())):
        return []
    return [Regressor(f"x_{name}", name, component, float(seen.mean()), spread, logged=logged)]


def _indicators(name: str, component: str, seen: FloatArray) -> list[Regressor]:
    codes, counts = np.unique(seen, return_counts=True)
    frequent = codes[np.argsort(-counts, kind="stable")][1 : _LEVELS_MOST + 1]
    return [
        Regressor(f"x_{name}_{code:g}", name, component, 0.0, 1.0, level=float(code))
        for code in frequent
        if counts[codes == code][0] >= _ROWS_LEAST
    ]
