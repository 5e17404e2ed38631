"""Sums over the futures of a simulation, week by week: how often and how much is short, and where hours are missing."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.capacity.shortfall.drawing import Draws
from models.capacity.shortfall.futures import WeekOfFutures
from models.capacity.shortfall.supply import Supply
from models.demand.series import BoolArray, FloatArray

__all__ = ["Tally"]

_HIGH: Final = 0.9


@dataclass(eq=False)
class Tally:
    """Sums over the futures, filled week by week: (w, p) by product, (w, l) by line, (w, p, l) by both."""

    supply: Supply
    weeks: int
    count: int
    product: dict[str, FloatArray] = field(default_factory=dict)
    line: dict[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        products, lines = self.supply.rate.shape
        names = ("demand", "made", "probability", "expected", "p90", "stock")
        self.product = {name: np.zeros((self.weeks, products)) for name in names}
        names = ("hours", "load", "full", "probability", "hours_short", "hours_short_p90")
        self.line = {name: np.zeros((self.weeks, lines)) for name in names}
        self.together = np.zeros((self.weeks, products, lines))
        self.any_product = np.zeros(self.weeks)
        self.worst = np.zeros((products, self.count), dtype=np.float32)
        self.line_ever = np.zeros((lines, self.count), dtype=np.bool_)
        self.eligible = np.ascontiguousarray(self.supply.eligible.T.astype(np.float32))

    def add(self, week: int, future: WeekOfFutures) -> None:
        """Count one week in all futures."""
        short, full = future.short > 0, future.full
        # Sums of flags in float32 are exact, and four times as fast as means of booleans.
        flag, busy = short.astype(np.float32), full.astype(np.float32)
        self.together[week] = flag @ busy.T / self.count
        self.any_product[week] = short.any(axis=0).mean()
        np.maximum(self.worst, future.short, out=self.worst)
        self.product["probability"][week] = flag.sum(axis=1) / self.count
        self.line["full"][week] = busy.sum(axis=1) / self.count
        self._add_products(week, future)
        self._add_lines(week, future, full & ((self.eligible @ flag) > 0))

    def _add_products(self, week: int, future: WeekOfFutures) -> None:
        rows = self.product
        rows["demand"][week] = future.demand.mean(axis=1)
        rows["expected"][week] = future.short.mean(axis=1)
        rows["stock"][week] = future.stock.mean(axis=1)
        rows["made"][week] = future.net.mean(axis=1) - rows["expected"][week] + future.built.mean(axis=1)
        rows["p90"][week] = _high(future.short, rows["probability"][week])

    def _add_lines(self, week: int, future: WeekOfFutures, held_up: BoolArray) -> None:
        rows, hours = self.line, future.hours.mean(axis=1, dtype=np.float64)
        idle = future.idle.mean(axis=1, dtype=np.float64)
        rows["hours"][week] = hours
        rows["load"][week] = np.divide(hours - idle, hours, out=np.zeros_like(hours), where=hours > 0)
        rows["probability"][week] = held_up.mean(axis=1)
        missing = self._blame(week).astype(np.float32) @ future.short
        missing *= held_up
        rows["hours_short"][week] = missing.mean(axis=1)
        rows["hours_short_p90"][week] = _high(missing, rows["probability"][week])
        self.line_ever |= held_up

    def _blame(self, week: int) -> FloatArray:
        """Return the hours of each line that a unit short stands for, (l, p), split over its lines as often as full."""
        rate = self.supply.rate
        part = np.where(rate > 0, self.together[week], 0.0)
        total = part.sum(axis=1, keepdims=True)
        split = np.divide(part, total, out=np.zeros_like(part), where=total > 0)
        hours: FloatArray = np.divide(split, rate, out=np.zeros_like(rate), where=rate > 0).T
        return hours


def _high(sizes: Draws, probability: FloatArray) -> FloatArray:
    """Return the 90th percentile of each row, where more than a tenth is above zero."""
    found = np.zeros(len(sizes))
    rows = np.flatnonzero(probability > 1 - _HIGH)
    if len(rows):
        place = int(np.ceil(_HIGH * sizes.shape[1])) - 1
        # A whole sort: NumPy's partition takes six times as long where many values are alike, as zeros are here.
        chosen = sizes[rows]
        chosen.sort(axis=1)
        found[rows] = chosen[:, place]
    return found
