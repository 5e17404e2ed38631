"""How the held-out loss falls and rises again while a booster grows."""

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.credit.booster import BoosterSettings, Design, booster_parameters

__all__ = ["held_out_curve"]


def held_out_curve(
    design: Design,
    fit: NDArray[np.int64],
    judged: NDArray[np.int64],
    *,
    settings: BoosterSettings,
    seed: int,
    num_threads: int,
) -> NDArray[np.float64]:
    """Return the log-loss of the judged rows after each round of a booster trained on the rows `fit`.

    The curve ends when the loss has not fallen for `patience` rounds, or at `rounds`.
    """
    learnt, held_out = design.rows(fit), design.rows(judged)
    names, categorical = list(design.features), list(design.categorical)
    data = lgb.Dataset(learnt.x, learnt.y, feature_name=names, categorical_feature=categorical)
    seen: dict[str, dict[str, list[float]]] = {}
    parameters = booster_parameters(design, settings, seed=seed, num_threads=num_threads)
    lgb.train(
        {**parameters, "metric": "binary_logloss"},
        data,
        num_boost_round=settings.rounds,
        valid_sets=[data.create_valid(held_out.x, held_out.y)],
        valid_names=["judged"],
        callbacks=[lgb.early_stopping(settings.patience, verbose=False), lgb.record_evaluation(seen)],
    )
    return np.array(seen["judged"]["binary_logloss"])
