"""How well probabilities of default agree with what happened: log-loss, Brier, ECE, and the table behind a plot."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import beta

from models.errors import CalibrationError

__all__ = ["brier", "calibration_error", "calibration_error_of_sorted", "log_losses", "reliability"]

_BINS: Final = 10
_TINY: Final = 1e-12
_LEVEL: Final = 0.95

Floats = NDArray[np.float64]


def log_losses(y: Floats, pd: Floats) -> Floats:
    """Return the log-loss of each row, shape (n,), in nats; a PD of 0 or 1 counts as 1e-12 away from it."""
    bounded = np.clip(pd, _TINY, 1 - _TINY)
    return np.where(y > 0, -np.log(bounded), -np.log1p(-bounded))


def brier(y: Floats, pd: Floats) -> float:
    """Return the mean squared distance of PD and outcome (Brier 1950)."""
    return float(np.mean((y - pd) ** 2))


def calibration_error(y: Floats, pd: Floats, *, bins: int = _BINS) -> float:
    """Return the expected calibration error: mean |observed rate - mean PD| over bins of equal frequency.

    y (n,) in {0, 1}, pd (n,). Parties with one PD share their mean outcome, so that the order of rows cannot move it.
    """
    order = np.argsort(pd, kind="stable")
    _, place, counts = np.unique(pd[order], return_inverse=True, return_counts=True)
    shared = np.bincount(place, y[order]) / counts
    return calibration_error_of_sorted(shared[place], pd[order], np.ones(len(pd)), bins=bins)


def calibration_error_of_sorted(y: Floats, pd: Floats, weight: Floats, *, bins: int = _BINS) -> float:
    """Return the weighted ECE of rows in rising order of PD; y holds the mean outcome of all rows with a row's PD."""
    gap = np.bincount(_bins(weight, bins), weight * (y - pd), minlength=bins)
    return float(np.abs(gap).sum() / weight.sum())


def reliability(y: Floats, pd: Floats, *, bins: int = _BINS) -> pl.DataFrame:
    """Return one row a bin of equal frequency, in rising order of PD, for a reliability plot.

    Columns: bin (from 1), n, defaults, mean_pd, observed_rate, and low and high, the 95 % interval of the observed
    rate by Jeffreys' prior: quantiles of Beta(d + 1/2, n - d + 1/2), 0 where none and 1 where all defaulted (Brown,
    Cai, DasGupta 2001, Interval estimation for a binomial proportion). Fewer rows than bins give fewer bins. Raises
    CalibrationError when there is no row, the lengths differ or a PD is no number.
    """
    if len(y) == 0 or len(y) != len(pd) or not np.isfinite(pd).all():
        raise CalibrationError(
            zh=f"无法编制可靠性表：标签 {len(y)} 行、PD {len(pd)} 行，须等长、非空且 PD 均为有限数。",
            en=f"No reliability table: {len(y)} labels and {len(pd)} PDs; give as many of both, at least one, all finite.",
        )
    order = np.argsort(pd, kind="stable")
    place = _bins(np.ones(len(y)), min(bins, len(y)))
    n = np.bincount(place).astype(np.float64)
    defaults = np.bincount(place, y[order])
    tail = (1 - _LEVEL) / 2
    low, high = (beta.ppf(q, defaults + 0.5, n - defaults + 0.5) for q in (tail, 1 - tail))
    return pl.DataFrame(
        {
            "bin": np.arange(1, len(n) + 1),
            "n": n.astype(np.int64),
            "defaults": defaults.astype(np.int64),
            "mean_pd": np.bincount(place, pd[order]) / n,
            "observed_rate": defaults / n,
            "low": np.where(defaults == 0, 0.0, low),
            "high": np.where(defaults == n, 1.0, high),
        }
    )


def _bins(weight: Floats, bins: int) -> NDArray[np.int64]:
    """Return the bin of each sorted row by the middle of its share of the weight."""
    place = (np.cumsum(weight) - weight / 2) / weight.sum()
    places: NDArray[np.int64] = np.minimum((place * bins).astype(np.int64), bins - 1)
    return places
