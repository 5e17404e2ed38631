"""Learn log-odds of default with LightGBM: a small bag of boosters whose raw scores are averaged."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.errors import BundleError, NotTrainableError

__all__ = ["BoosterSettings", "Boosters", "Design", "booster_parameters", "cross_fit", "train_boosters"]

_CLASSES: Final = 2
_THREADS: Final = re.compile(r"\[num_threads: -?\d+\]")


class BoosterSettings(BaseModel):
    """Settings of the booster; the defaults lean to strong regularisation, as defaults are few."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rounds: int = Field(default=400, ge=1, description="most boosting rounds of each member")
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    num_leaves: int = Field(default=15, ge=2)
    min_data_in_leaf: int = Field(default=20, ge=1)
    feature_fraction: float = Field(default=0.5, gt=0, le=1)
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    lambda_l2: float = Field(default=5.0, ge=0)
    patience: int = Field(
        default=40, ge=1, description="rounds without a lower held-out loss before stopping"
    )
    bags: int = Field(default=3, ge=1, description="members of the bag, each with its own seed")
    extra: dict[str, float | int | str | bool] = Field(default={}, description="further LightGBM parameters")

    def parameters(self, *, seed: int, num_threads: int) -> dict[str, float | int | str | bool]:
        """Return LightGBM's parameters; deterministic, and never more threads than the CPU quota allows."""
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_data_in_leaf,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "lambda_l2": self.lambda_l2,
            "seed": seed,
            "num_threads": num_threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            "feature_pre_filter": False,
            **self.extra,
        }


@dataclass(frozen=True)
class Boosters:
    """A bag of boosters; raw score and contributions are the means over its members."""

    members: tuple[lgb.Booster, ...]

    @property
    def explainer(self) -> str:
        """Return how contributions are found."""
        return "pred_contrib"

    def raw(self, x: NDArray[np.float64], *, num_threads: int = 1) -> NDArray[np.float64]:
        """Return raw log-odds, shape (n,)."""
        if len(x) == 0:  # LightGBM fails on no rows
            return np.zeros(0)
        scores = [m.predict(x, raw_score=True, num_threads=num_threads) for m in self.members]
        return np.asarray(np.mean(scores, axis=0), dtype=np.float64)

    def contributions(self, x: NDArray[np.float64], *, num_threads: int = 1) -> NDArray[np.float64]:
        """Return exact Shapley contributions, shape (n, k + 1); the last column is the base.

        Source: Lundberg, Erion, Lee (2018), Consistent individualized feature attribution for tree ensembles,
        as implemented by LightGBM (`pred_contrib`); a mean of additive scores is additive.
        """
        if len(x) == 0:
            return np.zeros((0, x.shape[1] + 1))
        parts = [m.predict(x, pred_contrib=True, num_threads=num_threads) for m in self.members]
        return np.asarray(np.mean(parts, axis=0), dtype=np.float64)

    def files(self, stem: str) -> dict[str, bytes]:
        """Return the members in LightGBM's own text format, by file name.

        The number of threads is written as 1: it changes no tree, and the same model must have the same bytes.
        """
        texts = [_THREADS.sub("[num_threads: 1]", member.model_to_string()) for member in self.members]
        return {f"{stem}_{i}.txt": text.encode() for i, text in enumerate(texts)}

    def base(self) -> float:
        """Return the mean raw score over the training rows: the part of every score that no feature explains."""
        width = self.members[0].num_feature()
        # Asked of LightGBM whoever explains: the base is part of the score, which must not depend on that in the last bit.
        return float(Boosters.contributions(self, np.full((1, width), np.nan))[0, -1])

    @staticmethod
    def from_texts(texts: Sequence[str], *, source: str) -> "Boosters":
        """Read members back from LightGBM's text format."""
        if not texts:
            raise BundleError(source, problem_zh="中没有提升树文件", problem_en="it holds no booster")
        return Boosters(tuple(lgb.Booster(model_str=text) for text in texts))


@dataclass(frozen=True)
class Design:
    """What the boosters learn from: x (n, k) with missing as NaN, y (n,) in {0, 1}, and what is known of the columns.

    `monotone` maps a feature to +1 (more of it never lowers the PD) or -1; `categorical` names features whose
    values are codes without order. `offset` (n,) are raw log-odds that learning starts from; what is learnt then adds
    to them.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    features: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    monotone: Mapping[str, int] = field(default_factory=dict)
    offset: NDArray[np.float64] | None = None

    def rows(self, chosen: NDArray[np.int64]) -> "Design":
        """Return the design of some rows."""
        offset = None if self.offset is None else self.offset[chosen]
        return replace(self, x=self.x[chosen], y=self.y[chosen], offset=offset)

    def columns(self, chosen: Sequence[str]) -> "Design":
        """Return the design of some features, in the order given."""
        places = [self.features.index(name) for name in chosen]
        kept = tuple(name for name in self.categorical if name in set(chosen))
        return replace(
            self, x=np.ascontiguousarray(self.x[:, places]), features=tuple(chosen), categorical=kept
        )

    def check(self) -> None:
        """Raise NotTrainableError when there are no rows, no columns, or labels of one class only."""
        rows, columns = self.x.shape
        if rows == 0 or columns == 0:
            raise NotTrainableError(
                zh=f"训练表为空（{rows} 行，{columns} 列）。请检查数据与日期范围。",
                en=f"The training table is empty ({rows} rows, {columns} columns). Check data and dates.",
            )
        if not np.isin(self.y, (0.0, 1.0)).all() or len(np.unique(self.y)) < _CLASSES:
            raise NotTrainableError(
                zh="标签须同时含有 0（未违约）和 1（违约）。请检查标签列与观察期。",
                en="Labels must hold both 0 (good) and 1 (default). Check the label column and the window.",
            )


def train_boosters(design: Design, *, settings: BoosterSettings, seed: int, num_threads: int) -> Boosters:
    """Train a bag of boosters. Raises NotTrainableError when the design cannot teach anything."""
    design.check()
    members = []
    for bag in range(settings.bags):
        parameters = booster_parameters(design, settings, seed=seed * 1000 + bag, num_threads=num_threads)
        members.append(lgb.train(parameters, _dataset(design), num_boost_round=settings.rounds))
    return Boosters(tuple(members))


def cross_fit(
    design: Design,
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    *,
    settings: BoosterSettings,
    seed: int,
    num_threads: int,
) -> tuple[NDArray[np.float64], int]:
    """Train one booster a fold; return out-of-fold raw log-odds (n,) and the best number of rounds.

    `folds` are pairs of row numbers to train on and to hold out. All folds grow together and stop when the mean
    held-out log-loss has not fallen for `patience` rounds, or at `rounds`.
    """
    design.check()
    parameters = booster_parameters(design, settings, seed=seed, num_threads=num_threads)
    found = lgb.cv(
        {**parameters, "metric": "binary_logloss"},
        _dataset(design),
        num_boost_round=settings.rounds,
        folds=list(folds),
        callbacks=[lgb.early_stopping(settings.patience, verbose=False)],
        return_cvbooster=True,
    )
    grown = found["cvbooster"]
    raw = np.full(len(design.y), np.nan)
    for booster, (_, held_out) in zip(grown.boosters, folds, strict=True):
        raw[held_out] = booster.predict(
            design.x[held_out], raw_score=True, num_iteration=grown.best_iteration, num_threads=num_threads
        )
    return raw, grown.best_iteration


def _dataset(design: Design) -> lgb.Dataset:
    names, categorical = list(design.features), list(design.categorical)
    return lgb.Dataset(
        design.x, design.y, feature_name=names, categorical_feature=categorical, init_score=design.offset
    )


def booster_parameters(
    design: Design, settings: BoosterSettings, *, seed: int, num_threads: int
) -> dict[str, object]:
    """Return LightGBM's parameters for a design: the settings, and the signs that the field knows."""
    parameters: dict[str, object] = {**settings.parameters(seed=seed, num_threads=num_threads)}
    signs = [design.monotone.get(name, 0) for name in design.features]
    if any(signs):
        # "advanced" breaks the signs where values are missing (LightGBM issues 5358 and 6155; tests/models/credit/test_monotone.py).
        parameters |= {"monotone_constraints": signs, "monotone_constraints_method": "intermediate"}
    return parameters
