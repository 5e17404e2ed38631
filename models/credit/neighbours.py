"""Complete a frame of features by what the own scores of the neighbours say, with the scores of a model."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.credit.neighbour_scores import SCORE_FEATURES, neighbour_scores
from models.credit.learn import NeighbourScores
from models.credit.model import CreditModel

__all__ = ["own_log_odds", "score_columns", "with_neighbour_scores"]

Floats = NDArray[np.float64]


def score_columns(rows: pl.DataFrame, links: pl.DataFrame) -> NeighbourScores:
    """Return what turns the rows' own log-odds (n,) into the columns (n, m) of `SCORE_FEATURES`, missing as NaN.

    `rows` holds party_id and as_of of each row, `links` is what `features.credit.links` made for those dates.
    """
    keys = rows.select("party_id", "as_of")

    def columns(own: Floats) -> Floats:
        found = neighbour_scores(links, keys.with_columns(log_odds=pl.Series(own)))
        return found.select(SCORE_FEATURES).fill_null(float("nan")).to_numpy()

    return columns


def own_log_odds(model: CreditModel, frame: pl.DataFrame, *, num_threads: int = 1) -> pl.DataFrame:
    """Return [party_id, as_of, log_odds]: the calibrated own log-odds that an answer about each row gives."""
    raw = model.raw_own(frame, num_threads=num_threads) + model.network_base
    return frame.select("party_id", "as_of").with_columns(log_odds=pl.Series(model.calibration.log_odds(raw)))


def with_neighbour_scores(
    model: CreditModel, frame: pl.DataFrame, links: pl.DataFrame, *, num_threads: int = 1
) -> pl.DataFrame:
    """Return the frame [party_id, as_of, own features, …] with `SCORE_FEATURES` by the model's own booster.

    A frame of some parties only sees neighbours that stand in it: give all parties of the date. The frame comes back
    as it is when the model uses no such feature. Raises FeatureMismatchError when an own feature is missing.
    """
    if not set(SCORE_FEATURES) & set(model.network_features):
        return frame
    own = model.raw_own(frame, num_threads=num_threads)
    found = neighbour_scores(links, frame.select("party_id", "as_of").with_columns(log_odds=pl.Series(own)))
    return frame.drop(SCORE_FEATURES, strict=False).hstack(found.select(SCORE_FEATURES).get_columns())
