"""Learn log-odds of default with LightGBM: a small bag of boosters whose raw scores are averaged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.errors import BundleError, NotTrainableError

__all__ = ["BoosterSettings", "Boosters", "train_boosters"]

_CLASSES: Final = 2


class BoosterSettings(BaseModel):
    """Settings of the booster; the defaults lean to strong regularisation, as defaults are few."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rounds: int = Field(default=400, ge=1, description="boosting rounds of each member")
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    num_leaves: int = Field(default=15, ge=2)
    min_data_in_leaf: int = Field(default=20, ge=1)
    feature_fraction: float = Field(default=0.5, gt=0, le=1)
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    lambda_l2: float = Field(default=5.0, ge=0)
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
            **self.extra,
        }


@dataclass(frozen=True)
class Boosters:
    """A bag of boosters; raw score and contributions are the means over its members."""

    members: tuple[lgb.Booster, ...]

    def raw(self, x: NDArray[np.float64], *, num_threads: int = 1) -> NDArray[np.float64]:
        """Return raw log-odds, shape (n,)."""
        scores = [m.predict(x, raw_score=True, num_threads=num_threads) for m in self.members]
        return np.asarray(np.mean(scores, axis=0), dtype=np.float64)

    def contributions(self, x: NDArray[np.float64], *, num_threads: int = 1) -> NDArray[np.float64]:
        """Return exact Shapley contributions, shape (n, k + 1); the last column is the base.

        Source: Lundberg, Erion, Lee (2018), Consistent individualized feature attribution for tree ensembles,
        as implemented by LightGBM (`pred_contrib`); a mean of additive scores is additive.
        """
        parts = [m.predict(x, pred_contrib=True, num_threads=num_threads) for m in self.members]
        return np.asarray(np.mean(parts, axis=0), dtype=np.float64)

    def files(self, stem: str) -> dict[str, bytes]:
        """Return the members in LightGBM's own text format, by file name."""
        return {f"{stem}_{i}.txt": m.model_to_string().encode() for i, m in enumerate(self.members)}

    @staticmethod
    def from_texts(texts: Sequence[str], *, source: str) -> "Boosters":
        """Read members back from LightGBM's text format."""
        if not texts:
            raise BundleError(source, problem_zh="中没有提升树文件", problem_en="it holds no booster")
        return Boosters(tuple(lgb.Booster(model_str=text) for text in texts))


def train_boosters(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    *,
    features: Sequence[str],
    settings: BoosterSettings,
    seed: int,
    num_threads: int,
    categorical: Sequence[str] = (),
    monotone: Mapping[str, int] | None = None,
    weight: NDArray[np.float64] | None = None,
) -> Boosters:
    """Train a bag on x (n, k) with labels y (n,) in {0, 1}; missing values are NaN.

    `monotone` maps a feature to +1 (more of it never lowers the PD) or -1. Raises NotTrainableError when the
    labels are of one class or the table is empty.
    """
    _check_trainable(x, y)
    signs = [(monotone or {}).get(name, 0) for name in features]
    members = []
    for bag in range(settings.bags):
        parameters = settings.parameters(seed=seed * 1000 + bag, num_threads=num_threads)
        if any(signs):
            parameters |= {"monotone_constraints_method": "advanced"}
        data = lgb.Dataset(
            x,
            y,
            weight=weight,
            feature_name=list(features),
            categorical_feature=list(categorical),
            free_raw_data=True,
        )
        full: dict[str, object] = {**parameters, **({"monotone_constraints": signs} if any(signs) else {})}
        members.append(lgb.train(full, data, num_boost_round=settings.rounds))
    return Boosters(tuple(members))


def _check_trainable(x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    if x.shape[0] == 0 or x.shape[1] == 0:
        raise NotTrainableError(
            zh=f"训练表为空（{x.shape[0]} 行，{x.shape[1]} 列）。请检查数据与日期范围。",
            en=f"The training table is empty ({x.shape[0]} rows, {x.shape[1]} columns). Check data and dates.",
        )
    if not np.isin(y, (0.0, 1.0)).all() or len(np.unique(y)) < _CLASSES:
        raise NotTrainableError(
            zh="标签须同时含有 0（未违约）和 1（违约）。请检查标签列与观察期。",
            en="Labels must hold both 0 (good) and 1 (default). Check the label column and the window.",
        )
