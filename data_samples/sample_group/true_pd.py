"""The true chance of staying alive on one's own for some months, by quadrature over the health process.

Exact (up to the grid) for the own hazard: the expectation over future distress of the product of monthly survivals.
Contagion is added to first order in latent.py: excitation already there decays as in the process; parties that have
stopped paying default for certain at their month; others are expected to fail at today's monthly risk over today's
links. Second-round effects and links not yet made are left out.
"""

import numpy as np
from numpy.typing import NDArray

from sample_group.columns import Floats, Singles

__all__ = ["OwnSurvival"]


class OwnSurvival:
    """A table of survival over `horizon` months by base log-odds a and distress u, read by interpolation."""

    def __init__(self, base: Singles, persistence: float, spread: float, horizon: int) -> None:
        self.base = np.linspace(float(base.min()) - 1e-3, float(base.max()) + 1e-3, 33)
        self.distress = np.linspace(-6.5 * spread, 6.5 * spread, 181)
        nodes, weights = np.polynomial.hermite_e.hermegauss(21)
        step = persistence * self.distress[:, None] + spread * np.sqrt(1 - persistence**2) * nodes[None, :]
        weights = weights / weights.sum()
        monthly = 1 / (1 + np.exp(self.base[:, None, None] + step[None]))  # 1 - logistic
        alive = np.ones((len(self.base), len(self.distress)))
        for _ in range(horizon):
            later = np.stack(
                [np.interp(step.ravel(), self.distress, row).reshape(step.shape) for row in alive]
            )
            alive = (monthly * later) @ weights
        self.log_alive = np.log(alive)

    def of(self, base: Singles, distress: Singles) -> Floats:
        """Return the survival of each party, bilinear in log survival."""
        row, right = _place(base, self.base)
        column, up = _place(distress, self.distress)
        low = self.log_alive[row, column] * (1 - up) + self.log_alive[row, column + 1] * up
        high = self.log_alive[row + 1, column] * (1 - up) + self.log_alive[row + 1, column + 1] * up
        result: Floats = np.exp(low * (1 - right) + high * right)
        return result


def _place(values: Singles, grid: Floats) -> tuple[NDArray[np.int64], Floats]:
    position = np.clip((values.astype(np.float64) - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1.001)
    index = position.astype(np.int64)
    return index, position - index
