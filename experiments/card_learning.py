"""Learn a credit model from the derived features of a card: settings chosen out of fold, then one model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from features.cards.card import Card
from features.cards.derive import Derived
from features.cards.errors import CardError
from features.cards.read import LABEL, PARTY, CardTables
from features.cards.state import RelationalState
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import Learned, learn_credit_model

__all__ = ["CardLearner", "candidate_settings"]

_SMALL: Final = 30_000  # below it ten inner folds: rounds chosen on four fifths of few rows are too few
_MOST_ROUNDS: Final = 1500
_BAGS: Final = 5
_SMOOTH: Final[Mapping[str, Any]] = {
    "learning_rate": 0.03, "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 0.3, "lambda_l2": 5.0,
}  # fmt: skip
_SHARP: Final[Mapping[str, Any]] = {
    "learning_rate": 0.04, "num_leaves": 15, "min_data_in_leaf": 10, "feature_fraction": 0.7, "lambda_l2": 0.1,
}  # fmt: skip
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def candidate_settings(card: Card) -> tuple[BoosterSettings, ...]:
    """Return the settings to choose among; those of the card, where it has any, leave no choice.

    No single strength of smoothing suits a table of ratios and one of noisy applications alike, so a smooth and a sharp
    booster compete on rows that neither saw.
    """
    try:
        chosen = BoosterSettings.model_validate({"rounds": _MOST_ROUNDS, "bags": _BAGS, **card.model})
        smooth, sharp = (
            BoosterSettings(rounds=_MOST_ROUNDS, bags=_BAGS, **kind) for kind in (_SMOOTH, _SHARP)
        )
    except ValidationError as error:
        problems = [f"model.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise CardError("[model]", problems, problems) from error
    return (chosen,) if card.model else (smooth, sharp)


@dataclass(frozen=True)
class CardLearner:
    """Learns models from rows of a card's tables with one of several settings."""

    tables: CardTables
    settings: Sequence[BoosterSettings]
    seed: int
    num_threads: int

    def learn(
        self, state: RelationalState, derived: Derived, rows: Flags, *, features: Sequence[str]
    ) -> Learned:
        """Learn from the rows (Boolean per main row) and the features named."""
        chosen = pl.Series(rows)
        frame = derived.frame.filter(chosen).select(pl.col(f).cast(pl.Float64) for f in features)
        main = self.tables.main.filter(chosen)
        design = Design(
            x=np.ascontiguousarray(frame.fill_null(float("nan")).to_numpy()),
            y=main[LABEL].to_numpy(),
            features=tuple(features),
            categorical=tuple(c for c in state.categorical if c in features),
        )
        party = main[PARTY].rank("dense").cast(pl.Int64).to_numpy()
        best = self._best(design, party)
        return self._learn(design, party, best, folds=10 if len(design.y) < _SMALL else 5)

    def _best(self, design: Design, party: NDArray[np.int64]) -> BoosterSettings:
        if len(self.settings) == 1:
            return self.settings[0]
        trials = [
            self._learn(design, party, one.model_copy(update={"bags": 1}), folds=5) for one in self.settings
        ]
        losses = [_log_loss(design.y, trial.out_of_fold_log_odds) for trial in trials]
        return self.settings[int(np.argmin(losses))]

    def _learn(
        self, design: Design, party: NDArray[np.int64], settings: BoosterSettings, *, folds: int
    ) -> Learned:
        return learn_credit_model(
            design,
            groups=party,
            settings=settings,
            scale=group_master_scale(),
            seed=self.seed,
            num_threads=self.num_threads,
            folds=folds,
        )


def _log_loss(y: Floats, log_odds: Floats) -> float:
    return float(np.mean(np.logaddexp(0.0, log_odds) - y * log_odds))
