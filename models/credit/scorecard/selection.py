"""Choose the terms of the card: by information value, then by what they add beside each other."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from models.credit.scorecard.encoding import Encoded
from models.credit.scorecard.regression import log_loss
from models.credit.scorecard.settings import ScorecardSettings
from models.credit.scorecard.woe import information_value

__all__ = ["gain", "iv", "select"]

Floats = NDArray[np.float64]
_SAMPLE: Final = 20_000  # rows that correlations are measured on
_NEARLY_ALIKE: Final = 1e-8
_NEWTON_STEPS: Final = 4
_MOST_LOOKED_AT: Final = 4  # times as many terms as the card may hold go on to be weighed beside each other


def iv(term: Encoded) -> float:
    """Return the information value of a term's own bins on the training rows."""
    return information_value(term.events, term.counts, term.woe)


def gain(term: Encoded, y: Floats) -> float:
    """Return by how much the term alone lowers the log-loss of rows that its bins did not see; at most 0 for noise."""
    base = float(logit(y.mean()))
    shift = base
    for _ in range(
        _NEWTON_STEPS
    ):  # a part of a turning column is no contrast to the average, so it moves the level
        p = expit(shift + term.out_of_fold)
        shift -= float((p - y).sum() / (p * (1 - p)).sum())
    return log_loss(y, np.full(len(y), base)) - log_loss(y, shift + term.out_of_fold)


def select(terms: Sequence[Encoded], y: Floats, settings: ScorecardSettings) -> list[Encoded]:
    """Return the terms worth a place, best first: informative out of fold, and no near copy of a better one.

    A term goes when its information value is below `min_iv`, when it lowers no log-loss out of fold, when its WoE
    correlates with that of a better one by more than `max_correlation`, or while its variance inflation by the terms
    that stay is above `max_vif` (Belsley, Kuh, Welsch 1980, Regression Diagnostics, chapter 3).
    """
    gains = {id(term): gain(term, y) for term in terms}
    useful = [term for term in terms if iv(term) >= settings.min_iv and gains[id(term)] > 0]
    useful.sort(key=lambda term: -gains[id(term)])
    useful = useful[: _MOST_LOOKED_AT * settings.max_terms]
    kept: list[int] = []
    if not useful:
        return []
    step = max(1, len(y) // _SAMPLE)
    related = _correlations(np.array([term.in_sample[::step] for term in useful]))
    for place in range(len(useful)):
        if related[place, kept].max(initial=0.0) <= settings.max_correlation:
            kept.append(place)
    kept = _uninflated(related, kept, settings.max_vif)
    return [useful[place] for place in kept]


def _correlations(rows: Floats) -> Floats:
    """Return correlations between rows (k, n); one that does not vary here correlates with nothing."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    return np.asarray(unit @ unit.T, dtype=np.float64)


def _uninflated(related: Floats, kept: list[int], most: float) -> list[int]:
    """Drop the term whose variance the others inflate most, until none is above the limit."""
    while len(kept) > 1:
        part = related[np.ix_(kept, kept)] + _NEARLY_ALIKE * np.eye(len(kept))
        inflation = np.diag(np.linalg.pinv(part, hermitian=True))
        worst = int(np.argmax(inflation))
        if inflation[worst] <= most:
            break
        kept = [*kept[:worst], *kept[worst + 1 :]]
    return kept
