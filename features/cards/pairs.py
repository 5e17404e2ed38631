"""Ratios and differences of two numeric features: a tree would need many splits to see how one stands to another."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.cards.state import Family, Pair, PairKind

__all__ = ["PairChooser", "pair_families", "pair_features"]

_ORDER: Final = tuple(Family)

Floats = NDArray[np.float64]


class PairChooser(Protocol):
    """Chooses pairs of training rows' features; what learns stands with the models, above this folder."""

    def __call__(
        self,
        frame: pl.DataFrame,
        y: Floats,
        families: Mapping[str, Family],
        *,
        party: NDArray[np.int64],
        alone: Sequence[str] = (),
    ) -> tuple[Pair, ...]:
        """Return the pairs that help to tell y (n,), none where pairs do not; columns in `alone` are not paired."""


def pair_features(frame: pl.DataFrame, pairs: Sequence[Pair]) -> pl.DataFrame:
    """Return a Float64 column for each pair; missing where a side is missing or the divisor is 0."""
    values = {
        name: frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in dict.fromkeys(n for pair in pairs for n in (pair.first, pair.second))
    }
    out: list[pl.Series] = []
    for pair in pairs:
        a, b = values[pair.first], values[pair.second]
        with np.errstate(all="ignore"):
            figure = a - b if pair.kind is PairKind.DIFFERENCE else a / b
        out.append(pl.Series(pair.name, np.where(np.isfinite(figure), figure, np.nan), nan_to_null=True))
    return pl.DataFrame(out)


def pair_families(pairs: Sequence[Pair], families: Mapping[str, Family]) -> dict[str, Family]:
    """Return the family of each pair by name: that of its side further from the party, as one must know both."""
    return {p.name: max(families[p.first], families[p.second], key=_ORDER.index) for p in pairs}
