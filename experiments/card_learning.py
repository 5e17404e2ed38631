"""Learn a credit model from a card's features: own risk, then what relations add, with settings chosen out of fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from experiments.card_by_time import ByTime
from experiments.time_order import better
from features.cards.card import Card, Protocol
from features.cards.derive import Derived
from features.cards.errors import CardError
from features.cards.read import LABEL, PARTY, CardTables
from features.cards.state import Family, RelationalState
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import Learned, Network, learn_credit_model
from models.credit.model import CreditModel

__all__ = ["OWN_SCORE", "CardLearner", "candidate_settings", "with_own_scores"]

OWN_SCORE: Final = "own.log_odds"
"""The row's own raw log-odds, which the network booster may read: the same tie weighs more on a weak party."""

_NETWORK: Final = frozenset({Family.EDGES, Family.GROUPS, Family.LABELS})

_SMALL: Final = 30_000  # below it ten inner folds: rounds chosen on four fifths of few rows are too few
_MOST_ROUNDS: Final = 1500
_BAGS: Final = 5
_SMOOTH: Final[Mapping[str, Any]] = {
    "learning_rate": 0.03, "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 0.3, "lambda_l2": 5.0,
}  # fmt: skip
# Few leaves: as good as many on the data at hand, in half the time.
_SHALLOW: Final[Mapping[str, Any]] = {
    "learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 20, "feature_fraction": 0.3, "lambda_l2": 5.0,
}  # fmt: skip
_SHARP: Final[Mapping[str, Any]] = {
    "learning_rate": 0.04, "num_leaves": 15, "min_data_in_leaf": 10, "feature_fraction": 0.7, "lambda_l2": 0.1,
}  # fmt: skip
# Random thresholds: less exact on each row, and better on few parties that stand in many rows each.
_RANDOM: Final[Mapping[str, Any]] = {**_SMOOTH, "extra": {"extra_trees": True}}
_DRAWN: Final[Mapping[str, Any]] = {
    "learning_rate": 0.06, "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 0.5, "lambda_l2": 1.0,
    "extra": {"extra_trees": True},
}  # fmt: skip
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def candidate_settings(card: Card) -> tuple[BoosterSettings, ...]:
    """Return the settings to choose among; those of the card, where it has any, leave no choice.

    No single strength of smoothing suits a table of ratios and one of noisy applications alike, so several compete on
    rows that none of them saw. Without time the first is taken unless another is surely better: it draws its thresholds
    at random, which holds up best on rows unlike those learnt from.
    """
    by_time = card.validation is not None and card.validation.protocol is Protocol.TIME
    # The simplest first: it is taken unless another is surely better on later rows.
    kinds = (_RANDOM, _SMOOTH, _SHARP) if by_time else (_DRAWN, _SHALLOW, _SHARP)
    try:
        chosen = BoosterSettings.model_validate({"rounds": _MOST_ROUNDS, "bags": _BAGS, **card.model})
        several = tuple(BoosterSettings(rounds=_MOST_ROUNDS, bags=_BAGS, **kind) for kind in kinds)
    except ValidationError as error:
        problems = [f"model.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise CardError("[model]", problems, problems) from error
    return (chosen,) if card.model else several


@dataclass(frozen=True)
class CardLearner:
    """Learns models from rows of a card's tables with one of several settings.

    With `by_time` the settings are judged on later rows than those learnt from, and the level of the PDs is that of the
    latest rows where levels last.
    """

    tables: CardTables
    settings: Sequence[BoosterSettings]
    seed: int
    num_threads: int
    by_time: bool = False

    def learn(
        self, state: RelationalState, derived: Derived, rows: Flags, *, features: Sequence[str]
    ) -> Learned:
        """Learn from the rows (Boolean per main row) and the features named."""
        main = self.tables.main.filter(pl.Series(rows))
        design = self._design(state, derived, rows, features)
        party = main[PARTY].rank("dense").cast(pl.Int64).to_numpy()
        network = _network(state, features)
        folds = 10 if len(design.y) < _SMALL else 5
        if not self.by_time:
            best, network = self._best(design, party, network)
            return self._learn(design, party, network, best, folds=folds)
        later = ByTime.of(main, seed=self.seed, num_threads=self.num_threads)
        shared = self._design(state, derived, rows, state.as_shares(features))
        design, best = later.choose(design, shared, self.settings)
        return later.levelled(self._learn(design, party, network, best, folds=folds), design.y)

    def _design(
        self, state: RelationalState, derived: Derived, rows: Flags, features: Sequence[str]
    ) -> Design:
        frame = derived.frame.filter(pl.Series(rows)).select(pl.col(f).cast(pl.Float64) for f in features)
        return Design(
            x=np.ascontiguousarray(frame.fill_null(float("nan")).to_numpy()),
            y=self.tables.main.filter(pl.Series(rows))[LABEL].to_numpy(),
            features=tuple(features),
            categorical=tuple(c for c in state.categorical if c in features),
        )

    def _best(
        self, design: Design, party: NDArray[np.int64], network: Network
    ) -> tuple[BoosterSettings, Network]:
        """Return the settings chosen out of fold, and what the network booster may see.

        It may read own features too, to find what a relation means for which kind of party, but only where relations
        and the own score alone already help: else it would correct own risk and call that the network.
        """
        if len(self.settings) == 1 and not network.features:
            return self.settings[0], network
        trials = [
            self._learn(design, party, network, one.model_copy(update={"bags": 1}), folds=5)
            for one in self.settings
        ]
        best = better([_log_losses(design.y, trial.out_of_fold_log_odds) for trial in trials])
        gain = trials[best].gain
        if gain is not None and gain.helps:
            own = tuple(f for f in design.features if f not in set(network.features))
            network = replace(network, also=own)
        return self.settings[best], network

    def _learn(
        self,
        design: Design,
        party: NDArray[np.int64],
        network: Network,
        settings: BoosterSettings,
        *,
        folds: int,
    ) -> Learned:
        return learn_credit_model(
            design,
            groups=party,
            settings=settings,
            scale=group_master_scale(),
            seed=self.seed,
            num_threads=self.num_threads,
            folds=folds,
            network=network,
        )


def with_own_scores(model: CreditModel, frame: pl.DataFrame, *, num_threads: int = 1) -> pl.DataFrame:
    """Return the frame with the rows' own scores where the model's network booster reads them.

    Raises FeatureMismatchError when an own feature is missing.
    """
    if OWN_SCORE not in model.network_features:
        return frame
    return frame.with_columns(pl.Series(OWN_SCORE, model.raw_own(frame, num_threads=num_threads)))


def _network(state: RelationalState, features: Sequence[str]) -> Network:
    """Return what the network booster may see; nothing where all features, or none, are of relations."""
    around = tuple(f for f in features if state.families[f] in _NETWORK)
    if not around or len(around) == len(features):
        return Network()
    return Network(features=around, score_features=(OWN_SCORE,), scores=lambda own: own[:, None])


def _log_losses(y: Floats, log_odds: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, log_odds) - y * log_odds, dtype=np.float64)
