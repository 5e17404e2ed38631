"""The columns of a training frame as cells: single columns, and differences of two where asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.credit.scorecard.card import Source
from models.credit.scorecard.cells import Cells, cut_codes, cut_numbers
from models.credit.scorecard.settings import ScorecardSettings

__all__ = ["Column", "Counts", "columns_of", "difference"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Rows and defaults of each cell (cells + 1,), missing last, of all rows or of some folds."""

    events: Floats
    counts: Floats


@dataclass(frozen=True)
class Column:
    """A source of terms with the cells of its rows and the sign its field declares (0 where none)."""

    source: Source
    cells: Cells
    sign: int = 0

    def by_fold(self, y: Floats, fold: NDArray[np.int64], folds: int) -> Counts:
        """Count rows and defaults by cell and fold, both (cells + 1, folds)."""
        size = self.cells.size + 1
        place = self.cells.index * folds + fold
        counts = np.bincount(place, minlength=size * folds).reshape(size, folds).astype(np.float64)
        events = np.bincount(place, weights=y, minlength=size * folds).reshape(size, folds).astype(np.float64)
        return Counts(events, counts)


def columns_of(
    frame: pl.DataFrame,
    features: Sequence[str],
    *,
    signs: Mapping[str, int],
    categorical: Sequence[str],
    settings: ScorecardSettings,
) -> list[Column]:
    """Cut every feature into cells; one with a single value or none at all is left out, as it can tell nothing."""
    codes = set(categorical)
    found = []
    for name in features:
        source = Source(column=name, categorical=name in codes)
        values = source.values(frame)
        if isinstance(values, pl.Series):
            cells = cut_codes(values, max(1, int(settings.min_bin_share * frame.height)))
        else:
            cells = cut_numbers(values, settings.cells)
        if len(np.unique(cells.index)) > 1:
            found.append(Column(source, cells, 0 if source.categorical else signs.get(name, 0)))
    return found


def difference(frame: pl.DataFrame, column: str, minus: str, settings: ScorecardSettings) -> Column:
    """Cut the difference of two columns into cells."""
    source = Source(column=column, minus=minus)
    values = source.values(frame)
    assert not isinstance(values, pl.Series)  # noqa: S101
    return Column(source, cut_numbers(values, settings.cells))
