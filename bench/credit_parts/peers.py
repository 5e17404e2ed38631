"""Models that others would use, and our scorecard, learnt from and judged on the same rows and columns."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.credit.scorecard.learn import learn_best_scorecard
from models.credit.scorecard.settings import CANDIDATES

__all__ = ["PEERS", "Side", "zhiheng_scorecard"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """Rows of one side of a cut: features, labels, the party of each row, and which features are codes."""

    x: pl.DataFrame
    y: Floats
    party: NDArray[np.int64]
    codes: tuple[str, ...]


def lightgbm_default(train: Side, valid: Side) -> Floats:
    """LightGBM as it comes: its own defaults, 100 rounds, categories declared."""
    places = [train.x.columns.index(c) for c in train.codes]
    data = lgb.Dataset(_matrix(train.x), train.y, categorical_feature=places)
    parameters = {
        "objective": "binary", "num_threads": 1, "verbosity": -1, "seed": 0, "deterministic": True,
    }  # fmt: skip
    booster = lgb.train(parameters, data, num_boost_round=100)
    return np.asarray(booster.predict(_matrix(valid.x)), dtype=np.float64)


def optbinning_scorecard(train: Side, valid: Side) -> Floats:
    """OptBinning's binning process with a logistic regression on WoE, its defaults.

    OptBinning crashes on columns without a finite value and on infinite ones; ours hold no infinity, and columns that
    are empty or constant in training are left out here.
    """
    from optbinning import BinningProcess
    from sklearn.linear_model import LogisticRegression

    kept = _varying(train.x)
    binning = BinningProcess(kept, categorical_variables=[c for c in train.codes if c in kept] or None)
    regression = LogisticRegression(max_iter=1000)
    with warnings.catch_warnings():
        # Deprecations between OptBinning and scikit-learn are not our subject.
        warnings.simplefilter("ignore")
        x = binning.fit_transform(
            _matrix(train.x.select(kept)), train.y, metric="woe", metric_missing="empirical"
        )
        regression.fit(np.asarray(x), train.y)
        z = binning.transform(_matrix(valid.x.select(kept)), metric="woe", metric_missing="empirical")
        return np.asarray(regression.predict_proba(np.asarray(z))[:, 1], dtype=np.float64)


def logistic_regression(train: Side, valid: Side) -> Floats:
    """Logistic regression of scikit-learn on standardised numbers (median for missing, and its mark) and one-hot codes."""
    from sklearn.compose import make_column_transformer
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    kept = _varying(train.x)
    numbers = [i for i, c in enumerate(kept) if c not in train.codes]
    codes = [i for i, c in enumerate(kept) if c in train.codes]
    model = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore"), codes),
        ),
        LogisticRegression(max_iter=2000),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(_matrix(train.x.select(kept)), train.y)
    found = model.predict_proba(_matrix(valid.x.select(kept)))[:, 1]
    return np.asarray(found, dtype=np.float64)


def zhiheng_scorecard(train: Side, valid: Side, *, seed: int) -> Floats:
    """Return the PDs of our WoE scorecard, learnt by whichever of its settings loses least out of fold."""
    learned, _ = learn_best_scorecard(
        train.x, train.y, CANDIDATES, features=train.x.columns, signs={}, categorical=train.codes,
        groups=train.party, seed=seed,
    )  # fmt: skip
    return learned.scorecard.pd(valid.x)


PEERS: Final[dict[str, Callable[[Side, Side], Floats]]] = {
    "LightGBM default": lightgbm_default,
    "OptBinning scorecard": optbinning_scorecard,
    "logistic regression": logistic_regression,
}


def _varying(x: pl.DataFrame) -> list[str]:
    return [c for c in x.columns if x[c].drop_nulls().drop_nans().n_unique() > 1]


def _matrix(frame: pl.DataFrame) -> Floats:
    return np.ascontiguousarray(frame.cast(pl.Float64).fill_null(float("nan")).to_numpy())
