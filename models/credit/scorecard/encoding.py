"""Turn cells into WoE: that of the card, and that which each row gets from bins its own fold did not make."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.credit.scorecard.binning import Steps, code_steps, monotone_steps
from models.credit.scorecard.columns import Column, Counts
from models.credit.scorecard.folds import Folds
from models.credit.scorecard.settings import ScorecardSettings
from models.credit.scorecard.woe import smoothed_woe

__all__ = ["Encoded", "encode", "matrix"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Encoded:
    """A term that may come into the card.

    `woe` is (cells + 1,), the last of missing values; `out_of_fold` (n,) is the WoE by bins that were made without the
    row's fold, so that coefficients learnt from it know how far a bin can be trusted.
    """

    column: Column
    steps: Steps
    part: str
    events: Floats
    counts: Floats
    woe: Floats
    out_of_fold: Floats

    @property
    def in_sample(self) -> Floats:
        """Return the WoE of the card's own bins for each training row (n,)."""
        return self.woe[self.column.cells.index]

    @property
    def direction(self) -> int:
        """Return the direction of the default rate over the bins of this part."""
        return -self.steps.direction if self.part == "high" else self.steps.direction

    @property
    def beyond(self) -> NDArray[np.bool_]:
        """Say of each cell (cells,) whether it lies beyond the turn, where the other part speaks."""
        return _beyond(self.part, self.steps.knee, len(self.steps.woe))


def encode(column: Column, y: Floats, folds: Folds, settings: ScorecardSettings) -> list[Encoded]:
    """Return the terms of a column that differ over their bins: one, or two monotone ones where it turns."""
    cut = column.by_fold(y, folds.of_row, folds.number)
    every = Counts(cut.events.sum(axis=1), cut.counts.sum(axis=1))
    steps = _fit(column, every, settings)
    apart = []
    for fold in range(folds.number):
        others = Counts(every.events - cut.events[:, fold], every.counts - cut.counts[:, fold])
        apart.append(_parts(_fit(column, others, settings, steps), steps.knee, others, settings))
    found = []
    for part, woe in _parts(steps, steps.knee, every, settings).items():
        table = np.column_stack([one[part] for one in apart])
        seen_by_others = table[column.cells.index, folds.of_row]
        found.append(Encoded(column, steps, part, every.events, every.counts, woe, seen_by_others))
    return [one for one in found if np.ptp(one.woe) > 0]


def matrix(terms: Sequence[Encoded]) -> Floats:
    """Return the out-of-fold WoE of terms, (n, k), column by column in memory."""
    return np.asfortranarray(np.column_stack([term.out_of_fold for term in terms]))


def _fit(column: Column, cut: Counts, settings: ScorecardSettings, like: Steps | None = None) -> Steps:
    if column.source.categorical:
        return code_steps(cut.events, cut.counts, settings=settings)
    return monotone_steps(cut.events, cut.counts, column.sign, settings=settings, like=like)


def _parts(steps: Steps, knee: int | None, counts: Counts, settings: ScorecardSettings) -> dict[str, Floats]:
    """Cut a step function at a knee; each part has one bin for all cells beyond it."""
    if knee is None:
        return {"whole": steps.all_woe}
    found = {}
    rate = float(counts.events.sum() / counts.counts.sum())
    for part in ("low", "high"):
        beyond = np.append(_beyond(part, knee, len(steps.woe)), False)
        events = counts.events[beyond].sum(keepdims=True)
        rows = counts.counts[beyond].sum(keepdims=True)
        rest = smoothed_woe(events, rows, rate=rate, smoothing=settings.smoothing)
        found[part] = np.where(beyond, rest, steps.all_woe)
    return found


def _beyond(part: str, knee: int | None, size: int) -> NDArray[np.bool_]:
    place = np.arange(size)
    if knee is None:
        return np.zeros(size, dtype=np.bool_)
    return place >= knee if part == "low" else place < knee
