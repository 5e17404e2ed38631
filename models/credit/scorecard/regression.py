"""Logistic regression whose coefficients cannot be negative, with a ridge penalty chosen out of fold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.credit.scorecard.folds import Folds

__all__ = ["Regression", "choose_ridge", "fit_nonnegative", "log_loss"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Regression:
    """Log-odds = intercept + x @ coefficients, none of which is negative."""

    intercept: float
    coefficients: Floats

    def log_odds(self, x: Floats) -> Floats:
        """Return log-odds (n,) of x (n, k)."""
        return np.asarray(self.intercept + x @ self.coefficients, dtype=np.float64)


def fit_nonnegative(x: Floats, y: Floats, ridge: float, start: Regression | None = None) -> Regression:
    """Minimise the log-loss of x (n, k), y (n,) plus ridge ÷ 2 · Σ coefficient², with coefficients ≥ 0.

    WoE is risk in log-odds already, so a negative coefficient would say that a bin with more defaults means less risk.
    Source of the method: Byrd, Lu, Nocedal, Zhu (1995), A limited memory algorithm for bound constrained optimization.
    """
    width = x.shape[1]
    if start is None:
        start = Regression(float(logit(y.mean())), np.full(width, 1.0 / np.sqrt(max(width, 1))))

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = theta[0] + x @ theta[1:]
        residual = expit(z) - y
        value = float(np.logaddexp(0.0, z).sum() - y @ z + 0.5 * ridge * theta[1:] @ theta[1:])
        return value, np.concatenate([[residual.sum()], x.T @ residual + ridge * theta[1:]])

    with threadpool_limits(1, "blas"):  # threads on products this small spin, and starve a shared machine
        found = minimize(
            loss,
            np.concatenate([[start.intercept], start.coefficients]),
            jac=True,
            method="L-BFGS-B",
            bounds=[(None, None)] + [(0.0, None)] * width,
            options={"maxiter": 1000, "ftol": 1e-10, "gtol": 1e-4},
        )
    return Regression(float(found.x[0]), np.asarray(found.x[1:], dtype=np.float64))


def choose_ridge(x: Floats, y: Floats, folds: Folds, strengths: Sequence[float]) -> tuple[float, Floats]:
    """Return the strength with the least log-loss on held-out folds, and the held-out log-odds (n,) at it.

    The strongest penalty goes first, as each fit starts from the one before.
    """
    held_out = {strength: np.empty(len(y)) for strength in strengths}
    for number in range(folds.number):
        out = folds.of_row == number
        inside, judged, labels = np.asfortranarray(x[~out]), x[out], y[~out]
        fitted: Regression | None = None
        for strength in sorted(strengths, reverse=True):
            fitted = fit_nonnegative(inside, labels, strength, fitted)
            held_out[strength][out] = fitted.log_odds(judged)
    best = min(strengths, key=lambda strength: (log_loss(y, held_out[strength]), -strength))
    return best, held_out[best]


def log_loss(y: Floats, log_odds: Floats) -> float:
    """Return the mean log-loss of log-odds (n,) against y (n,) in {0, 1}."""
    return float(np.mean(np.logaddexp(0.0, log_odds) - y * log_odds))
