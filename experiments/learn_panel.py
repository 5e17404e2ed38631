"""Learn own and network risk from the credit panel: one way for training, tuning and validation."""

from typing import Final

import numpy as np
import polars as pl

from experiments.out_of_time import design_of, parties
from features.catalogue import catalogue
from features.credit.build import NETWORK_FEATURES, OWN_FEATURES
from features.credit.neighbour_scores import SCORE_FEATURES
from models.credit.booster import BoosterSettings
from models.credit.grade import group_master_scale
from models.credit.learn import Learned, Network, learn_credit_model
from models.credit.neighbours import score_columns

__all__ = ["NETWORK_BOOSTER", "learn_panel", "signs"]

NETWORK_BOOSTER: Final = BoosterSettings(
    num_leaves=4, min_data_in_leaf=100, lambda_l2=20.0, feature_fraction=0.3
)
"""Small trees: what the network adds is a correction, and few parties default because of others."""

_DAYS_OF_A_MONTH: Final = 31  # at least as long as any month, so that no label is taken for known too early


def signs() -> dict[str, int]:
    """Return the features whose sign the field knows: +1 never lowers, -1 never raises the probability of default."""
    return {card.name: card.monotone for card in catalogue("credit") if card.monotone}


def learn_panel(
    panel: pl.DataFrame,
    links: pl.DataFrame,
    *,
    own: BoosterSettings,
    network: BoosterSettings,
    label_months: int,
    seed: int,
    num_threads: int,
    keep_network: bool | None = None,
) -> Learned:
    """Learn from a panel [party_id, as_of, label, features] and its links; see `learn_credit_model`.

    A label is known `label_months` after its row. The network booster sees the features of the graph whose sign the
    field knows: the others tell how large and how old a party is, which is its own affair.
    """
    known = signs()
    around = tuple(name for name in NETWORK_FEATURES if name in known)
    return learn_credit_model(
        design_of(panel, (*OWN_FEATURES, *around), monotone=known),
        groups=parties(panel),
        settings=own,
        scale=group_master_scale(),
        seed=seed,
        num_threads=num_threads,
        order=panel["as_of"].to_physical().to_numpy().astype(np.int64),
        network=Network(
            features=around,
            score_features=SCORE_FEATURES,
            scores=score_columns(panel, links),
            settings=network,
            keep=keep_network,
            label_delay=label_months * _DAYS_OF_A_MONTH,
        ),
    )
