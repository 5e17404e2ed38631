"""The calibration maps as values: each turns raw log-odds into calibrated ones, never decreasing, never infinite."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = [
    "LARGEST",
    "AffineCalibration",
    "BetaCalibration",
    "Calibration",
    "Chained",
    "IsotonicCalibration",
    "Kind",
    "Shifted",
    "VennAbersCalibration",
]

LARGEST: Final = (
    36.0  # the largest log-odds answered: expit(37) is 1 in floating point, and a PD stays inside (0, 1)
)

Floats = NDArray[np.float64]


class Kind(StrEnum):
    """The maps that can be learnt, from the simplest to the most flexible."""

    PLATT = "platt"
    BETA = "beta"
    ISOTONIC = "isotonic"
    VENN_ABERS = "venn_abers"


class Calibration(Protocol):
    """A map of raw log-odds (n,) that never decreases and is finite wherever the raw score is finite."""

    @property
    def kind(self) -> str:
        """Return the name under which the map is written and read."""

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds within ±LARGEST, same shape as raw."""

    def pd(self, raw: Floats) -> Floats:
        """Return the calibrated probability of default in (0, 1), same shape as raw."""

    def plain(self) -> dict[str, object]:
        """Return the map as JSON values; `read_calibration` gives back a map with the same answers, bit for bit."""


class _Map:
    """What every map shares: the PD is a view of the log-odds."""

    def log_odds(self, raw: Floats) -> Floats:
        raise NotImplementedError

    def pd(self, raw: Floats) -> Floats:
        """Return the calibrated probability of default in (0, 1), same shape as raw."""
        return np.asarray(expit(self.log_odds(raw)), dtype=np.float64)


@dataclass(frozen=True)
class AffineCalibration(_Map):
    """Platt scaling: calibrated log-odds = slope · raw + intercept, with slope > 0.

    Source: Platt (1999), Probabilistic outputs for support vector machines.
    """

    slope: float
    intercept: float
    kind: ClassVar[str] = Kind.PLATT

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds within ±LARGEST, same shape as raw."""
        with np.errstate(over="ignore"):
            return _bounded(self.slope * raw + self.intercept)

    def plain(self) -> dict[str, object]:
        """Return the map as JSON values."""
        return {"kind": str(self.kind), "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True)
class BetaCalibration(_Map):
    """Beta calibration: log-odds = a · ln p - b · ln(1 - p) + c, p the raw probability, a and b not negative.

    The two ends of the scale get a slope each: a where the raw PD is low, b where it is high; a = b is Platt.
    Source: Kull, Silva Filho, Flach (2017), Beta calibration, AISTATS.
    """

    a: float
    b: float
    c: float
    kind: ClassVar[str] = Kind.BETA

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds within ±LARGEST, same shape as raw."""
        with np.errstate(over="ignore"):
            low, high = -np.logaddexp(0.0, -raw), np.logaddexp(0.0, raw)
            return _bounded(self.a * low + self.b * high + self.c)

    def plain(self) -> dict[str, object]:
        """Return the map as JSON values."""
        return {"kind": str(self.kind), "a": self.a, "b": self.b, "c": self.c}


@dataclass(frozen=True)
class IsotonicCalibration(_Map):
    """Isotonic regression, joined by straight lines between the centres of its blocks and level outside them.

    Lines and no steps: a grade is ranked within, and a step would give one PD to all parties of a block and move
    another party by a whole block for a hair's breadth of score. `raw` rises strictly, `value` (log-odds) never falls.
    Source: Oron, Flournoy (2017), Centered isotonic regression, Statistics in Biopharmaceutical Research 9.
    """

    raw: tuple[float, ...]
    value: tuple[float, ...]
    kind: ClassVar[str] = Kind.ISOTONIC

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds within ±LARGEST, same shape as raw."""
        knots, value = self._arrays
        left = np.clip(np.searchsorted(knots, raw, side="right") - 1, 0, max(0, len(knots) - 2))
        right = np.minimum(left + 1, len(knots) - 1)
        gap = np.where(right > left, knots[right] - knots[left], 1.0)
        share = np.clip((np.clip(raw, knots[0], knots[-1]) - knots[left]) / gap, 0.0, 1.0)
        # the minimum keeps the map from falling by a rounding error where one line ends and the next begins
        return np.minimum(value[left] + share * (value[right] - value[left]), value[right])

    def plain(self) -> dict[str, object]:
        """Return the map as JSON values."""
        return {"kind": str(self.kind), "raw": list(self.raw), "value": list(self.value)}

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats]:
        return np.array(self.raw), np.array(self.value)


@dataclass(frozen=True)
class VennAbersCalibration(_Map):
    """Inductive Venn-Abers: p0 and p1, the isotonic PDs of a score if its party were known to be good or bad.

    Both are step functions: p0 holds from its `start` on, p1 up to and with its `end`. The PD is
    p1 / (1 - p0 + p1), so the odds are p1 / (1 - p0). A score outside those seen is answered as the nearest one
    seen, as beyond the highest p1 would be 1 whatever the data say.
    Source: Vovk, Petej (2014), Venn-Abers predictors, UAI; the log-loss merging of p0 and p1 is theirs too.
    """

    start: tuple[float, ...]
    p0: tuple[float, ...]
    end: tuple[float, ...]
    p1: tuple[float, ...]
    kind: ClassVar[str] = Kind.VENN_ABERS

    def bounds(self, raw: Floats) -> tuple[Floats, Floats]:
        """Return (p0, p1), each of the shape of raw; p0 ≤ PD ≤ p1."""
        start, p0, end, p1 = self._arrays
        low = np.maximum(np.searchsorted(start, raw, side="right") - 1, 0)
        high = np.minimum(np.searchsorted(end, raw, side="left"), len(end) - 1)
        return p0[low], p1[high]

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds within ±LARGEST, same shape as raw."""
        p0, p1 = self.bounds(raw)
        return _bounded(np.log(p1) - np.log1p(-p0))

    def plain(self) -> dict[str, object]:
        """Return the map as JSON values."""
        steps = {"start": self.start, "p0": self.p0, "end": self.end, "p1": self.p1}
        return {"kind": str(self.kind), **{name: list(values) for name, values in steps.items()}}

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats, Floats, Floats]:
        return np.array(self.start), np.array(self.p0), np.array(self.end), np.array(self.p1)


@dataclass(frozen=True)
class Shifted(_Map):
    """A map whose log-odds are all moved by delta: the ranking stays, the portfolio's mean PD moves."""

    base: Calibration
    delta: float
    kind: ClassVar[str] = "shifted"

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds within ±LARGEST, same shape as raw."""
        return _bounded(self.base.log_odds(raw) + self.delta)

    def plain(self) -> dict[str, object]:
        """Return the map as JSON values."""
        return {"kind": self.kind, "base": self.base.plain(), "delta": self.delta}


@dataclass(frozen=True)
class Chained(_Map):
    """A map followed by a second one, fitted on the log-odds of the first."""

    first: Calibration
    second: Calibration
    kind: ClassVar[str] = "chained"

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds within ±LARGEST, same shape as raw."""
        return self.second.log_odds(self.first.log_odds(raw))

    def plain(self) -> dict[str, object]:
        """Return the map as JSON values."""
        return {"kind": self.kind, "first": self.first.plain(), "second": self.second.plain()}


def _bounded(log_odds: Floats) -> Floats:
    return np.minimum(np.maximum(log_odds, -LARGEST), LARGEST)
