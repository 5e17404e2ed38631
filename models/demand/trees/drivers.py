"""What drives demand, as numbers a tree can split: prices as logarithms, everything else as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from models.demand.series import FloatArray, Series
from models.demand.trees.smoothing import smooth

__all__ = ["Driver", "Drivers", "positive_quantities"]

_FEW: Final = 2  # a driver with no more values than these is a switch, not a quantity
_USUAL_RATE: Final = 0.3  # as the quick level of the series: how much of the driver is in it


@dataclass(frozen=True)
class Driver:
    """One driver, time-major."""

    name: str
    values: FloatArray  # (T + H, n) if known in advance, else (T, n)
    usual: FloatArray | None  # (T, n) smoothed, None for codes
    categorical: bool


@dataclass(frozen=True)
class Drivers:
    """Drivers known in advance, those known only afterwards, and static columns."""

    known: tuple[Driver, ...]
    past: tuple[Driver, ...]
    static: Mapping[str, FloatArray]  # name -> (n,)
    categorical: frozenset[str]

    @classmethod
    def of(cls, series: Series, horizon: int, logged: frozenset[str]) -> Self:
        """Lay out the drivers of some series up to `horizon` periods ahead; those in `logged` as logarithms."""
        width = series.y.shape[1]
        return cls(
            known=tuple(
                _driver(name, _reaching(values, width + horizon), width, series, logged)
                for name, values in sorted(series.known.items())
            ),
            past=tuple(
                _driver(name, values, width, series, logged) for name, values in sorted(series.past.items())
            ),
            static=dict(sorted(series.static.items())),
            categorical=series.categorical,
        )


def positive_quantities(series: Series) -> frozenset[str]:
    """Return the drivers whose ratios matter, such as prices: numbers above 0 with more than two values."""
    drivers = {**series.known, **series.past}
    return frozenset(
        name for name, values in drivers.items() if name not in series.categorical and _is_quantity(values)
    )


def _is_quantity(values: FloatArray) -> bool:
    present = values[np.isfinite(values)]
    return bool(len(present)) and float(present.min()) > 0 and len(np.unique(present[:10_000])) > _FEW


def _reaching(values: FloatArray, width: int) -> FloatArray:
    """Return (n, width) of right-aligned values, NaN past what is given."""
    missing = max(0, width - values.shape[1])
    return np.pad(values[:, :width], ((0, 0), (0, missing)), constant_values=np.nan)


def _driver(name: str, values: FloatArray, width: int, series: Series, logged: frozenset[str]) -> Driver:
    laid = np.ascontiguousarray(values.T)
    if name in logged:
        with np.errstate(invalid="ignore", divide="ignore"):
            laid = np.where(laid > 0, np.log(laid), np.nan)
    categorical = name in series.categorical
    usual = None if categorical else smooth(laid[:width], (_USUAL_RATE,))[:, 0]
    return Driver(name, laid, usual, categorical)
