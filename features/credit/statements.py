"""Features of a party's latest published statement and of how it has changed in a year."""

from typing import Final

import polars as pl

from features.catalogue import Change, Dimension, Unit, feature
from features.credit.ratios import days_since, flag, log_amount, ratio
from features.credit.statement_periods import ITEMS, latest_statements, view

__all__ = ["ITEMS", "latest_statements", "view"]

_OPINION_RANKS: Final = {"clean": 0, "qualified": 1, "adverse": 2, "disclaimer": 3}
_SOURCE: Final = ("statements",)


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    monotone=1,
    low=0,
    high=3,
    changeable=Change(
        -1,
        linked=(
            "has_negative_equity",
            "leverage_change",
            "interest_bearing_debt_ratio",
            "return_on_equity",
            "guarantees_given_to_equity",
            "net_guarantees_to_equity",
        ),
    ),
)
def leverage() -> pl.Expr:
    """资产负债率：最近一期报表的总负债÷总资产。

    Total liabilities over total assets in the latest statement.
    """
    return ratio("total_liabilities", "total_assets")


@feature(unit=Unit.FLAG, dimension=Dimension.FINANCE, sources=_SOURCE, monotone=1, low=0, high=1)
def has_negative_equity() -> pl.Expr:
    """是否资不抵债（1 为所有者权益小于 0，0 否）。

    Whether equity is negative (1) or not (0).
    """
    return flag(pl.col("equity") < 0)


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    low=0,
    high=20,
    changeable=Change(1, linked=("quick_ratio", "cash_ratio")),
)
def current_ratio() -> pl.Expr:
    """流动比率：流动资产÷流动负债。

    Current assets over current liabilities.
    """
    return ratio("current_assets", "current_liabilities")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    low=0,
    high=20,
    changeable=Change(1, linked=("cash_ratio",)),
)
def quick_ratio() -> pl.Expr:
    """速动比率：（流动资产－存货）÷流动负债。

    Current assets less inventory over current liabilities.
    """
    return ratio(pl.col("current_assets") - pl.col("inventory"), "current_liabilities")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    monotone=-1,
    low=0,
    high=20,
    changeable=Change(1, linked=("cash_to_short_term_debt", "operating_cash_flow_to_current_liabilities")),
)
def cash_ratio() -> pl.Expr:
    """现金比率：货币资金÷流动负债。

    Cash over current liabilities.
    """
    return ratio("cash", "current_liabilities")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    monotone=-1,
    low=0,
    high=50,
    changeable=Change(1),
)
def cash_to_short_term_debt() -> pl.Expr:
    """货币资金对短期有息负债的覆盖倍数。

    Cash over short-term interest-bearing debt.
    """
    return ratio("cash", "short_term_debt")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    low=0,
    high=3,
    changeable=Change(-1, linked=("interest_cover", "short_term_debt_share")),
)
def interest_bearing_debt_ratio() -> pl.Expr:
    """有息负债率：（短期＋长期有息负债）÷总资产。

    Interest-bearing debt, short and long, over total assets.
    """
    return ratio(pl.col("short_term_debt") + pl.col("long_term_debt"), "total_assets")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    low=0,
    high=1,
    changeable=Change(
        -1,
        linked=(
            "cash_to_short_term_debt",
            "current_ratio",
            "quick_ratio",
            "cash_ratio",
            "operating_cash_flow_to_current_liabilities",
        ),
    ),
)
def short_term_debt_share() -> pl.Expr:
    """短债占比：短期有息负债÷全部有息负债，偏高说明需频繁再融资。

    Short-term share of the interest-bearing debt; a high one says that it must often be refinanced.
    """
    return ratio("short_term_debt", pl.col("short_term_debt") + pl.col("long_term_debt"))


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, monotone=-1, low=-5, high=5)
def return_on_assets() -> pl.Expr:
    """总资产净利率：年化净利润÷总资产。

    Net profit, brought to a year, over total assets.
    """
    return ratio("net_profit_year", "total_assets")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-5, high=5)
def return_on_equity() -> pl.Expr:
    """净资产收益率：年化净利润÷所有者权益（权益不为正时不计算）。

    Net profit, brought to a year, over equity (not computed where equity is not positive).
    """
    return ratio("net_profit_year", "equity")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-5, high=1)
def gross_margin() -> pl.Expr:
    """毛利率：（营业收入－营业成本）÷营业收入。

    Revenue less cost of sales, over revenue.
    """
    return ratio(pl.col("revenue") - pl.col("cost_of_sales"), "revenue")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-5, high=2)
def operating_margin() -> pl.Expr:
    """营业利润率：营业利润÷营业收入。

    Operating profit over revenue.
    """
    return ratio("operating_profit", "revenue")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-5, high=2)
def net_margin() -> pl.Expr:
    """销售净利率：净利润÷营业收入。

    Net profit over revenue.
    """
    return ratio("net_profit", "revenue")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, monotone=-1, low=-50, high=50)
def interest_cover() -> pl.Expr:
    """利息保障倍数：营业利润÷利息支出（没有利息支出时不计算）。

    Operating profit over interest expense (not computed without interest expense).
    """
    return ratio("operating_profit", "interest_expense")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, monotone=-1, low=-5, high=5)
def operating_cash_flow_to_current_liabilities() -> pl.Expr:
    """经营现金流负债比：年化经营活动现金净流量÷流动负债。

    Operating cash flow, brought to a year, over current liabilities.
    """
    return ratio("operating_cash_flow_year", "current_liabilities")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-5, high=5)
def operating_cash_flow_margin() -> pl.Expr:
    """经营现金流占营业收入的比例。

    Operating cash flow over revenue.
    """
    return ratio("operating_cash_flow", "revenue")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=0, high=20)
def asset_turnover() -> pl.Expr:
    """总资产周转率：年化营业收入÷总资产。

    Revenue, brought to a year, over total assets.
    """
    return ratio("revenue_year", "total_assets")


@feature(
    unit=Unit.DAYS,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    low=0,
    high=1500,
    changeable=Change(
        -1,
        linked=("operating_cash_flow_margin", "operating_cash_flow_to_current_liabilities", "asset_turnover"),
    ),
)
def receivable_days() -> pl.Expr:
    """应收账款周转天数：应收账款÷年化营业收入×365。

    Receivables over revenue brought to a year, in days.
    """
    return ratio("receivables", "revenue_year") * 365


@feature(
    unit=Unit.DAYS,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    low=0,
    high=1500,
    changeable=Change(
        -1,
        linked=(
            "current_ratio",
            "operating_cash_flow_margin",
            "operating_cash_flow_to_current_liabilities",
            "asset_turnover",
        ),
    ),
)
def inventory_days() -> pl.Expr:
    """存货周转天数：存货÷年化营业成本×365。

    Inventory over cost of sales brought to a year, in days.
    """
    return ratio("inventory", "cost_of_sales_year") * 365


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-1, high=2)
def capex_to_assets() -> pl.Expr:
    """年化资本开支÷总资产。

    Capital expenditure, brought to a year, over total assets.
    """
    return ratio("capex_year", "total_assets")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-1, high=10)
def revenue_growth() -> pl.Expr:
    """营业收入较上年同期的增长率。

    Growth of revenue over the same period of the year before.
    """
    return ratio("revenue", "revenue_before") - 1


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-1, high=10)
def asset_growth() -> pl.Expr:
    """总资产较上年同期末的增长率。

    Growth of total assets over the same day of the year before.
    """
    return ratio("total_assets", "total_assets_before") - 1


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-5, high=5)
def profit_change_to_assets() -> pl.Expr:
    """净利润较上年同期的变动额÷总资产（利润可正可负，故不用增长率）。

    Change of net profit over the same period of the year before, over total assets (a growth rate would be
    meaningless where profit changes sign).
    """
    return ratio(pl.col("net_profit") - pl.col("net_profit_before"), "total_assets")


@feature(unit=Unit.RATIO, dimension=Dimension.FINANCE, sources=_SOURCE, low=-3, high=3)
def leverage_change() -> pl.Expr:
    """资产负债率较上年同期的变动。

    Change of total liabilities over total assets since the same day of the year before.
    """
    return ratio("total_liabilities", "total_assets") - ratio(
        "total_liabilities_before", "total_assets_before"
    )


@feature(unit=Unit.LOG_CNY, dimension=Dimension.FINANCE, sources=_SOURCE, low=0, high=35)
def log_total_assets() -> pl.Expr:
    """总资产（元）的自然对数。

    Natural logarithm of total assets in yuan.
    """
    return log_amount("total_assets")


@feature(unit=Unit.COUNT, dimension=Dimension.FINANCE, sources=_SOURCE, monotone=1, low=0, high=4)
def loss_years_36m() -> pl.Expr:
    """近 36 个月已披露年报中的亏损年数。

    Years with a net loss among the annual statements of the last 36 months.
    """
    return pl.col("loss_years_36m")


@feature(
    unit=Unit.DAYS, dimension=Dimension.FINANCE, sources=_SOURCE, low=0, high=4000, changeable=Change(-1)
)
def statement_age_days() -> pl.Expr:
    """最近一期报表的报告期末距今天数，偏大说明披露滞后或停止披露。

    Days since the end of the period of the latest statement; many say that publication lags or has stopped.
    """
    return days_since("period_end")


@feature(unit=Unit.COUNT, dimension=Dimension.FINANCE, sources=_SOURCE, low=0, high=20)
def restated_statements_36m() -> pl.Expr:
    """近 36 个月的报表中被更正重述的期数。

    Periods of the last 36 months whose statement has been restated.
    """
    return pl.col("restated_36m")


@feature(
    unit=Unit.COUNT,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    low=0,
    high=len(ITEMS),
    changeable=Change(-1),
)
def missing_statement_items() -> pl.Expr:
    """最近一期报表中缺失的科目数。

    Items missing from the latest statement.
    """
    return pl.sum_horizontal(pl.col(item).is_null() for item in ITEMS)


@feature(
    unit=Unit.FLAG,
    dimension=Dimension.FINANCE,
    sources=_SOURCE,
    low=0,
    high=1,
    changeable=Change(1, linked=("audit_opinion_rank",)),
)
def is_statement_audited() -> pl.Expr:
    """最近一期报表是否经过审计（1 是，0 否）。

    Whether the latest statement is audited (1) or not (0).
    """
    return flag(pl.col("audited"))


@feature(unit=Unit.RANK, dimension=Dimension.FINANCE, sources=_SOURCE, monotone=1, low=0, high=3)
def audit_opinion_rank() -> pl.Expr:
    """最近一次审计意见（0 标准无保留、1 保留、2 否定、3 无法表示意见）。

    Latest audit opinion (0 clean, 1 qualified, 2 adverse, 3 disclaimer).
    """
    return pl.col("last_opinion").replace_strict(_OPINION_RANKS, default=None, return_dtype=pl.Float64)
