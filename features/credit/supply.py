"""Supply chain of a party: customers and suppliers, how concentrated they are and how they fare."""

from typing import Final

import polars as pl

from features.catalogue import Change, Dimension, Unit, feature
from features.credit.default_share import default_share
from features.credit.ratios import flag, log_amount, ratio

__all__: list[str] = []

_EDGES: Final = ("edges",)
_DEFAULTS: Final = ("edges", "exposures", "schedules", "payments", "write_offs", "court_events")
_COURT: Final = ("edges", "court_events")


@feature(
    unit=Unit.COUNT,
    dimension=Dimension.SUPPLY,
    sources=_EDGES,
    low=0,
    high=10000,
    changeable=Change(
        1, linked=("largest_customer_share", "customer_concentration", "log_sales_to_known_customers")
    ),
)
def customers() -> pl.Expr:
    """已知客户数。

    Number of known customers.
    """
    return pl.col("supplies_out_neighbours")


@feature(
    unit=Unit.COUNT,
    dimension=Dimension.SUPPLY,
    sources=_EDGES,
    low=0,
    high=10000,
    changeable=Change(1, linked=("largest_supplier_share", "supplier_concentration")),
)
def suppliers() -> pl.Expr:
    """已知供应商数。

    Number of known suppliers.
    """
    return pl.col("supplies_in_neighbours")


@feature(unit=Unit.LOG_CNY, dimension=Dimension.SUPPLY, sources=_EDGES, low=0, high=35)
def log_sales_to_known_customers() -> pl.Expr:
    """向已知客户的年供货额（元）的自然对数。

    Natural logarithm of the yearly sales to known customers, in yuan.
    """
    return log_amount("supplies_out_weight")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.SUPPLY,
    sources=_EDGES,
    low=0,
    high=1,
    changeable=Change(-1, linked=("customer_concentration",)),
)
def largest_customer_share() -> pl.Expr:
    """第一大客户占已知供货额的比例。

    Share of the largest customer in the sales to known customers.
    """
    return ratio("supplies_out_largest", "supplies_out_weight")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_EDGES, low=0, high=1, changeable=Change(-1))
def customer_concentration() -> pl.Expr:
    """客户集中度：对各客户供货额占比的赫芬达尔指数（1 为单一客户）。

    Herfindahl index of the sales to known customers (1: a single customer).
    """
    return pl.col("supplies_out_hhi")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.SUPPLY,
    sources=_EDGES,
    low=0,
    high=1,
    changeable=Change(-1, linked=("largest_supplier_share",)),
)
def supplier_concentration() -> pl.Expr:
    """供应商集中度：自各供应商采购额占比的赫芬达尔指数（1 为单一供应商）。

    Herfindahl index of the purchases from known suppliers (1: a single supplier).
    """
    return pl.col("supplies_in_hhi")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.SUPPLY,
    sources=_DEFAULTS,
    monotone=1,
    low=0,
    high=1,
    changeable=Change(-1, linked=("customers_default_share", "customers_max_days_past_due")),
)
def sales_to_defaulted_share() -> pl.Expr:
    """向近 12 个月已知违约客户的供货额占已知供货额的比例。

    Share of the sales to known customers that goes to customers known to have defaulted in the last 12 months.
    """
    return ratio("supplies_out_lost_weight", "supplies_out_weight")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.SUPPLY,
    sources=_DEFAULTS,
    monotone=1,
    low=0,
    high=1,
    changeable=Change(-1, linked=("suppliers_default_share", "suppliers_max_days_past_due")),
)
def purchases_from_defaulted_share() -> pl.Expr:
    """自近 12 个月已知违约供应商的采购额占已知采购额的比例。

    Share of the purchases from known suppliers that comes from suppliers known to have defaulted in the last 12 months.
    """
    return ratio("supplies_in_lost_weight", "supplies_in_weight")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_DEFAULTS, monotone=1, low=0, high=1)
def customers_default_share() -> pl.Expr:
    """客户中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of its customers known to have defaulted in the last 12 months, shrunk to 2% (empty where none can be
    observed).
    """
    return default_share("supplies_out")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_DEFAULTS, monotone=1, low=0, high=1)
def suppliers_default_share() -> pl.Expr:
    """供应商中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of its suppliers known to have defaulted in the last 12 months, shrunk to 2% (empty where none can be
    observed).
    """
    return default_share("supplies_in")


@feature(unit=Unit.DAYS, dimension=Dimension.SUPPLY, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def customers_max_days_past_due() -> pl.Expr:
    """客户当前最大逾期天数。

    Highest number of days past due among its customers.
    """
    return pl.col("supplies_out_dpd_max")


@feature(unit=Unit.DAYS, dimension=Dimension.SUPPLY, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def customers_mean_days_past_due() -> pl.Expr:
    """客户当前逾期天数的平均值。

    Mean number of days past due of its customers.
    """
    return pl.col("supplies_out_dpd_mean")


@feature(unit=Unit.DAYS, dimension=Dimension.SUPPLY, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def suppliers_max_days_past_due() -> pl.Expr:
    """供应商当前最大逾期天数。

    Highest number of days past due among its suppliers.
    """
    return pl.col("supplies_in_dpd_max")


@feature(unit=Unit.DAYS, dimension=Dimension.SUPPLY, sources=_DEFAULTS, monotone=1, low=0, high=2000)
def suppliers_mean_days_past_due() -> pl.Expr:
    """供应商当前逾期天数的平均值。

    Mean number of days past due of its suppliers.
    """
    return pl.col("supplies_in_dpd_mean")


@feature(unit=Unit.COUNT, dimension=Dimension.SUPPLY, sources=_COURT, monotone=1, low=0, high=1000)
def customers_adverse_events_12m() -> pl.Expr:
    """客户近 12 个月被诉、被执行、失信或冻结的次数合计。

    Lawsuits, enforcements, dishonesty listings and freezes of the last 12 months against its customers.
    """
    return pl.col("supplies_out_adverse_sum")


@feature(unit=Unit.COUNT, dimension=Dimension.SUPPLY, sources=_COURT, monotone=1, low=0, high=1000)
def suppliers_adverse_events_12m() -> pl.Expr:
    """供应商近 12 个月被诉、被执行、失信或冻结的次数合计。

    Lawsuits, enforcements, dishonesty listings and freezes of the last 12 months against its suppliers.
    """
    return pl.col("supplies_in_adverse_sum")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_DEFAULTS, monotone=1, low=0, high=1)
def customers_of_customers_default_share() -> pl.Expr:
    """客户的客户（不含自身）中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of its customers' customers, itself left out, known to have defaulted in the last 12 months, shrunk
    to 2% (empty where none can be observed).
    """
    return default_share("supplies_out_supplies_out")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_DEFAULTS, monotone=1, low=0, high=1)
def suppliers_of_suppliers_default_share() -> pl.Expr:
    """供应商的供应商（不含自身）中近 12 个月已知违约的比例（向 2% 收缩；没有可观察的主体则为空）。

    Share of its suppliers' suppliers, itself left out, known to have defaulted in the last 12 months, shrunk
    to 2% (empty where none can be observed).
    """
    return default_share("supplies_in_supplies_in")


@feature(unit=Unit.RATIO, dimension=Dimension.SUPPLY, sources=_EDGES, low=0, high=1, changeable=Change(-1))
def largest_supplier_share() -> pl.Expr:
    """第一大供应商占已知采购额的比例（1 为单一来源；没有已知供应商则为空）。

    Share of the largest supplier in the purchases from known suppliers (1: a single source; empty without one).
    """
    return ratio("supplies_in_largest", "supplies_in_weight")


@feature(unit=Unit.COUNT, dimension=Dimension.SUPPLY, sources=_EDGES, low=0, high=10000)
def customers_without_other_supplier() -> pl.Expr:
    """只有它一家已知供应商的客户数。

    Customers that have no other known supplier.
    """
    return pl.col("supplies_out_sole_count")


@feature(unit=Unit.COUNT, dimension=Dimension.SUPPLY, sources=_EDGES, low=0, high=10000)
def suppliers_without_other_customer() -> pl.Expr:
    """只有它一家已知客户的供应商数。

    Suppliers that have no other known customer.
    """
    return pl.col("supplies_in_sole_count")


@feature(unit=Unit.FLAG, dimension=Dimension.SUPPLY, sources=_EDGES, low=0, high=1)
def is_cut_point_of_supply() -> pl.Expr:
    """是否为供应链的割点（缺了它，供货网络会断开）。

    Whether the supply network falls apart without it (an articulation point).
    """
    return flag(pl.col("supplies_pieces") > 1)


@feature(unit=Unit.COUNT, dimension=Dimension.SUPPLY, sources=_EDGES, low=0, high=1_000_000)
def parties_cut_off_without_it() -> pl.Expr:
    """缺了它之后与供应链主体部分断开的主体数。

    Parties that lose the main part of their supply network without it.
    """
    return pl.col("supplies_cut_off")
