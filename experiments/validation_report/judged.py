"""What is judged: rows of three periods with the scores that a model gave them without having seen their outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.credit.grade import MasterScale

__all__ = ["Judged", "Part"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of the panel (n) with label, party and scores; every array has shape (n,)."""

    frame: pl.DataFrame
    log_odds: Floats
    pd: Floats
    own_log_odds: Floats
    own_pd: Floats

    @property
    def y(self) -> Floats:
        """Return the labels."""
        return self.frame["label"].cast(pl.Float64).to_numpy()

    @property
    def groups(self) -> Ints:
        """Return a number for each row's party."""
        return self.frame["party_id"].rank("dense").cast(pl.Int64).to_numpy()

    @property
    def days(self) -> Sequence[date]:
        """Return the observation dates in order."""
        return self.frame["as_of"].unique().sort().to_list()

    @property
    def parties(self) -> int:
        """Return how many parties the rows are of."""
        return self.frame["party_id"].n_unique()

    @property
    def defaulted(self) -> int:
        """Return how many parties default: the evidence, as one default is seen from several month-ends."""
        return self.frame.filter(pl.col("label") == 1)["party_id"].n_unique()

    def rows(self, chosen: NDArray[np.bool_]) -> "Part":
        """Return some rows."""
        return Part(
            self.frame.filter(pl.Series(chosen)),
            self.log_odds[chosen],
            self.pd[chosen],
            self.own_log_odds[chosen],
            self.own_pd[chosen],
        )

    def on(self, day: date) -> "Part":
        """Return the rows of one observation date."""
        return self.rows((self.frame["as_of"] == day).to_numpy())


@dataclass(frozen=True, eq=False)
class Judged:
    """The three periods and how the model came to be.

    `past` is what the procedure learnt from; its scores are out of fold, each party scored by boosters that never saw
    it (out of company). `test` is out of time. `between` lies in the months whose outcomes were not yet known when
    learning; its outcomes are partly those of `past`, so only its scores and features are looked at. Without
    `has_network` the own scores are the scores.
    """

    past: Part
    between: Part | None
    test: Part
    features: tuple[str, ...]
    scale: MasterScale
    has_network: bool = True

    @property
    def later(self) -> tuple[tuple[date, Part], ...]:
        """Return the rows of each date after what was learnt from."""
        parts = [part for part in (self.between, self.test) if part is not None]
        return tuple((day, part.on(day)) for part in parts for day in part.days)
