"""Whom the model must beat: two naive rules, a logistic regression, LightGBM as it comes, a scorecard, own risk only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments.learn_panel import signs
from experiments.out_of_time import design_of
from experiments.validation_report.content import Text
from experiments.validation_report.judged import Judged
from features.catalogue import Unit, catalogue
from models.credit.booster import BoosterSettings, train_boosters
from models.credit.scorecard.learn import learn_scorecard
from models.credit.scorecard.settings import ScorecardSettings

__all__ = [
    "Kind",
    "Rival",
    "days_past_due_rates",
    "logistic_regression",
    "own_only",
    "plain_booster",
    "scorecard",
    "segment_rates",
]

Floats = NDArray[np.float64]

_PRIOR: Final = 50.0  # rows of the overall rate in each cell's, so that a cell of three rows says little
_ONE_MONTH, _TWO_MONTHS = 30, 60
_PLAIN: Final = BoosterSettings(
    rounds=100, learning_rate=0.1, num_leaves=31, min_data_in_leaf=20, feature_fraction=1.0, bagging_fraction=1.0,
    lambda_l2=0.0, bags=1,
)  # fmt: skip


class Kind(StrEnum):
    """What being beaten by such a rival would mean."""

    NAIVE = "naive"
    CHALLENGER = "challenger"
    OWN_ONLY = "own_only"
    CHAMPION = "champion"


@dataclass(frozen=True, eq=False)
class Rival:
    """PDs (n,) of another model for the same rows, or the reason why there are none; a flattered one is no criterion."""

    key: str
    name: Text
    kind: Kind
    note: Text
    pd: Floats | None = None
    flattered: bool = False


def segment_rates(judged: Judged) -> Rival:
    """Rate every party with the default rate of its kind and size in the learning period."""
    name = Text("分段违约率（类型×规模）", "default rate of the segment (kind × size)")
    note = Text(
        "学习期内同类型同规模主体的违约率", "the learning period's rate of parties of the same kind and size"
    )
    blank = Rival("segment_rates", name, Kind.NAIVE, note)
    return _by_cells(blank, judged, ("is_company", "size_rank"), pl.DataFrame.clone)


def days_past_due_rates(judged: Judged) -> Rival:
    """Rate every party by how late it now is: on time, to 30 days, to 60, above; rates of the learning period."""
    name = Text("当前逾期天数分档", "days past due in bands")
    note = Text(
        "0、1–30、31–60、60 天以上四档在学习期内的违约率",
        "the learning period's rates at 0, 1-30, 31-60 and more days late",
    )
    late = pl.col("days_past_due")
    band = (late > 0).cast(pl.Int8) + (late > _ONE_MONTH).cast(pl.Int8) + (late > _TWO_MONTHS).cast(pl.Int8)
    blank = Rival("days_past_due", name, Kind.NAIVE, note)
    return _by_cells(blank, judged, ("days_past_due",), lambda frame: frame.select(band))


def _by_cells(
    blank: Rival,
    judged: Judged,
    columns: Sequence[str],
    cells: Callable[[pl.DataFrame], pl.DataFrame],
) -> Rival:
    """Rate each cell with the learning period's rate, drawn towards the overall rate where it holds few rows."""
    absent = [column for column in columns if column not in judged.past.frame.columns]
    if absent:
        lacks = Text(f"样本缺少列：{'、'.join(absent)}", f"the panel lacks {', '.join(absent)}")
        return replace(blank, note=lacks)
    past, test = (cells(part.frame.select(columns)) for part in (judged.past, judged.test))
    by = past.columns
    overall = float(judged.past.y.mean())
    rates = (
        past.with_columns(pl.Series("__y", judged.past.y))
        .group_by(by)
        .agg(((pl.col("__y").sum() + _PRIOR * overall) / (pl.len() + _PRIOR)).alias("__rate"))
    )
    joined = test.join(rates, on=by, how="left", nulls_equal=True, maintain_order="left")
    pd = joined["__rate"].fill_null(overall).to_numpy()
    return replace(blank, pd=pd)


def plain_booster(judged: Judged, *, seed: int, num_threads: int) -> Rival:
    """Train LightGBM with its own defaults: 100 rounds, no tuning, no calibration, no signs."""
    name = Text("LightGBM 默认参数", "LightGBM with its defaults")
    note = Text(
        "100 轮，不调参、不校准、无单调约束", "100 rounds, no tuning, no calibration, no monotone constraints"
    )
    design, test = (design_of(part.frame, judged.features) for part in (judged.past, judged.test))
    booster = train_boosters(design, settings=_PLAIN, seed=seed, num_threads=num_threads)
    return Rival(
        "lightgbm_default", name, Kind.CHALLENGER, note, expit(booster.raw(test.x, num_threads=num_threads))
    )


def logistic_regression(judged: Judged) -> Rival:
    """Fit a ridge logistic regression on standardised features, medians and a flag where missing."""
    name = Text("逻辑回归", "logistic regression")
    note = Text(
        "标准化，缺失以中位数填补并加缺失标志，L2 惩罚 C = 0.01（不调参）",
        "standardised, medians and a flag where missing, L2 penalty C = 0.01 (not tuned)",
    )
    design, test = (design_of(part.frame, judged.features) for part in (judged.past, judged.test))
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.01, max_iter=1000),
    )
    model.fit(design.x, design.y)
    return Rival("logistic_regression", name, Kind.CHALLENGER, note, model.predict_proba(test.x)[:, 1])


def scorecard(judged: Judged, *, seed: int) -> Rival:
    """Learn the WoE scorecard, with the signs that the field knows."""
    name = Text("评分卡（WoE）", "scorecard (WoE)")
    frame, codes = judged.past.frame, tuple(item.name for item in catalogue() if item.unit is Unit.CODE)
    card = learn_scorecard(
        frame,
        judged.past.y,
        features=judged.features,
        signs={name: sign for name, sign in signs().items() if name in judged.features},
        categorical=[name for name in codes if name in judged.features],
        groups=judged.past.groups,
        settings=ScorecardSettings(),
        seed=seed,
    )
    note = Text(
        f"单调分箱，{len(card.terms)} 项，系数同号",
        f"monotone bins, {len(card.terms)} terms, coefficients of one sign",
    )
    return Rival("scorecard", name, Kind.CHALLENGER, note, card.pd(judged.test.frame))


def own_only(judged: Judged) -> Rival:
    """Take the model's own part alone: what it says of the party without its network."""
    name = Text("仅自有风险", "own risk only")
    if not judged.has_network:
        note = Text(
            "模型没有网络部分：在留出的行上它没有带来好处，未采用",
            "the model has no network part: on held-out rows it brought nothing and was left out",
        )
        return Rival("own_only", name, Kind.OWN_ONLY, note)
    note = Text("同一模型去掉网络部分", "the same model without its network part")
    return Rival("own_only", name, Kind.OWN_ONLY, note, judged.test.own_pd)
