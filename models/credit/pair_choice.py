"""Choose the ratios and differences of a card's columns that help a booster on parties it has not seen."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.cards.pairs import pair_features
from features.cards.state import Family, Pair, PairKind

__all__ = ["choose_pairs"]

_STRONGEST: Final = 20  # columns that are paired; more doubled the time and gained nothing
_MOST: Final = 60
_LEAST_ROWS: Final = 400  # and of the rarer class 40: with fewer, chance picks the pairs
_LEAST_OF_A_CLASS: Final = 40
_LEAST_VALUES: Final = 10  # a column of fewer is a flag or a code
_SAMPLE: Final = 20_000  # rows that decide which pairs to keep
_STANDARD_ERRORS: Final = 1.645  # one-sided 95 %
# One seed for all models, so that two models of the same rows have the same features.
_LEARNING: Final[Mapping[str, object]] = {
    "objective": "binary", "learning_rate": 0.08, "num_leaves": 7, "min_data_in_leaf": 20, "lambda_l2": 5.0,
    "bagging_fraction": 0.8, "bagging_freq": 1, "seed": 0, "num_threads": 1, "deterministic": True,
    "force_row_wise": True, "verbosity": -1, "feature_pre_filter": False,
}  # fmt: skip

Floats = NDArray[np.float64]


def choose_pairs(
    frame: pl.DataFrame,
    y: Floats,
    families: Mapping[str, Family],
    *,
    party: NDArray[np.int64],
    alone: Sequence[str] = (),
) -> tuple[Pair, ...]:
    """Return the pairs that a booster uses most, of the columns that a first booster uses most; none where they do not help.

    `frame` holds the features of the training rows, `y` (n,) their labels in {0, 1}, `party` (n,) whose they are; columns
    in `alone` and those of few values are not paired. The idea is that of Zieba, Tomczak and Tomczak (2016), Ensemble
    boosted trees with synthetic features generation in application to bankruptcy prediction, with all pairs in place of
    random ones. Pairs chosen on one half of the parties must lower the log-loss of the other half, both ways taken
    together, by more than chance would. Tables of few rows get no pairs.
    """
    step = max(1, -(-frame.height // _SAMPLE))
    frame, y, party = frame.gather_every(step), y[::step], party[::step]
    if frame.height < _LEAST_ROWS or min(y.sum(), len(y) - y.sum()) < _LEAST_OF_A_CLASS:
        return ()
    names = [
        c for c in frame.columns if c in families and c not in alone and frame[c].n_unique() >= _LEAST_VALUES
    ]
    if len(names) < 2 or not _help(frame, names, y, party):  # noqa: PLR2004 - a pair
        return ()
    return _choose(frame, names, y)


def _help(frame: pl.DataFrame, names: Sequence[str], y: Floats, party: NDArray[np.int64]) -> bool:
    """Say whether pairs chosen and learnt on half of the parties lower the log-loss of the others beyond chance."""
    known = np.unique(party, return_inverse=True)[1]
    first = np.random.default_rng(0).permutation(int(known.max()) + 1)[known] % 2 == 0
    falls = np.zeros(len(y))
    for learnt in (first, ~first):
        if min(y[learnt].sum(), (1 - y[learnt]).sum()) == 0:
            return False
        pairs = _choose(frame.filter(pl.Series(learnt)), names, y[learnt])
        own = _matrix(frame)
        both = np.hstack([own, _matrix(pair_features(frame, pairs))]) if pairs else own
        plain, paired = (_losses_of_others(x, y, learnt) for x in (own, both))
        falls[~learnt] = plain - paired
    # Rows of one party are not independent: the standard error is that of sums over parties.
    of_party = np.bincount(known, falls - falls.mean())
    return bool(falls.sum() > _STANDARD_ERRORS * np.sqrt(of_party @ of_party))


def _losses_of_others(x: Floats, y: Floats, learnt: NDArray[np.bool_]) -> Floats:
    booster = lgb.train({**_LEARNING, "feature_fraction": 0.3}, lgb.Dataset(x[learnt], y[learnt]), 120)
    raw = np.asarray(booster.predict(x[~learnt], raw_score=True), dtype=np.float64)
    return np.logaddexp(0.0, raw) - y[~learnt] * raw


def _choose(frame: pl.DataFrame, names: Sequence[str], y: Floats) -> tuple[Pair, ...]:
    own = _matrix(frame.select(names))
    strength = _gains(own, y, rounds=120, fraction=0.3)
    strongest = [names[i] for i in np.argsort(-strength, kind="stable")[:_STRONGEST] if strength[i] > 0]
    pairs = [Pair(kind=k, first=a, second=b) for a, b in combinations(strongest, 2) for k in PairKind]
    pairs = [pair for pair in pairs if pair.name not in frame.columns]
    if not pairs:
        return ()
    paired = _matrix(pair_features(frame, pairs))
    gains = _gains(np.hstack([own, paired]), y, rounds=160, fraction=0.15)[own.shape[1] :]
    order = np.argsort(-gains, kind="stable")[:_MOST]
    return tuple(pairs[i] for i in order if gains[i] > 0)


def _matrix(frame: pl.DataFrame) -> Floats:
    return np.ascontiguousarray(frame.cast(pl.Float64).fill_null(float("nan")).to_numpy())


def _gains(x: Floats, y: Floats, *, rounds: int, fraction: float) -> Floats:
    booster = lgb.train({**_LEARNING, "feature_fraction": fraction}, lgb.Dataset(x, y), rounds)
    return np.asarray(booster.feature_importance("gain"), dtype=np.float64)
