"""Learn the procedure anew on what was known before the test, and score the three periods with it."""

import numpy as np
import polars as pl
from scipy.special import expit

from experiments.learn_panel import learn_panel
from experiments.out_of_time import out_of_time
from experiments.train_credit import TrainCredit
from experiments.validation_report.judged import Judged, Part
from features.credit.build import FEATURES
from models.credit.learn import Learned
from models.credit.model import CreditModel
from models.credit.neighbours import with_neighbour_scores

__all__ = ["judge"]


def judge(panel: pl.DataFrame, links: pl.DataFrame, training: TrainCredit) -> tuple[Judged, Learned]:
    """Split by the training's own months, learn on the past, score past (out of fold), between and test.

    Raises SplitError when a side lacks one of the two labels.
    """
    past, test = out_of_time(
        panel,
        test_months=training.test_months,
        horizon_months=training.horizon_months,
        label_lag_months=training.label_lag_months,
    )
    learned = learn_panel(
        past,
        links,
        own=training.booster,
        network=training.network,
        label_months=training.horizon_months + training.label_lag_months,
        seed=training.seed,
        num_threads=training.num_threads,
    )
    last, first = past["as_of"].max(), test["as_of"].min()
    between = panel.filter((pl.col("as_of") > last) & (pl.col("as_of") < first))
    held_out = Part(
        past,
        learned.out_of_fold_log_odds,
        expit(learned.out_of_fold_log_odds),
        learned.out_of_fold_own_log_odds,
        expit(learned.out_of_fold_own_log_odds),
    )
    judged = Judged(
        past=held_out,
        between=_scored(learned.model, between, links, training.num_threads) if between.height else None,
        test=_scored(learned.model, test, links, training.num_threads),
        features=tuple(name for name in FEATURES if name in panel.columns),
        scale=learned.model.scale,
        has_network=learned.model.network is not None,
    )
    return judged, learned  # fmt: skip


def _scored(model: CreditModel, rows: pl.DataFrame, links: pl.DataFrame, num_threads: int) -> Part:
    """Score each date by itself: the neighbours of a party are those of its own date."""
    days = rows.partition_by("as_of", maintain_order=True)
    scores = [
        model.score(
            with_neighbour_scores(model, day, links, num_threads=num_threads), num_threads=num_threads
        )
        for day in days
    ]
    log_odds, pd, own_log_odds, own_pd = (
        np.concatenate([getattr(found, name) for found in scores])
        for name in ("log_odds", "pd", "own_log_odds", "own_pd")
    )
    return Part(pl.concat(days), log_odds, pd, own_log_odds, own_pd)  # fmt: skip
