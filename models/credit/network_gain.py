"""Does the network part earn its place? The fall in log-loss on rows that neither part was trained on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["NetworkGain", "network_gain"]

_STANDARD_ERRORS: Final = 1.645  # one-sided 95 %: by luck alone one useless network in twenty is kept

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NetworkGain:
    """Mean fall in log-loss a row from own to group log-odds, with its standard error over whole parties."""

    mean: float
    standard_error: float

    @property
    def helps(self) -> bool:
        """Return whether the fall is more than chance would give a network that says nothing."""
        return self.mean > _STANDARD_ERRORS * self.standard_error


def network_gain(y: Floats, own: Floats, group: Floats, parties: NDArray[np.int64]) -> NetworkGain:
    """Compare log-odds of own risk (n,) with those of own and network risk (n,) on held-out rows.

    y (n,) in {0, 1}; parties (n,) holds the party of each row: rows of one party are not independent, so the
    standard error is that of sums over parties (Liang and Zeger 1986, Longitudinal data analysis using
    generalized linear models).
    """
    fall = _log_loss(y, own) - _log_loss(y, group)
    of_party = np.bincount(np.unique(parties, return_inverse=True)[1], fall - fall.mean())
    count = len(of_party)
    spread = float(np.sqrt((of_party**2).sum() * count / max(count - 1, 1))) / len(y)
    return NetworkGain(float(fall.mean()), spread)


def _log_loss(y: Floats, log_odds: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, log_odds) - y * log_odds)
