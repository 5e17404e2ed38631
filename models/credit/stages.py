"""The three stages of impairment, each with its reason, by days past due, default, and PD now against at origination."""

from enum import IntEnum, StrEnum
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from graph.ontology import Wording
from models.credit.grade import MasterScale
from models.credit.loss_policy import LossPolicy

__all__ = ["STAGE_REASONS", "Stage", "StageReason", "stages"]


class Stage(IntEnum):
    """Performing, significant increase in credit risk, credit-impaired (CAS 22 art. 48)."""

    PERFORMING = 1
    INCREASED = 2
    IMPAIRED = 3


class StageReason(StrEnum):
    """What put an exposure into its stage; the first that applies, in this order."""

    PAST_DUE_90 = "past_due_90"
    IN_DEFAULT = "in_default"
    PAST_DUE_30 = "past_due_30"
    NOTCHES = "notches"
    PD_RISE = "pd_rise"
    WATCHED = "watched"
    PERFORMING = "performing"


STAGE_REASONS: Final = {
    StageReason.PAST_DUE_90: Wording(zh="逾期达到违约天数", en="past due for the days that are default"),
    StageReason.IN_DEFAULT: Wording(zh="债务人已违约", en="the debtor is in default"),
    StageReason.PAST_DUE_30: Wording(zh="逾期超过 30 天", en="more than 30 days past due"),
    StageReason.NOTCHES: Wording(zh="等级较发放时下降", en="graded worse than at origination"),
    StageReason.PD_RISE: Wording(
        zh="违约概率较发放时显著上升", en="PD significantly above that at origination"
    ),
    StageReason.WATCHED: Wording(zh="列入关注名单", en="on the watch list"),
    StageReason.PERFORMING: Wording(zh="正常", en="performing"),
}
_STAGE: Final = {
    StageReason.PAST_DUE_90: Stage.IMPAIRED,
    StageReason.IN_DEFAULT: Stage.IMPAIRED,
    StageReason.PERFORMING: Stage.PERFORMING,
}


def stages(exposures: pl.DataFrame, policy: LossPolicy, scale: MasterScale) -> pl.DataFrame:
    """Return [stage (Int8), stage_reason] for each row.

    Read: days_past_due, in_default, watched, presumption_rebutted (there is evidence that being late by more than
    `overdue_days` is no increase in risk), pd_12m and pd_at_origination (null: unknown, then PDs are not compared).
    Impaired: `default_days` past due, or the debtor is in default with any exposure. Increased: more than `overdue_days`
    past due; or the PD is `pd_multiple` times that at origination and `pd_increase` above it, or `notches` grades worse on
    the scale, and not of low risk; or watched. Source: CAS 22 (财会〔2017〕7号) arts. 40, 48, 53, 55.
    """
    now = exposures["pd_12m"].fill_null(float("nan")).to_numpy()
    then = exposures["pd_at_origination"].fill_null(float("nan")).to_numpy()
    risky = now >= policy.low_risk_pd
    # Comparisons with NaN are false: an unknown PD at origination is no sign of an increase.
    rise = risky & (now >= policy.pd_multiple * then) & (now - then >= policy.pd_increase)
    fallen = risky & (_rank(now, scale) - _rank(then, scale) >= policy.notches)
    late = exposures["days_past_due"].to_numpy()
    signs = {
        StageReason.PAST_DUE_90: late >= policy.default_days,
        StageReason.IN_DEFAULT: exposures["in_default"].to_numpy(),
        StageReason.PAST_DUE_30: (late > policy.overdue_days) & ~exposures["presumption_rebutted"].to_numpy(),
        StageReason.NOTCHES: fallen,
        StageReason.PD_RISE: rise,
        StageReason.WATCHED: exposures["watched"].to_numpy(),
    }
    reason = np.select(list(signs.values()), [str(name) for name in signs], str(StageReason.PERFORMING))
    stage = {str(name): int(_STAGE.get(name, Stage.INCREASED)) for name in StageReason}
    told = pl.Series("stage_reason", reason.tolist(), dtype=pl.String)
    return pl.DataFrame([told]).select(
        pl.col("stage_reason").replace_strict(stage, return_dtype=pl.Int8).alias("stage"), "stage_reason"
    )


def _rank(pd: NDArray[np.float64], scale: MasterScale) -> NDArray[np.float64]:
    """Return how many grades are better than that of each PD, NaN where the PD is unknown."""
    bounds = np.array([grade.pd_below for grade in scale.grades[:-1]])
    rank = np.searchsorted(bounds, np.nan_to_num(pd), side="right").astype(np.float64)
    return np.where(np.isnan(pd), np.nan, rank)
