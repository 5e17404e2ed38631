"""A scorecard that answers as a credit model does, so that it can stand in for one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bundle import read_bundle
from models.credit.grade import MasterScale, group_master_scale
from models.credit.model import Scores
from models.credit.scorecard.card import Scorecard
from models.credit.scorecard.folder import SCORECARD_FAMILY, load_scorecard

__all__ = ["ScorecardModel", "load_scorecard_model"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScorecardModel:
    """A card with the group's master scale; the network's part of its log-odds is not told apart from the party's own.

    It has no interval. A term that is the difference of two columns counts for the first of them.
    """

    card: Scorecard
    version: str
    scale: MasterScale

    @property
    def explainer(self) -> str:
        """Return how contributions are found: they are the card's own points."""
        return "scorecard"

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Return the columns of the matrix, in the card's order."""
        return self.card.features

    def score_matrix(self, x: Floats, *, num_threads: int = 1) -> Scores:
        """Score and explain x (n, k) in the order of `features`; missing is NaN."""
        found = self.card.explain(pl.DataFrame(x, schema=list(self.features), orient="row"))
        contributions = np.zeros(x.shape)
        for term, place in enumerate(self._places):
            contributions[:, place] += found.contributions[:, term]
        unknown = np.full(len(x), np.nan)
        return Scores(
            features=self.features,
            log_odds=found.log_odds,
            pd=found.pd,
            own_log_odds=found.log_odds,
            own_pd=found.pd,
            pd_low=unknown,
            pd_high=unknown,
            grades=self.scale.of(found.pd),
            base_log_odds=found.base_log_odds,
            contributions=contributions,
        )

    @cached_property
    def _places(self) -> tuple[int, ...]:
        return tuple(self.features.index(term.source.column) for term in self.card.terms)


def load_scorecard_model(
    folder: Path, *, scale: Callable[[], MasterScale] = group_master_scale
) -> ScorecardModel:
    """Read a card from its folder. Raises BundleError when it is incomplete, changed or of another family."""
    version = read_bundle(folder, family=SCORECARD_FAMILY).manifest.version
    return ScorecardModel(load_scorecard(folder), version, scale())
