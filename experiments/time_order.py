"""Judge ways of learning inside the training rows as the model will be used: learn from earlier rows, judge on later ones."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from models.credit.booster import BoosterSettings, Design, cross_fit

__all__ = ["Slices", "better", "forward_losses", "forward_slices", "level_shift", "simplest"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]
Slices = list[list[tuple[Whole, Whole]]]

_SLICES: Final = 3
_SLICE: Final = 0.15  # of the rows; three of them leave the first 55 % to learn from
_PARTS: Final = 4
_LARGE: Final = 30_000
_LEAST_OF_A_CLASS: Final = 20
_SURE: Final = 1.0  # standard errors by which a way must be better than the plain one
_LEVEL_SLICES: Final = 6
_FAR: Final = 5.0  # log-odds; no level moves further


def forward_slices(day: Whole, party: Whole, y: Floats) -> Slices:
    """Return by slice of time pairs of rows to learn from and later rows to judge on, without a party in common.

    The judged rows are the latest three slices, each judged by what came before it. Where parties return, every slice is
    judged in four parts by party (two in large tables), as nearly all of them would else have been seen. Slices and
    rows to learn from that lack a class are left out.
    """
    ordered = np.sort(day)
    edges = [ordered[int((1.0 - _SLICE * k) * (len(day) - 1))] for k in range(_SLICES, 0, -1)]
    bounds = [*edges, ordered[-1] + 1]
    returning = len(np.unique(party)) < len(party)
    parts = (_PARTS if len(day) < _LARGE else 2) if returning else 1
    part = np.unique(party, return_inverse=True)[1] % parts
    slices: Slices = []
    for start, end in pairwise(bounds):
        here = (day >= start) & (day < end)
        pairs = []
        for one in range(parts):
            judged, learnt = here & (part == one), day < start
            learnt &= (part != one) | (parts == 1)
            if judged.any() and _both(y[learnt]):
                pairs.append((np.flatnonzero(learnt), np.flatnonzero(judged)))
        if pairs and _both(y[here]):
            slices.append(pairs)
    return slices


def forward_losses(
    design: Design, slices: Slices, *, settings: BoosterSettings, seed: int, num_threads: int
) -> Floats:
    """Return the log-loss of every judged row, slice by slice, each slice with its level set right.

    The level is left out of it because it moves by itself and is set on the latest rows afterwards (`level_shift`);
    what is compared is how ways of learning tell later rows apart.
    """
    pairs = [pair for pairs in slices for pair in pairs]
    raw, _ = cross_fit(design, pairs, settings=settings, seed=seed, num_threads=num_threads)
    losses = []
    for held in (np.concatenate([judged for _, judged in pairs]) for pairs in slices):
        y, score = design.y[held], raw[held]
        losses.append(_losses(y, score + _shift(y, score)))
    return np.concatenate(losses)


def better(losses: Sequence[Floats], *, first: int = 0) -> int:
    """Return the number of the way with the lowest mean loss, the `first` one unless another is surely better."""
    means = [float(found.mean()) for found in losses]
    best = int(np.argmin(means))
    gain = losses[first] - losses[best]
    error = float(gain.std()) / np.sqrt(len(gain))
    return best if float(gain.mean()) > _SURE * error else first


def simplest(losses: Sequence[Floats]) -> int:
    """Return the number of the first way (simplest first) whose mean loss is within a standard error of the lowest.

    Source: Breiman et al. (1984), Classification and regression trees, section 3.4.3, with the error of the difference.
    """
    best = losses[int(np.argmin([float(found.mean()) for found in losses]))]
    behind = [found - best for found in losses]
    return next(
        i for i, gap in enumerate(behind) if float(gap.mean()) <= _SURE * float(gap.std()) / np.sqrt(len(gap))
    )


def level_shift(log_odds: Floats, y: Floats, day: Whole) -> float:
    """Return how far the log-odds of the latest rows stand from what was observed there; 0 where levels do not last.

    log_odds (n,) come from models that did not see the row. The rows are cut into six slices by day: if moving each slice
    by what the one before it was off lowers the log-loss, the last slice tells how far later rows will be off.
    """
    ordered = np.sort(day)
    starts = [ordered[int(k * len(day) / _LEVEL_SLICES)] for k in range(_LEVEL_SLICES)]
    place = np.searchsorted(starts, day, side="right") - 1
    slices = [place == k for k in range(_LEVEL_SLICES)]
    if not all(_both(y[rows]) for rows in slices):
        return 0.0
    shifts = [_shift(y[rows], log_odds[rows]) for rows in slices]
    still = np.concatenate([_losses(y[rows], log_odds[rows]) for rows in slices[1:]])
    moved = np.concatenate(
        [
            _losses(y[rows], log_odds[rows] + shift)
            for rows, shift in zip(slices[1:], shifts[:-1], strict=True)
        ]
    )
    return shifts[-1] if moved.mean() < still.mean() else 0.0


def _both(y: Floats) -> bool:
    return min(float(y.sum()), float(len(y) - y.sum())) >= _LEAST_OF_A_CLASS


def _losses(y: Floats, log_odds: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, log_odds) - y * log_odds, dtype=np.float64)


def _shift(y: Floats, log_odds: Floats) -> float:
    """Return what added to the log-odds makes the mean PD the observed rate: the level of maximum likelihood."""

    def off(shift: float) -> float:
        return float(expit(log_odds + shift).mean() - y.mean())

    return float(brentq(off, -_FAR, _FAR)) if off(-_FAR) < 0.0 < off(_FAR) else 0.0
