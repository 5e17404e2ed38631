"""How its neighbours stand by their own scores: the worst of each kind, and what is at stake with them."""

from typing import Final

import polars as pl

from features.catalogue import Dimension, Unit, feature

__all__: list[str] = []

_SCORED: Final = (
    "edges",
    "parties",
    "statements",
    "exposures",
    "schedules",
    "payments",
    "write_offs",
    "court_events",
    "registry_events",
)
"""What a neighbour's own score is learnt from, besides the edge that leads to it."""


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def guaranteed_parties_worst_pd() -> pl.Expr:
    """被其担保方中最高的自身违约概率（只看自身信息；没有可评分的则为空）。

    Highest own probability of default among the parties it guarantees (empty without a scored one).
    """
    return pl.col("guaranteed_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def guarantors_worst_pd() -> pl.Expr:
    """担保方中最高的自身违约概率（没有可评分的则为空）。

    Highest own probability of default among its guarantors (empty without a scored one).
    """
    return pl.col("guarantor_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def shareholders_worst_pd() -> pl.Expr:
    """股东中最高的自身违约概率（没有可评分的则为空）。

    Highest own probability of default among its shareholders (empty without a scored one).
    """
    return pl.col("owner_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def investees_worst_pd() -> pl.Expr:
    """被投资企业中最高的自身违约概率（没有可评分的则为空）。

    Highest own probability of default among the companies it owns shares of (empty without a scored one).
    """
    return pl.col("owned_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def sister_companies_worst_pd() -> pl.Expr:
    """有共同股东或任职人员的企业中最高的自身违约概率（没有可评分的则为空）。

    Highest own probability of default among the companies with a common owner or officer (empty without a scored
    one).
    """
    return pl.col("sister_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def other_relations_worst_pd() -> pl.Expr:
    """任职、亲属、控制、借贷、租赁、付款等其他关系的相邻主体中最高的自身违约概率（没有可评分的则为空）。

    Highest own probability of default among neighbours by other relations, such as positions, family, control,
    loans, leases and payments (empty without a scored one).
    """
    return pl.col("other_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_SCORED, monotone=1, low=0, high=1)
def customers_worst_pd() -> pl.Expr:
    """客户中最高的自身违约概率（没有可评分的则为空）。

    Highest own probability of default among its customers (empty without a scored one).
    """
    return pl.col("customer_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_SCORED, monotone=1, low=0, high=1)
def suppliers_worst_pd() -> pl.Expr:
    """供应商中最高的自身违约概率（没有可评分的则为空）。

    Highest own probability of default among its suppliers (empty without a scored one).
    """
    return pl.col("supplier_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=100)
def expected_guarantee_calls_to_equity() -> pl.Expr:
    """预期代偿负担：各被担保方的担保金额÷自身所有者权益（至多为 1，权益不为正或未知按 1）×被担保方自身违约概率，合计（
    没有可评分的则为空）。

    Expected calls on the guarantees it gave: amount over its equity (at most 1; 1 where equity is not positive or
    unknown) times the guaranteed party's own probability of default, summed (empty without a scored one).
    """
    return pl.col("guaranteed_expected")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def guarantee_cover_at_risk() -> pl.Expr:
    """预期落空的保障：各担保方占接受担保总额的比例×其自身违约概率，合计（没有可评分的则为空）。

    Part of the guarantees received that is expected to fall away: each guarantor's part times its own probability
    of default, summed (empty without a scored one).
    """
    return pl.col("guarantor_expected")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def ownership_at_risk() -> pl.Expr:
    """各股东持股比例×其自身违约概率，合计（没有可评分的则为空）。

    Each shareholder's share in the party times its own probability of default, summed (empty without a scored one).
    """
    return pl.col("owner_expected")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=100)
def investments_at_risk() -> pl.Expr:
    """对各被投资企业的持股比例×其自身违约概率，合计（没有可评分的则为空）。

    The party's share in each company it owns times that company's own probability of default, summed (empty without
    a scored one).
    """
    return pl.col("owned_expected")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_SCORED, monotone=1, low=0, high=1)
def sales_at_risk() -> pl.Expr:
    """预期失去的销售：各客户占年销售额的比例×其自身违约概率，合计（没有可评分的则为空）。

    Sales expected to be lost: each customer's part of the yearly sales times its own probability of default, summed
    (empty without a scored one).
    """
    return pl.col("customer_expected")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_SCORED, monotone=1, low=0, high=1)
def purchases_at_risk() -> pl.Expr:
    """预期中断的采购：各供应商占已知采购额的比例×其自身违约概率，合计（没有可评分的则为空）。

    Purchases expected to break off: each supplier's part of the known purchases times its own probability of
    default, summed (empty without a scored one).
    """
    return pl.col("supplier_expected")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1000)
def transmitted_risk() -> pl.Expr:
    """传导风险：各相邻主体的自身违约概率×关系权重×该关系的传导系数，合计（没有可评分的相邻主体则为空）。

    Risk that neighbours pass on: own probability of default times the weight of the link times how far trouble
    travels along such a relation, summed (empty without a scored neighbour).
    """
    return pl.col("any_transmitted")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def neighbours_worst_pd() -> pl.Expr:
    """各类关系的相邻主体中最高的自身违约概率（没有可评分的则为空）。

    Highest own probability of default among its neighbours in any relation (empty without a scored one).
    """
    return pl.col("any_worst")


@feature(unit=Unit.RATIO, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=1)
def neighbours_mean_pd() -> pl.Expr:
    """各类关系的相邻主体自身违约概率的平均值（每个主体只计一次；没有可评分的则为空）。

    Mean own probability of default of its neighbours in any relation (each counted once; empty without a scored
    one).
    """
    return pl.col("any_mean")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_SCORED, monotone=1, low=0, high=10000)
def neighbours_expected_defaults() -> pl.Expr:
    """各类关系的相邻主体自身违约概率合计，即预期违约个数（每个主体只计一次；没有可评分的则为空）。

    Expected number of defaults among its neighbours in any relation: the sum of their own probabilities of default
    (each counted once; empty without a scored one).
    """
    return pl.col("any_sum")


@feature(unit=Unit.COUNT, dimension=Dimension.RELATIONS, sources=_SCORED, low=0, high=10000)
def scored_neighbours() -> pl.Expr:
    """有自身评分的相邻主体数（有存续业务且未违约；没有为 0）。

    Number of neighbours that have a score of their own, being financed and not in default (0 without one).
    """
    return pl.col("any_count")
