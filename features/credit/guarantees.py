"""Guarantees beyond the next party: mutual ones, circles, chains and networks, and the defaults in them."""

from typing import Final

import polars as pl

from features.catalogue import Change, Dimension, Unit, feature
from features.credit.default_share import default_share
from features.credit.ratios import flag, ratio

__all__: list[str] = []

_EDGES: Final = ("edges",)
_DEFAULTS: Final = ("edges", "exposures", "schedules", "payments", "write_offs", "court_events")
_STRENGTH: Final = ("edges", "statements", "parties")


@feature(
    unit=Unit.COUNT,
    dimension=Dimension.RELATIONS,
    sources=_EDGES,
    low=0,
    high=1000,
    changeable=Change(-1, linked=("mutual_guarantee_share", "in_guarantee_circle", "guarantors")),
)
def mutual_guarantees() -> pl.Expr:
    """互保对象数：既为其担保、又接受其担保的主体数。

    Parties with which guarantees run both ways.
    """
    return pl.col("guarantees_mutual_neighbours")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.RELATIONS,
    sources=_EDGES,
    low=0,
    high=1,
    changeable=Change(-1, linked=("in_guarantee_circle",)),
)
def mutual_guarantee_share() -> pl.Expr:
    """互保金额占对外担保总额的比例（没有对外担保则为空）。

    Share of the guarantees given that goes to parties which guarantee it in turn (empty without guarantees given).
    """
    return ratio("guarantees_mutual_weight", "guarantees_out_weight")


@feature(
    unit=Unit.FLAG,
    dimension=Dimension.RELATIONS,
    sources=_EDGES,
    monotone=1,
    low=0,
    high=1,
    changeable=Change(
        -1, linked=("guarantee_circle_members", "shortest_guarantee_circle", "guarantee_circles")
    ),
)
def in_guarantee_circle() -> pl.Expr:
    """是否处于担保圈（沿担保关系能回到自身）。

    Whether it stands in a guarantee circle: following guarantees leads back to it.
    """
    return flag(pl.col("guarantee_circle_size") > 1)


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=10000)
def guarantee_circle_members() -> pl.Expr:
    """所在担保圈的主体数：与其沿担保关系可互相到达的主体，含自身（不在圈内为 1）。

    Parties of its guarantee circle: those that can reach each other along guarantees, itself included (1 outside any).
    """
    return pl.col("guarantee_circle_size")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=2, high=6)
def shortest_guarantee_circle() -> pl.Expr:
    """所在最短担保圈的主体数（2 即互保；六个主体以内没有则为空）。

    Parties of the shortest guarantee circle it stands in (2: mutual; empty without one of up to six).
    """
    return pl.col("guarantees_shortest_circle")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=10000)
def guarantee_circles() -> pl.Expr:
    """经过它的担保圈个数（六个主体以内）。

    Guarantee circles of up to six parties that pass through it.
    """
    return pl.col("guarantee_circles_sum")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def guarantee_circle_default_share() -> pl.Expr:
    """所在担保圈其他主体中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of the other parties of its guarantee circle known to have defaulted in the last 12 months, shrunk to
    2% (empty where none can be observed).
    """
    return default_share("guarantee_circle")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=1, high=1_000_000)
def guarantee_network_members() -> pl.Expr:
    """所在担保网的主体数：由担保关系不分方向连成一片的主体，含自身。

    Parties that guarantees, whatever their direction, join to it, itself included.
    """
    return pl.col("guarantee_network_size")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def guarantee_network_default_share() -> pl.Expr:
    """所在担保网其他主体中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of the other parties of its guarantee network known to have defaulted in the last 12 months, shrunk
    to 2% (empty where none can be observed).
    """
    return default_share("guarantee_network")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=-1, low=1, high=100)
def guarantee_steps_to_guaranteed_default() -> pl.Expr:
    """沿对外担保到最近一个近 12 个月已知违约主体的步数（1 为直接担保；没有则为空）。

    Steps along the guarantees it gives to the nearest party known to have defaulted in the last 12 months (1: it
    guarantees that party itself; empty without one).
    """
    return pl.col("steps_to_guaranteed_default")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=-1, low=1, high=100)
def guarantee_steps_to_guarantor_default() -> pl.Expr:
    """沿接受的担保到最近一个近 12 个月已知违约主体的步数（1 为其担保方；没有则为空）。

    Steps along the guarantees it has received to the nearest party known to have defaulted in the last 12 months (1: a
    guarantor of its own; empty without one).
    """
    return pl.col("steps_to_guarantor_default")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=1000)
def guarantee_chain_ahead() -> pl.Expr:
    """对外担保链的最大长度（担保圈算一环）。

    Length of the longest chain of guarantees that starts at it (a circle is one link).
    """
    return pl.col("chain_ahead")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=1000)
def guarantee_chain_behind() -> pl.Expr:
    """接受担保链的最大长度（担保圈算一环）。

    Length of the longest chain of guarantees that ends at it (a circle is one link).
    """
    return pl.col("chain_behind")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_EDGES, low=0, high=1)
def guarantees_without_shareholding_share() -> pl.Expr:
    """对外担保中被担保方未由其持股的金额占比（没有对外担保则为空）。

    Share of the guarantees given that is for parties it holds no share of (empty without guarantees given).
    """
    return ratio("guarantees_without_equity_sum", "guarantees_out_weight")


@feature(
    unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_STRENGTH, low=-50, high=50, changeable=Change(-1)
)
def net_guarantees_to_equity() -> pl.Expr:
    """对外担保减接受担保后的净额÷所有者权益（没有报表时用注册资本；权益不为正时不计算）。

    Guarantees given less guarantees received over equity (the registered capital without a statement; not computed
    where equity is not positive).
    """
    return ratio(pl.col("guarantees_out_weight") - pl.col("guarantees_in_weight"), "strength")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.RELATIONS,
    sources=_DEFAULTS,
    monotone=1,
    low=0,
    high=1,
    changeable=Change(
        -1, linked=("guaranteed_parties_default_share", "guaranteed_parties_max_days_past_due")
    ),
)
def guarantees_for_defaulted_share() -> pl.Expr:
    """对外担保金额中为近 12 个月已知违约主体提供的比例（没有对外担保则为空）。

    Share of the guarantees given that is for parties known to have defaulted in the last 12 months (empty without
    guarantees given).
    """
    return ratio("guarantees_out_lost_weight", "guarantees_out_weight")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def guarantees_from_defaulted_share() -> pl.Expr:
    """接受的担保金额中由近 12 个月已知违约主体提供的比例，即已落空的保障（没有接受担保则为空）。

    Share of the guarantees received that comes from parties known to have defaulted in the last 12 months: cover that
    has fallen away (empty without guarantees received).
    """
    return ratio("guarantees_in_lost_weight", "guarantees_in_weight")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def guaranteed_two_steps_default_share() -> pl.Expr:
    """被担保方再担保的主体（不含自身）中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of the parties guaranteed by those it guarantees, itself left out, known to have defaulted in the last 12
    months, shrunk to 2% (empty where none can be observed).
    """
    return default_share("guarantees_out_guarantees_out")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_DEFAULTS, monotone=1, low=0, high=1)
def guarantors_two_steps_default_share() -> pl.Expr:
    """担保方的担保方（不含自身）中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of its guarantors' guarantors, itself left out, known to have defaulted in the last 12 months, shrunk
    to 2% (empty where none can be observed).
    """
    return default_share("guarantees_in_guarantees_in")
