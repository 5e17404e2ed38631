"""Weight of evidence of a bin, smoothed so that an empty or pure one stays finite, and the information value."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

__all__ = ["information_value", "smoothed_rate", "smoothed_woe"]

Floats = NDArray[np.float64]


def smoothed_rate(events: Floats, counts: Floats, *, rate: float, smoothing: float) -> Floats:
    """Return (events + smoothing · rate) ÷ (counts + smoothing), same shape: an empty bin has the average rate.

    Source: Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes, section 3.
    """
    return (events + smoothing * rate) / (counts + smoothing)


def smoothed_woe(events: Floats, counts: Floats, *, rate: float, smoothing: float) -> Floats:
    """Return the log-odds of the smoothed rate less those of all rows, same shape; more means more risk.

    Source: Good (1950), Probability and the Weighing of Evidence; the sign is that of the log-odds of default, so
    coefficients of a sound card are positive.
    """
    smooth = smoothed_rate(events, counts, rate=rate, smoothing=smoothing)
    return np.asarray(logit(smooth) - logit(rate), dtype=np.float64)


def information_value(events: Floats, counts: Floats, woe: Floats) -> float:
    """Return the information value of bins (k,): how far their shares of events and of others lie apart.

    Source: Siddiqi (2017), Intelligent Credit Scoring, chapter 10, with the smoothed WoE of the bins.
    """
    others = counts - events
    if not events.sum() or not others.sum():
        return 0.0
    return float((events / events.sum() - others / others.sum()) @ woe)
