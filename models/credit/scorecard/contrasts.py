"""Find differences of two columns that say more than either: gaps between two ratios are often what fails first."""

from collections.abc import Sequence
from itertools import combinations
from math import log
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.credit.scorecard.binning import deviance
from models.credit.scorecard.columns import difference
from models.credit.scorecard.encoding import Encoded, encode
from models.credit.scorecard.folds import Folds
from models.credit.scorecard.selection import gain, select
from models.credit.scorecard.settings import ScorecardSettings

__all__ = ["contrast_terms"]

Floats = NDArray[np.float64]
_CELLS: Final = 20  # of equal frequency, to look at every pair quickly
_ROWS: Final = 6_000  # looked at per pair
_LOOKED_AT: Final = 3  # times as many pairs as are wanted are binned in earnest
_MOST_COLUMNS: Final = 200  # 19,900 pairs


def contrast_terms(
    frame: pl.DataFrame, terms: Sequence[Encoded], y: Floats, folds: Folds, settings: ScorecardSettings
) -> list[Encoded]:
    """Return terms of at most `settings.contrasts` differences of two numeric columns without a declared sign.

    Every pair is looked at by the deviance that twenty cells of its difference explain; the best are binned and kept
    while they lower the log-loss of rows that their bins did not see by more than their columns' own terms do, and by
    more than the best of so many useless pairs could. A column whose sign the field knows takes no part, as a
    difference would not respect it.
    """
    own: dict[str, float] = {}
    for term in terms:
        source = term.column.source
        if not source.categorical and term.column.sign == 0:
            own[source.column] = max(own.get(source.column, 0.0), gain(term, y))
    strongest = set(sorted(own, key=lambda name: -own[name])[:_MOST_COLUMNS])
    names = [name for name in own if name in strongest]
    pairs = list(combinations(names, 2))
    if not pairs:
        return []
    least = 4.0 * log(len(pairs) + 1) / (2.0 * len(y))
    found: list[Encoded] = []
    for a, b in _promising(frame, y, names, pairs, settings.contrasts * _LOOKED_AT):
        parts = encode(difference(frame, a, b, settings), y, folds, settings)
        if max((gain(part, y) for part in parts), default=0.0) > max(own[a], own[b]) + least:
            found += parts
    kept = select(found, y, settings)  # the differences of near copies are near copies
    wanted = list(dict.fromkeys(term.column.source.name for term in kept))[: settings.contrasts]
    return [term for term in found if term.column.source.name in wanted]


def _promising(
    frame: pl.DataFrame, y: Floats, names: Sequence[str], pairs: Sequence[tuple[str, str]], most: int
) -> list[tuple[str, str]]:
    """Return the pairs whose difference separates the outcome best beyond its columns, by a quick look."""
    step = max(1, len(y) // _ROWS)
    labels = y[::step]
    part = frame.gather_every(step)
    values = {name: part[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in names}
    alone = {name: _explained(value, labels) for name, value in values.items()}
    with np.errstate(invalid="ignore", over="ignore"):
        scores = [_explained(values[a] - values[b], labels) - max(alone[a], alone[b]) for a, b in pairs]
    order = np.argsort(-np.array(scores), kind="stable")[:most]
    return [pairs[place] for place in order if scores[place] > 0]


def _explained(values: Floats, y: Floats) -> float:
    """Return the deviance that cells of equal frequency and a missing one explain."""
    missing = np.isnan(values)
    known = values[~missing]
    if not len(known):
        return 0.0
    edges = np.unique(np.sort(known)[(np.arange(1, _CELLS) * len(known)) // _CELLS])
    cell = np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="right"))
    counts = np.bincount(cell, minlength=len(edges) + 2).astype(np.float64)
    events = np.bincount(cell, weights=y, minlength=len(edges) + 2).astype(np.float64)
    return float(
        deviance(np.array([y.sum()]), np.array([float(len(y))])).sum() - deviance(events, counts).sum()
    )
