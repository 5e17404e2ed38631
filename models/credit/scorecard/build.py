"""Build the terms of a card from the encoded columns that were chosen."""

import numpy as np
from numpy.typing import NDArray

from models.credit.scorecard.card import Bin, Term
from models.credit.scorecard.encoding import Encoded
from models.credit.scorecard.selection import iv

__all__ = ["term_of"]

Flags = NDArray[np.bool_]


def term_of(term: Encoded, coefficient: float) -> Term:
    """Return the term with its bins, their rows and defaults, and a coefficient."""
    known = _codes(term) if term.column.source.categorical else _numbers(term)
    missing = np.arange(len(term.woe)) == len(term.woe) - 1
    return Term(
        source=term.column.source,
        part=term.part,
        direction=term.direction,
        iv=iv(term),
        coefficient=coefficient,
        bins=(*known, _bin(term, missing).model_copy(update={"missing": True})),
    )


def _numbers(term: Encoded) -> list[Bin]:
    """Return the bins of ordered cells, ascending; those beyond the knee are one."""
    edges, size = term.column.cells.edges, term.column.cells.size
    beyond = term.beyond
    ids = np.where(beyond, -1, term.steps.bins)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ids)) + 1])
    found = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), size], strict=True):
        cells = np.zeros(size + 1, dtype=np.bool_)
        cells[start:stop] = True
        bounds = {
            "lower": float(edges[start - 1]) if start else None,
            "upper": float(edges[stop - 1]) if stop < size else None,
            "rest": bool(beyond[start]),
        }
        found.append(_bin(term, cells).model_copy(update=bounds))
    return found


def _codes(term: Encoded) -> list[Bin]:
    """Return the bins of codes, safest first; the bin of the last cell also takes codes that training never saw."""
    codes = term.column.cells.codes
    found = []
    for number in range(int(term.steps.bins.max()) + 1):
        chosen = term.steps.bins == number
        listed = {
            "categories": tuple(code for code, own in zip(codes, chosen, strict=False) if own),
            "other": bool(chosen[-1]),
        }
        found.append(_bin(term, np.append(chosen, False)).model_copy(update=listed))
    return found


def _bin(term: Encoded, cells: Flags) -> Bin:
    """Return the counts and the WoE that some cells share."""
    return Bin(
        count=round(float(term.counts[cells].sum())),
        events=round(float(term.events[cells].sum())),
        woe=float(term.woe[cells][0]),
    )
