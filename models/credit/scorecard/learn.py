"""Learn a scorecard: bins, terms, non-negative coefficients and calibration, all judged on rows that they did not see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.credit.calibration.fit import fit_affine
from models.credit.scorecard.build import term_of
from models.credit.scorecard.card import Scorecard
from models.credit.scorecard.checks import check_trainable, nothing_learnt
from models.credit.scorecard.columns import columns_of
from models.credit.scorecard.contrasts import contrast_terms
from models.credit.scorecard.encoding import Encoded, encode, matrix
from models.credit.scorecard.folds import Folds, cut_folds
from models.credit.scorecard.regression import Regression, choose_ridge, fit_nonnegative, log_loss
from models.credit.scorecard.selection import select
from models.credit.scorecard.settings import ScorecardSettings

__all__ = ["LearnedScorecard", "fit_scorecard", "learn_best_scorecard", "learn_scorecard"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LearnedScorecard:
    """A card with the log-odds (n,) its training rows got from bins and coefficients that never saw them."""

    scorecard: Scorecard
    out_of_fold_log_odds: Floats
    ridge: float


def learn_scorecard(
    frame: pl.DataFrame,
    y: Floats,
    *,
    features: Sequence[str],
    signs: Mapping[str, int],
    categorical: Sequence[str],
    groups: Ints | None,
    settings: ScorecardSettings,
    seed: int,
) -> Scorecard:
    """Learn a WoE logistic scorecard of the frame's features from y (n,) in {0, 1}.

    `signs` maps a feature to +1 (more of it never lowers the PD) or -1; `categorical` names features that are codes;
    groups (n,) holds the party of each row, so that no party is in two folds. Errors as of `fit_scorecard`.
    """
    return fit_scorecard(
        frame, y, features=features, signs=signs, categorical=categorical, groups=groups, settings=settings, seed=seed
    ).scorecard  # fmt: skip


def fit_scorecard(
    frame: pl.DataFrame,
    y: Floats,
    *,
    features: Sequence[str],
    signs: Mapping[str, int],
    categorical: Sequence[str],
    groups: Ints | None,
    settings: ScorecardSettings,
    seed: int,
) -> LearnedScorecard:
    """Learn a scorecard as `learn_scorecard` does, and return what its training rows got out of fold too.

    The coefficients are learnt on the WoE that each row gets from bins made without its fold, as its own bins flatter a
    column the more the less it says; they are never negative. Slope and level are then set by Platt's method on held-out
    log-odds and written into coefficients and intercept, so that the card stays a sum.

    Raises NotTrainableError when rows, groups or classes are too few, or no feature tells one class from the other,
    FeatureMismatchError when a feature is missing or of a type that it cannot be read as.
    """
    check_trainable(frame, y, features, categorical=categorical, groups=groups, settings=settings)
    folds = cut_folds(y, groups, settings.folds, seed)
    columns = columns_of(frame, features, signs=signs, categorical=categorical, settings=settings)
    terms = [term for column in columns for term in encode(column, y, folds, settings)]
    if settings.contrasts:
        terms += contrast_terms(frame, terms, y, folds, settings)
    chosen = select(terms, y, settings)
    if not chosen:
        raise nothing_learnt()
    learnt = _regress(chosen, y, folds, settings)
    if np.count_nonzero(learnt.fitted.coefficients) > settings.max_terms:
        chosen = _strongest(chosen, learnt.fitted, settings.max_terms)
        learnt = _regress(chosen, y, folds, settings)
    if not learnt.fitted.coefficients.any():
        raise nothing_learnt()
    calibration = fit_affine(learnt.held_out, y)
    card = Scorecard(
        terms=tuple(
            term_of(term, float(calibration.slope * weight))
            for term, weight in zip(chosen, learnt.fitted.coefficients, strict=True)
            if weight > 0
        ),
        intercept=float(calibration.slope * learnt.fitted.intercept + calibration.intercept),
        rows=len(y),
        events=round(float(y.sum())),
    )
    return LearnedScorecard(card, calibration.log_odds(learnt.held_out), learnt.ridge)


def learn_best_scorecard(
    frame: pl.DataFrame,
    y: Floats,
    candidates: Sequence[ScorecardSettings],
    *,
    features: Sequence[str],
    signs: Mapping[str, int],
    categorical: Sequence[str],
    groups: Ints | None,
    seed: int,
) -> tuple[LearnedScorecard, ScorecardSettings]:
    """Learn a card by each of the settings and return the one with the least log-loss out of fold, with its settings."""
    found = [
        fit_scorecard(
            frame, y, features=features, signs=signs, categorical=categorical, groups=groups, settings=settings, seed=seed
        )
        for settings in candidates
    ]  # fmt: skip
    best = int(np.argmin([log_loss(y, learned.out_of_fold_log_odds) for learned in found]))
    return found[best], candidates[best]


@dataclass(frozen=True)
class _Learnt:
    fitted: Regression
    ridge: float
    held_out: Floats


def _regress(chosen: Sequence[Encoded], y: Floats, folds: Folds, settings: ScorecardSettings) -> _Learnt:
    x = matrix(chosen)
    ridge, held_out = choose_ridge(x, y, folds, settings.ridge)
    return _Learnt(fit_nonnegative(x, y, ridge), ridge, held_out)


def _strongest(chosen: Sequence[Encoded], fitted: Regression, most: int) -> list[Encoded]:
    """Return the terms that move the log-odds most over the training rows, in their order."""
    spread = np.array([float(term.in_sample.std()) for term in chosen])
    kept = set(np.argsort(-fitted.coefficients * spread, kind="stable")[:most].tolist())
    return [term for place, term in enumerate(chosen) if place in kept]
