"""Rolling backtests of the trees: what a line made after past cut-offs beside what would have been said of it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.capacity.lines.boosters import learn_boosters, medians_told, shares
from models.capacity.lines.columns import Columns
from models.capacity.lines.expectation import Expectation, expect, restarts_seen
from models.capacity.lines.grid import FloatArray, IntArray
from models.capacity.lines.rows import Rows, World, rows_of
from models.capacity.lines.settings import LineSettings

__all__ = ["Backtests", "backtests_of"]

_TESTED: Final = 0.5  # share of the history that the cut-offs lie in
_FARTHEST: Final = 45  # days between two cut-offs
_FEWEST_DAYS: Final = 7  # of a line before a cut-off
_MOST_ROWS: Final = 150_000


@dataclass(frozen=True, eq=False)
class Backtests:
    """Line-days after past cut-offs: what was made and what the trees said, in hours of the planned rate.

    cut (r,): number of the cut-off, the latest first; made (r,); shares (4, r); ratios (2, r): what the boosters of
    the median said; size (r,): the line's usual planned hours a day; seen_restarts (cut-offs, n); weight (r,): one over the
    cut-offs that ask for the same line-day.
    """

    rows: Rows
    cut: IntArray
    cutoffs: tuple[int, ...]
    made: FloatArray
    shares: FloatArray
    ratios: FloatArray
    size: FloatArray
    seen_restarts: FloatArray
    weight: FloatArray

    @property
    def tested_days(self) -> int:
        """Return how many different days were asked for."""
        return len(np.unique(self.rows.day))

    def expected(self, world: World, trust: FloatArray) -> FloatArray:
        """Return the expected good hours of the rows, where each line trusts the trees so far."""
        told: Expectation = expect(
            world, self.rows, self.shares, trust, seen_restarts=self.seen_restarts.min(axis=0, initial=9.0)
        )
        return told.good


def backtests_of(
    world: World, columns: Columns, *, horizon: int, seed: int, settings: LineSettings
) -> Backtests:
    """Ask models learnt up to past days what came after: a few models, each asked at the cut-offs that follow it."""
    grid = world.grid
    end = int(grid.last.max(initial=-1))
    begin = int(np.where(grid.last >= 0, grid.first, grid.size[1]).min(initial=grid.size[1]))
    span = end - begin + 1
    gap = int(np.clip(-(-span * _TESTED // settings.cutoffs), 1, _FARTHEST))
    earliest = begin + max(_FEWEST_DAYS, int(span * (1 - _TESTED)) - 1)
    cutoffs = tuple(c for c in (end - gap * (j + 1) for j in range(settings.cutoffs)) if c >= earliest)
    parts, told, ratios = [], [], []
    size = -(-len(cutoffs) // max(settings.refits, 1)) if cutoffs else 1
    for start in range(0, len(cutoffs), size):
        group = cutoffs[start : start + size]
        line, day, origin, cut = _asked(world, group, start, horizon)
        rows = rows_of(world, columns, line, day, origin)
        boosters = learn_boosters(world, columns, group[-1], horizon=horizon, seed=seed, settings=settings)
        parts.append((line, day, origin, cut))
        told.append(shares(boosters, rows))
        ratios.append(medians_told(boosters, rows))
    line, day, origin, cut = (
        np.concatenate([part[k] for part in parts]) if parts else np.empty(0, dtype=np.int64)
        for k in range(4)
    )
    rows = rows_of(world, columns, line, day, origin)
    planned = world.state.sums[1, line, origin + 1] / np.maximum(world.state.seen[line, origin], 1)
    return Backtests(
        rows=rows,
        cut=cut,
        cutoffs=cutoffs,
        made=grid.hours[4, line, day],
        shares=np.concatenate(told, axis=1) if told else np.empty((4, 0)),
        ratios=np.concatenate(ratios, axis=1) if ratios else np.empty((2, 0)),
        size=np.where(planned > 0, planned, 1.0),
        weight=_weights(line * grid.size[1] + day),
        seen_restarts=np.array([restarts_seen(grid, c) for c in cutoffs]).reshape(len(cutoffs), grid.size[0]),
    )


def _weights(line_day: IntArray) -> FloatArray:
    """Return one over how often each line-day is there: asked at several cut-offs it still tells only once."""
    _, of, count = np.unique(line_day, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / count[of.reshape(-1)], dtype=np.float64)


def _asked(
    world: World, group: tuple[int, ...], start: int, horizon: int
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return line, day, origin and cut-off of what is asked at a group of cut-offs."""
    grid = world.grid
    found = []
    for number, cutoff in enumerate(group, start):
        seen = world.state.seen[:, cutoff] >= _FEWEST_DAYS
        days = np.arange(grid.size[1])
        after = (days > cutoff) & (days <= cutoff + horizon)
        line, day = np.nonzero(grid.known & seen[:, None] & after[None, :])
        found.append((line, day, np.full(len(line), cutoff), np.full(len(line), number)))
    whole = tuple(np.concatenate([part[k] for part in found]).astype(np.int64) for k in range(4))
    every = -(-len(whole[0]) // max(_MOST_ROWS // 3, 1)) or 1
    kept = np.arange(len(whole[0])) % every == 0
    return whole if every == 1 else tuple(one[kept] for one in whole)  # type: ignore[return-value]
