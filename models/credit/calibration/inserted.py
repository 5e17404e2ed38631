"""Isotonic regression with one bad party inserted before each score in turn, all in one pass."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["with_bad_inserted"]

Floats = NDArray[np.float64]


def with_bad_inserted(n: Floats, bad: Floats) -> Floats:
    """Return for each of k scores the fitted rate of a bad party inserted just before it, shape (k,), never falling.

    n (k,) rows and bad (k,) defaults of the scores in rising order. Isotonic regression is the slope of the greatest
    convex minorant of the points P_i = (rows, defaults) counted up to score i (Barlow et al. 1972). With a bad party
    before score i, all later points move by (1, 1), and its rate is the slope of the common tangent from below of
    the points before and the moved points after. Going from one score to the next, that tangent stays unless the
    point that now comes before lies beneath it (Vovk, Petej, Fedorova 2015, algorithms 1 and 2).
    """
    rows, defaults = (np.concatenate([[0.0], np.cumsum(values)]) for values in (n, bad))
    k = len(n)
    out = np.empty(k)
    at = 0
    while at < k:
        slope = np.min((defaults[at:] + 1.0 - defaults[at]) / (rows[at:] + 1.0 - rows[at]))
        beneath = (defaults[at + 1 : k] - defaults[at]) < slope * (rows[at + 1 : k] - rows[at])
        found = int(np.argmax(beneath)) if beneath.any() else k - at - 1
        after = at + 1 + found
        out[at:after] = slope
        at = after
    # a party inserted before a score is fitted no lower than one inserted earlier, but for rounding
    return np.maximum.accumulate(out)
