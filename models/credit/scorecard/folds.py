"""Cut rows into folds of whole groups: what a fold's rows get must come from the others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

__all__ = ["Folds", "cut_folds"]


@dataclass(frozen=True)
class Folds:
    """The fold (n,) of each row, from 0 to number - 1; rows of one group are in one fold."""

    of_row: NDArray[np.int64]
    number: int


def cut_folds(y: NDArray[np.float64], groups: NDArray[np.int64] | None, number: int, seed: int) -> Folds:
    """Cut rows into folds with like shares of defaults, y (n,) in {0, 1}; groups (n,) stay whole."""
    of_row = np.zeros(len(y), dtype=np.int64)
    rows = np.zeros((len(y), 1))
    if groups is None or len(np.unique(groups)) == len(y):
        pairs = StratifiedKFold(number, shuffle=True, random_state=seed).split(rows, y)
    else:
        pairs = StratifiedGroupKFold(number, shuffle=True, random_state=seed).split(rows, y, groups)
    for fold, (_, held_out) in enumerate(pairs):
        of_row[held_out] = fold
    return Folds(of_row, number)
