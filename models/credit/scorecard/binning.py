"""Merge fine cells into bins whose default rate only rises or only falls, or does one and then the other."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from models.credit.scorecard.settings import ScorecardSettings
from models.credit.scorecard.woe import smoothed_rate, smoothed_woe

__all__ = ["Steps", "code_steps", "deviance", "monotone_steps"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_NO_ROWS: Final = 1e-9  # an empty cell gives way to any other
_TURNS: Final = 12


@dataclass(frozen=True)
class Steps:
    """A step function over cells: WoE of each cell (k,), its bin (k,), the WoE of missing.

    `direction` is +1 where the default rate rises over the bins, -1 where it falls, 0 where bins have no order. A
    two-sided function turns at the start of cell `knee`: direction before it, the opposite from it on.
    """

    woe: Floats
    bins: Ints
    missing: float
    direction: int
    knee: int | None = None

    @property
    def all_woe(self) -> Floats:
        """Return the WoE of each cell and then of missing (k + 1,)."""
        return np.append(self.woe, self.missing)


def monotone_steps(
    events: Floats, counts: Floats, sign: int, *, settings: ScorecardSettings, like: Steps | None = None
) -> Steps:
    """Fit steps to the cells of an ordered column; events and counts are (k + 1,), the last of missing values.

    `sign` is +1 or -1 where the direction is known and 0 where the data choose it. Without a known sign two directions,
    split at the best cell, replace one where that gains enough deviance; with `like`, where that one turns. Bins come from
    isotonic regression (Barlow et al. 1972, Statistical Inference under Order Restrictions; pooling adjacent violators),
    then neighbours merge while that costs less than `min_merge_gain`, so that rates stay in order with every merge.
    """
    frame = _Frame(events, counts, settings)
    if like is not None and like.knee is not None:
        return frame.steps(_turned(frame, like.knee), like.knee)
    signs = (sign,) if sign else (1, -1)
    best = min((frame.side(0, frame.size, each) for each in signs), key=lambda side: side.cost)
    if sign or like is not None or not settings.two_sided or frame.size < 2:  # noqa: PLR2004 - one cell cannot turn
        return frame.steps([best], None)
    turned = _turned(frame, _best_turn(frame))
    if turned[0].cost + turned[1].cost + settings.two_sided_gain < best.cost:
        return frame.steps(turned, len(turned[0].bins))
    return frame.steps([best], None)


def code_steps(events: Floats, counts: Floats, *, settings: ScorecardSettings) -> Steps:
    """Fit steps to codes without order: codes of like smoothed rates share a bin. Shapes as for `monotone_steps`."""
    smooth = smoothed_rate(events[:-1], counts[:-1], rate=_rate(events, counts), smoothing=settings.smoothing)
    order = np.argsort(smooth, kind="stable")
    places = np.append(order, len(order))
    found = monotone_steps(events[places], counts[places], 1, settings=settings)
    back = np.argsort(order, kind="stable")
    return Steps(found.woe[back], found.bins[back], found.missing, 0)


@dataclass(frozen=True)
class _Side:
    """Bins (cells,) and WoE (bins,) of a run of cells in one direction, and the deviance with what its bins cost."""

    bins: Ints
    woe: Floats
    cost: float
    direction: int


@dataclass(frozen=True)
class _Frame:
    """The cells to merge and what every bin is compared with."""

    events: Floats
    counts: Floats
    settings: ScorecardSettings

    @property
    def size(self) -> int:
        return len(self.counts) - 1

    @property
    def rate(self) -> float:
        return _rate(self.events, self.counts)

    def woe(self, events: Floats, counts: Floats) -> Floats:
        return smoothed_woe(events, counts, rate=self.rate, smoothing=self.settings.smoothing)

    def side(self, start: int, stop: int, direction: int) -> _Side:
        """Merge the cells from start to stop into bins whose observed and smoothed rates run in one direction."""
        events, counts = self.events[start:stop], self.counts[start:stop]
        first = np.arange(len(counts))
        while True:
            e, n = np.add.reduceat(events, first), np.add.reduceat(counts, first)
            kept = _in_order(e, n, self.woe(e, n), direction)
            if len(kept) == len(first):
                merged = self._next_merge(e, n)
                if merged is None:
                    break
                kept = np.delete(np.arange(len(first)), merged + 1)
            first = first[kept]
        bins = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(counts))))
        return _Side(bins, self.woe(e, n), self.cost(e, n), direction)

    def rough_cost(self, start: int, stop: int, direction: int) -> float:
        """Return what a side costs before small bins are merged."""
        events, counts = self.events[start:stop], np.maximum(self.counts[start:stop], _NO_ROWS)
        first = isotonic_regression(events / counts, weights=counts, increasing=direction > 0).blocks[:-1]
        return self.cost(np.add.reduceat(events, first), np.add.reduceat(counts, first))

    def cost(self, events: Floats, counts: Floats) -> float:
        return float(deviance(events, counts).sum()) + self.settings.min_merge_gain * len(counts)

    def _next_merge(self, events: Floats, counts: Floats) -> int | None:
        """Return the bin to merge with the next: one too small, else the cheapest while bins are too many or too alike."""
        if len(counts) == 1:
            return None
        apart = deviance(events, counts)
        loss = deviance(events[:-1] + events[1:], counts[:-1] + counts[1:]) - apart[:-1] - apart[1:]
        least = self.settings.min_bin_share * self.counts.sum()
        small = np.minimum(counts[:-1], counts[1:]) < least
        if small.any():
            return int(np.argmin(np.where(small, loss, np.inf)))
        if len(counts) > self.settings.max_bins or loss.min() < self.settings.min_merge_gain:
            return int(np.argmin(loss))
        return None

    def steps(self, sides: list[_Side], knee: int | None) -> Steps:
        woe = np.concatenate([side.woe[side.bins] for side in sides])
        bins, start = [], 0
        for side in sides:
            bins.append(side.bins + start)
            start += len(side.woe)
        missing = float(self.woe(self.events[-1:], self.counts[-1:])[0])
        return Steps(woe, np.concatenate(bins), missing, sides[0].direction, knee)


def _best_turn(frame: _Frame) -> int:
    """Return the cell to turn at, of at most twelve."""
    places = np.unique(np.linspace(1, frame.size - 1, min(_TURNS, frame.size - 1)).astype(np.int64)).tolist()

    def cost(place: int) -> float:
        ways = (
            frame.rough_cost(0, place, way) + frame.rough_cost(place, frame.size, -way) for way in (-1, 1)
        )
        return min(ways)

    return int(min(places, key=cost))


def _turned(frame: _Frame, place: int) -> list[_Side]:
    """Return the two sides of a turn, falling then rising or the reverse, whichever explains more."""
    ways = [[frame.side(0, place, way), frame.side(place, frame.size, -way)] for way in (-1, 1)]
    return min(ways, key=lambda sides: sides[0].cost + sides[1].cost)


def _in_order(events: Floats, counts: Floats, woe: Floats, direction: int) -> Ints:
    """Return the first of each block of bins whose observed rates, and then whose WoE, are in order."""
    filled = np.maximum(counts, _NO_ROWS)
    blocks = isotonic_regression(events / filled, weights=filled, increasing=direction > 0).blocks[:-1]
    if len(blocks) == len(counts):
        blocks = isotonic_regression(woe, weights=filled, increasing=direction > 0).blocks[:-1]
    return np.asarray(blocks, dtype=np.int64)


def deviance(events: Floats, counts: Floats) -> Floats:
    """Return twice the negative log-likelihood of bins at their own rates."""
    others = counts - events
    total = np.maximum(counts, _NO_ROWS)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(events > 0, events * np.log(events / total), 0.0) + np.where(
            others > 0, others * np.log(others / total), 0.0
        )
    return -2.0 * parts


def _rate(events: Floats, counts: Floats) -> float:
    return float(events.sum() / counts.sum())
