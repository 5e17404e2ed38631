"""How lines meet a week's needs in each future: first by the plan's shares, then with the hours left idle."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.capacity.shortfall.drawing import Draws
from models.capacity.shortfall.supply import Supply
from models.demand.series import FloatArray

__all__ = ["Rates", "make", "rates_of", "use_idle_hours"]

_TINY: Final = np.float32(1e-20)
_FULL: Final = np.float32(1e-4)  # idle hours below this part of a line's hours are float32's rounding


@dataclass(frozen=True, eq=False)
class Rates:
    """The matrices of a supply that `make` multiplies by: output an hour (p, l), and eligibility by line (l, p)."""

    output: Draws
    eligible: Draws


def rates_of(supply: Supply) -> Rates:
    """Return the matrices in the type of the draws."""
    return Rates(supply.rate.astype(np.float32), np.ascontiguousarray(supply.eligible.T.astype(np.float32)))


def make(need: Draws, hours: Draws, rates: Rates, shares: FloatArray, *, passes: int) -> tuple[Draws, Draws]:
    """Return what is left short, (p, s), and the idle hours, (l, s), after the lines have worked.

    need: units (p, s); hours: good hours (l, s); shares: (p, l) of each line's hours for each product. First every
    product may use its share of each line. Then, `passes` times, what is short asks all its lines for the same part of
    their idle hours, and a line asked for more than it has gives each the same part of what was asked. No line works
    longer than its hours and no product gets more than its need.
    """
    split = shares.astype(np.float32)
    able: Draws = np.matmul(rates.output * split, hours)
    short = need - able
    np.maximum(short, 0, out=short)
    idle: Draws = np.matmul(np.ascontiguousarray(split.T), _part(need, able))
    np.subtract(1, idle, out=idle)
    idle *= hours
    np.maximum(idle, 0, out=idle)
    for _ in range(passes):
        use_idle_hours(short, idle, rates)
    np.multiply(idle, idle > _FULL * hours, out=idle)
    return np.maximum(short, 0, out=short), idle


def use_idle_hours(short: Draws, idle: Draws, rates: Rates) -> None:
    """Take from `short` and `idle`, in place, what idle hours can make."""
    wanted = _part(short, np.matmul(rates.output, idle))
    asked: Draws = np.matmul(rates.eligible, wanted)
    given = idle / np.maximum(asked, 1)
    wanted *= rates.output @ given
    short -= wanted
    asked *= given
    idle -= asked
    np.maximum(idle, 0, out=idle)


def _part(need: Draws, able: Draws) -> Draws:
    """Return which part of what could be made is needed, at most 1, in the place of `able`."""
    able += _TINY
    np.divide(need, able, out=able)
    return np.minimum(able, 1, out=able)
