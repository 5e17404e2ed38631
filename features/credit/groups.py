"""The group under one ultimate controller: who leads it, how large it is, how its other members fare."""

from typing import Final

import polars as pl

from features.catalogue import Dimension, Unit, feature
from features.credit.default_share import default_share
from features.credit.ratios import ratio

__all__: list[str] = []

_EDGES: Final = ("edges",)
_DEFAULTS: Final = ("edges", "exposures", "schedules", "payments", "write_offs", "court_events")
_CONTROL: Final = ("edges", "parties")
_FARING: Final = (*_DEFAULTS, "parties")
_BOOK: Final = ("edges", "parties", "exposures", "schedules", "payments", "write_offs", "court_events")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_CONTROL, low=1, high=100_000)
def control_group_members() -> pl.Expr:
    """同一实际控制人之下的主体数，含自身与实际控制人（没有则为 1）。

    Parties under the same ultimate controller, itself and the controller included (1 without one).
    """
    return pl.col("control_group_size")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_FARING, monotone=1, low=0, high=1)
def control_group_default_share() -> pl.Expr:
    """同一实际控制人之下其他主体中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of the other parties under the same ultimate controller known to have defaulted in the last 12
    months, shrunk to 2% (empty where none can be observed).
    """
    return default_share("control_group")


@feature(unit=Unit.DAYS, dimension=Dimension.RELATIONS, sources=_BOOK, monotone=1, low=0, high=2000)
def control_group_mean_days_past_due() -> pl.Expr:
    """同一实际控制人之下其他主体当前逾期天数的平均值（没有可观察的主体则为空）。

    Mean number of days past due of the other parties under the same ultimate controller (empty where none can be
    observed).
    """
    return ratio("control_group_dpd_sum", "control_group_dpd_count")


@feature(
    unit=Unit.COUNT,
    dimension=Dimension.RELATIONS,
    sources=(*_CONTROL, "court_events"),
    monotone=1,
    low=0,
    high=10000,
)
def control_group_adverse_events_12m() -> pl.Expr:
    """同一实际控制人之下其他主体近 12 个月被诉、被执行、失信或冻结的次数合计。

    Lawsuits, enforcements, dishonesty listings and freezes of the last 12 months against the other parties under the
    same ultimate controller.
    """
    return pl.col("control_group_adverse_sum")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_CONTROL, low=0, high=100)
def steps_to_controller() -> pl.Expr:
    """到实际控制人的控制层数（没有实际控制人则为空）。

    Steps of control up to its ultimate controller (empty without one).
    """
    return pl.col("control_steps")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_CONTROL, low=0, high=1)
def controller_votes() -> pl.Expr:
    """实际控制人及其一致行动人、受控主体合计持有的表决权比例（没有实际控制人则为空）。

    Part of its votes held by its ultimate controller with those acting in concert and those it controls (empty without
    a controller).
    """
    return pl.col("controller_votes")


@feature(unit=Unit.FLAG, dimension=Dimension.RELATIONS, sources=_CONTROL, low=0, high=1)
def control_unclear() -> pl.Expr:
    """实际控制人是否无法认定（无人过半、循环控制、比例缺失或合计超过 1 等）。

    Whether no ultimate controller can be named (nobody holds enough, control runs in a circle, shares are missing or sum
    above 1).
    """
    return pl.col("control_unclear")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=1)
def largest_ultimate_owner_share() -> pl.Expr:
    """穿透后最大最终股东（自身没有股东者）的持股比例（没有已知股东或比例有误则为空）。

    Share of the largest ultimate owner, one that nobody owns, through all holdings (empty without a known owner, or
    where shares on the way are unsound).
    """
    return pl.col("largest_ultimate_share")
