"""Defaults further away in any relation: how near they are and how often walks lead to them."""

from typing import Final

import polars as pl

from features.catalogue import Dimension, Unit, feature
from features.credit.default_share import default_share

__all__: list[str] = []

_DEFAULTS: Final = ("edges", "exposures", "schedules", "payments", "write_offs", "court_events")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def two_steps_default_share() -> pl.Expr:
    """各类关系两步之外（不含自身）的主体中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of the parties two steps away in any relation, itself left out, known to have defaulted in the last 12 months,
    shrunk to 2% (empty where none can be observed).
    """
    return default_share("two_steps")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=100)
def default_nearness_of_dependents() -> pl.Expr:
    """沿担保、持股与供货逆向传来的违约接近度：从被担保方、被投资企业和客户的违约出发三步以内到达它的次数（逐步衰减）。

    How near defaults are among those it guarantees, owns and supplies: damped visits of walks of up to three steps from
    the other parties known to have defaulted in the last 12 months, against the direction of the relations.
    """
    return pl.col("default_nearness_in")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=100)
def default_nearness_of_supports() -> pl.Expr:
    """沿担保、持股与供货顺向传来的违约接近度：从担保方、股东和供应商的违约出发三步以内到达它的次数（逐步衰减）。

    How near defaults are among its guarantors, owners and suppliers: damped visits of walks of up to three steps from
    the other parties known to have defaulted in the last 12 months, in the direction of the relations.
    """
    return pl.col("default_nearness_out")
