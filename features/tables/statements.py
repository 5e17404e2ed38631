"""Contract of the financial statements."""

from typing import Final

import polars as pl

from features.tables.columns import boolean, choice, day, identifier, known_at, money, optional
from features.tables.contract import Contract, DataClass, Domain, Level, Rule, Text
from features.tables.rules import known_not_before

__all__ = ["STATEMENTS"]

_BALANCE_TOLERANCE: Final = 0.01  # of total assets: published figures are rounded to 10,000 yuan
_CHECK_STATEMENT: Final = Text(
    "对照报表原件改正；注意单位是元，不是万元",
    "correct it against the statement; the unit is yuan, not ten thousand yuan",
)
_PERIOD_ENDS: Final = {"FY": (12, 31), "Q1": (3, 31), "H1": (6, 30), "Q3": (9, 30)}


def _wrong_period_end() -> pl.Expr:
    """Return where the period's code and its last day disagree."""
    wrong = pl.lit(value=False)
    for period, (month, last_day) in _PERIOD_ENDS.items():
        right = (pl.col("period_end").dt.month() == month) & (pl.col("period_end").dt.day() == last_day)
        wrong |= (pl.col("period") == period) & ~right
    return wrong


def _part_of_whole(part: str, zh: str, en: str) -> Rule:
    """State that an item of the assets is not larger than all assets."""
    return Rule(
        name=f"{part}_within_total_assets",
        columns=(part, "total_assets"),
        broken=pl.col(part) > pl.col("total_assets") * (1 + _BALANCE_TOLERANCE),
        text=Text(f"{zh}不应超过资产总额", f"{en} cannot exceed total assets"),
        remedy=_CHECK_STATEMENT,
    )


STATEMENTS: Final = Contract(
    name="statements",
    label=Text("财务报表", "Statements"),
    description=Text(
        "年报和季报的主要项目，金额单位为元；流量项目为1月1日起累计。重述：同一期末、更晚的获知日期。",
        "Main items of yearly and quarterly statements in yuan; flows are cumulated from 1 January. "
        "A restatement has the same period end and a later known_at.",
    ),
    data_class=DataClass(Domain.EXTERNAL, Level.MEDIUM),
    key=("party_id", "period_end", "known_at"),
    columns=(
        identifier("party_id", "主体编号", "Party id", of="parties"),
        day("period_end", "期末", "Period end"),
        choice("period", "报告期", "Period", {"FY": "年报", "Q1": "一季报", "H1": "半年报", "Q3": "三季报"}),
        boolean("audited", "是否审计", "Audited"),
        optional(
            choice(
                "opinion",
                "审计意见",
                "Audit opinion",
                {"clean": "无保留", "qualified": "保留", "adverse": "否定", "disclaimer": "无法表示"},
            )
        ),
        optional(money("cash", "货币资金", "Cash", minimum=0)),
        optional(money("receivables", "应收账款", "Receivables", minimum=0)),
        optional(money("inventory", "存货", "Inventory", minimum=0)),
        optional(money("current_assets", "流动资产", "Current assets", minimum=0)),
        money("total_assets", "资产总额", "Total assets", above=0),
        optional(money("short_term_debt", "短期借款", "Short-term debt", minimum=0)),
        optional(money("current_liabilities", "流动负债", "Current liabilities", minimum=0)),
        optional(money("long_term_debt", "长期借款", "Long-term debt", minimum=0)),
        optional(money("total_liabilities", "负债总额", "Total liabilities", minimum=0)),
        optional(money("equity", "所有者权益", "Equity")),
        optional(money("revenue", "营业收入", "Revenue", minimum=0)),
        optional(money("cost_of_sales", "营业成本", "Cost of sales", minimum=0)),
        optional(money("operating_profit", "营业利润", "Operating profit")),
        optional(money("interest_expense", "利息费用", "Interest expense", minimum=0)),
        optional(money("net_profit", "净利润", "Net profit")),
        optional(money("operating_cash_flow", "经营活动现金流净额", "Operating cash flow")),
        optional(money("capex", "资本性支出", "Capital expenditure", minimum=0)),
        known_at(),
    ),
    rules=(
        known_not_before("period_end", "期末", "the period's end"),
        Rule(
            name="period_matches_period_end",
            columns=("period", "period_end"),
            broken=_wrong_period_end(),
            text=Text(
                "报告期应与期末日期一致（年报12-31，一季报3-31，半年报6-30，三季报9-30）",
                "the period must fit its end (FY 12-31, Q1 03-31, H1 06-30, Q3 09-30)",
            ),
            remedy=Text("改正报告期或期末日期", "correct the period or its end"),
        ),
        Rule(
            name="balance_sheet_balances",
            columns=("total_assets", "total_liabilities", "equity"),
            broken=(pl.col("total_assets") - pl.col("total_liabilities") - pl.col("equity")).abs()
            > _BALANCE_TOLERANCE * pl.col("total_assets"),
            text=Text(
                "资产总额应等于负债总额加所有者权益（误差1%以内）",
                "total assets must equal total liabilities plus equity (within 1 %)",
            ),
            remedy=_CHECK_STATEMENT,
        ),
        _part_of_whole("current_assets", "流动资产", "current assets"),
        _part_of_whole("cash", "货币资金", "cash"),
        _part_of_whole("receivables", "应收账款", "receivables"),
        _part_of_whole("inventory", "存货", "inventory"),
        Rule(
            name="current_liabilities_within_liabilities",
            columns=("current_liabilities", "total_liabilities"),
            broken=pl.col("current_liabilities") > pl.col("total_liabilities") * (1 + _BALANCE_TOLERANCE),
            text=Text("流动负债不应超过负债总额", "current liabilities cannot exceed total liabilities"),
            remedy=_CHECK_STATEMENT,
        ),
        Rule(
            name="opinion_only_when_audited",
            columns=("opinion", "audited"),
            broken=~pl.col("audited") & pl.col("opinion").is_not_null(),
            text=Text("未经审计的报表没有审计意见", "a statement that is not audited has no audit opinion"),
            remedy=Text("清空审计意见，或把“是否审计”改为是", "clear the opinion, or set audited to true"),
        ),
    ),
)
