"""Count rows in cells of their score, so that many maps can be fitted to draws and folds of one book at little cost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.credit.calibration.maps import Calibration, Kind

__all__ = ["Cells", "cells_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """The cell of each row (n,), and the mean score of each cell (m,); as fine as the rows where there are few scores."""

    cell: NDArray[np.int64]
    centre: Floats

    def fitted(self, kind: Kind, y: Floats, weight: Floats) -> Calibration:
        """Return the map fitted to the rows' labels (n,), each row counting `weight` (n,) times.

        Raises NotTrainableError as the fits do.
        """
        from models.credit.calibration.fit import FITS  # noqa: PLC0415 - scipy.optimize, which only fitting needs

        rows = np.bincount(self.cell, weight, minlength=len(self.centre))
        bad = np.bincount(self.cell, weight * y, minlength=len(self.centre))
        score = np.tile(self.centre, 2)
        label = np.repeat([0.0, 1.0], len(self.centre))
        count = np.concatenate([rows - bad, bad])
        return FITS[kind](score[count > 0], label[count > 0], count[count > 0])


def cells_of(raw: Floats, most: int) -> Cells:
    """Return the rows' cells by score: one a distinct score, or at most `most` of equal frequency."""
    score, cell = np.unique(raw, return_inverse=True)
    if len(score) <= most:
        return Cells(cell, score)
    edges = np.unique(np.quantile(raw, np.linspace(0, 1, most + 1)))
    cell = np.unique(np.searchsorted(edges[1:-1], raw, side="right"), return_inverse=True)[1]
    return Cells(cell, np.bincount(cell, raw) / np.bincount(cell))
