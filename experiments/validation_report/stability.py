"""How far has the population moved: PSI of a score, CSI of a feature, on bins of what was learnt from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bins", "expected_index", "stability_index"]

Floats = NDArray[np.float64]

_BINS = 10
_EMPTY = 0.5


@dataclass(frozen=True, eq=False)
class Bins:
    """Upper edges of quantile bins of a reference sample; missing (NaN) is a bin of its own, the last."""

    edges: Floats

    @classmethod
    def of(cls, reference: Floats, count: int = _BINS) -> "Bins":
        """Cut a reference (n,) at its quantiles; a value that fills several bins makes one of them."""
        known = reference[~np.isnan(reference)]
        if not len(known):
            return cls(np.empty(0))
        edges = np.unique(np.quantile(known, np.linspace(0, 1, count + 1)[1:-1], method="inverted_cdf"))
        return cls(edges[edges < known.max()])

    def counts(self, values: Floats) -> Floats:
        """Return how many values fall into each bin; a value equal to an edge belongs to the bin below."""
        missing = np.isnan(values)
        place = np.searchsorted(self.edges, values[~missing], side="left")
        known = np.bincount(place, minlength=len(self.edges) + 1)
        return np.append(known, missing.sum()).astype(np.float64)


def stability_index(reference: Floats, later: Floats, bins: Bins) -> float:
    """Return sum of (a - e) ln(a / e) over the bins, e and a the shares of reference (n,) and later (m,) in each.

    A bin that is empty on one side counts half a row there, so that the index stays finite; one that is empty on both
    says nothing. Source: Siddiqi (2006), Credit Risk Scorecards, chapter on scorecard monitoring; it is the symmetric
    divergence of Jeffreys (1946).
    """
    e, a = bins.counts(reference), bins.counts(later)
    used = (e > 0) | (a > 0)
    shares = [np.maximum(counts[used], _EMPTY) / counts.sum() for counts in (e, a)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def expected_index(bins: int, reference: int, later: int) -> float:
    """Return about what the index is when nothing has moved: (bins - 1) (1 / n + 1 / m).

    Source: Yurdakul and Naranjo (2020), Statistical properties of the population stability index: over
    (1 / n + 1 / m) it is chi-square with bins - 1 degrees of freedom, for independent rows.
    """
    return (bins - 1) * (1 / reference + 1 / later)
