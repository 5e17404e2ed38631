"""Calibrate raw log-odds to a probability of default; affine in log-odds, so contributions stay additive."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from models.errors import NotTrainableError

__all__ = ["AffineCalibration", "fit_affine"]

_ANCHOR: Final = 1.0  # pulls the slope to 1 where few rows say little, and fades as they grow in number


@dataclass(frozen=True)
class AffineCalibration:
    """Platt scaling: calibrated log-odds = slope · raw + intercept."""

    slope: float
    intercept: float

    def log_odds(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated log-odds, same shape as raw."""
        return self.slope * raw + self.intercept

    def pd(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probability of default in (0, 1)."""
        return np.asarray(expit(self.log_odds(raw)), dtype=np.float64)


def fit_affine(raw: NDArray[np.float64], y: NDArray[np.float64]) -> AffineCalibration:
    """Fit slope and intercept by penalised maximum likelihood on rows the booster was not trained on.

    raw (n,) log-odds, y (n,) in {0, 1}. Targets are smoothed as in Platt (1999), Probabilistic outputs for
    support vector machines, section 2.1, and the slope is pulled to 1. Raises NotTrainableError when a higher
    raw score goes with fewer defaults: such a model must not be served.
    """
    positives, negatives = float(y.sum()), float(len(y) - y.sum())
    target = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = theta[0] * raw + theta[1]
        residual = expit(z) - target
        value = float(np.sum(np.logaddexp(0.0, z) - target * z) + 0.5 * _ANCHOR * (theta[0] - 1.0) ** 2)
        return value, np.array([residual @ raw + _ANCHOR * (theta[0] - 1.0), residual.sum()])

    theta = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    if not np.isfinite(theta).all() or theta[0] <= 0:
        raise NotTrainableError(
            zh=f"校准失败：斜率为 {theta[0]:.3g}，得分高者违约反而少。请检查标签方向与数据。",
            en=f"Calibration failed: slope {theta[0]:.3g}; higher scores default less. Check label and data.",
        )
    return AffineCalibration(slope=float(theta[0]), intercept=float(theta[1]))
