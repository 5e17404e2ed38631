"""Refuse training data that can teach a scorecard nothing, naming what is wrong."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.credit.scorecard.settings import ScorecardSettings
from models.errors import FeatureMismatchError, NotTrainableError

__all__ = ["check_trainable", "nothing_learnt"]

_MIN_OF_A_CLASS: Final = 10


def check_trainable(
    frame: pl.DataFrame,
    y: NDArray[np.float64],
    features: Sequence[str],
    *,
    categorical: Sequence[str],
    groups: NDArray[np.int64] | None,
    settings: ScorecardSettings,
) -> None:
    """Raise NotTrainableError or FeatureMismatchError naming what is wrong with the rows, labels, groups or columns."""
    schema, codes = frame.schema, set(categorical)
    wrong = [f for f in features if f not in schema or (f not in codes and not _readable(schema[f]))]
    if wrong:
        raise FeatureMismatchError("scorecard", missing=wrong)
    if len(y) != frame.height or (groups is not None and len(groups) != frame.height):
        raise NotTrainableError(
            zh=f"特征 {frame.height} 行、标签 {len(y)} 行、主体 {'-' if groups is None else len(groups)} 行，行数不一致。请逐行对齐。",
            en=f"{frame.height} rows of features, {len(y)} labels, {'-' if groups is None else len(groups)} groups: "
            "give one label and one group per row.",
        )
    if not np.isin(y, (0.0, 1.0)).all():
        raise NotTrainableError(
            zh="标签只能是 0（未违约）或 1（违约），不得缺失。请检查标签列。",
            en="Labels must be 0 (good) or 1 (default), none missing. Check the label column.",
        )
    few = int(min(y.sum(), len(y) - y.sum()))
    if few < max(_MIN_OF_A_CLASS, settings.folds):
        raise NotTrainableError(
            zh=f"较少的一类仅有 {few} 行，至少需要 {max(_MIN_OF_A_CLASS, settings.folds)} 行。请扩大观察期或合并数据。",
            en=f"The rarer class has {few} rows, at least {max(_MIN_OF_A_CLASS, settings.folds)} are needed. "
            "Widen the window or pool data.",
        )
    parties = len(y) if groups is None else len(np.unique(groups))
    if parties < settings.folds:
        raise NotTrainableError(
            zh=f"训练数据只有 {parties} 个主体，至少需要 {settings.folds} 个（folds）。请补充主体或减少 folds。",
            en=f"The training rows are of {parties} parties, at least {settings.folds} are needed (folds). "
            "Add parties or lower folds.",
        )


def nothing_learnt() -> NotTrainableError:
    """Return the error for features none of which tells the classes apart."""
    return NotTrainableError(
        zh="没有任何特征能在未见过的行上区分违约与否（空列、常数列或噪声），无法建立评分卡。请检查特征，或调低 min_iv。",
        en="No feature tells defaults from others on rows its bins did not see (empty, constant or noise), so there is no "
        "scorecard. Check the features or lower min_iv.",
    )


def _readable(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)
