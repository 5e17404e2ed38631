"""How a party pays the group: instalments, arrears, what is outstanding and what secures it."""

from typing import Final

import polars as pl

from features.asof import Known
from features.catalogue import Change, Dimension, Unit, feature
from features.credit.ratios import days_since, exact_sum, log_amount, ratio

__all__ = ["BUSINESS_LINES", "view"]

BUSINESS_LINES: Final = ("leasing", "fund", "microloan", "equity", "debt")

_PAID: Final = ("exposures", "schedules", "payments")
_EXPOSED: Final = ("exposures", "schedules", "payments", "write_offs")
_NOTABLY_LATE: Final = 30


def view(known: Known, ledger: pl.LazyFrame, states: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per party that has or had an exposure; `ledger` and `states` come from `instalments`."""
    return (
        _positions(known, states)
        .join(_history(known, ledger), on="party_id", how="left")
        .join(_paid(known), on="party_id", how="left")
        .with_columns(as_of=pl.lit(known.as_of))
    )


def _history(known: Known, ledger: pl.LazyFrame) -> pl.LazyFrame:
    """Return, per party, how late its instalments were: an instalment counts in a window while it was unpaid in it."""
    end = pl.col("cleared_on").fill_null(known.as_of)
    late = (end - pl.col("due_on")).dt.total_days().clip(0, None)
    fallen = ledger.with_columns(end=end, late=late).filter(pl.col("due_on") < known.as_of)
    unpaid_since = {months: pl.max_horizontal("end", "due_on") > known.since(months) for months in (3, 6, 12)}
    due_since = {months: pl.col("due_on") > known.since(months) for months in (3, 12)}
    past = fallen.group_by("party_id", maintain_order=True).agg(
        *(
            pl.col("late").filter(unpaid_since[months]).max().alias(f"max_late_{months}m")
            for months in unpaid_since
        ),
        *(
            (pl.col("late") > 0).filter(due_since[months]).mean().alias(f"late_share_{months}m")
            for months in due_since
        ),
        pl.col("late").filter(due_since[12]).mean().alias("mean_late_12m"),
        ((pl.col("late") >= _NOTABLY_LATE) & (pl.col("end") > known.since(24)))
        .sum()
        .alias("notably_late_24m"),
        pl.col("end").filter(pl.col("late") > 0).max().alias("last_late_on"),
        exact_sum(pl.col("due").filter(due_since[12])).alias("due_12m"),
    )
    ahead = (pl.col("due_on") > known.as_of) & (pl.col("due_on") <= known.since(-3))
    upcoming = ledger.group_by("party_id", maintain_order=True).agg(
        exact_sum(pl.col("open").filter(ahead)).alias("due_next_3m")
    )
    return upcoming.join(past, on="party_id", how="left")


def _paid(known: Known) -> pl.LazyFrame:
    """Return what each party paid in the last 12 months."""
    payments = known.rows("payments", "exposure_id", "paid_on", "amount")
    recent = (pl.col("paid_on") > known.since(12)) & (pl.col("paid_on") <= known.as_of)
    owners = known.rows("exposures", "exposure_id", "party_id")
    owned = payments.filter(recent).join(owners, on="exposure_id")
    return owned.group_by("party_id").agg(exact_sum("amount").alias("paid_12m"))


def _positions(known: Known, states: pl.LazyFrame) -> pl.LazyFrame:
    """Return, per party, what its live exposures add up to."""
    live = pl.col("is_live")
    outstanding = pl.col("outstanding").filter(live)
    maturity = (pl.col("maturity_on") - pl.lit(known.as_of)).dt.total_days().clip(0, None)

    def weighted(value: pl.Expr) -> pl.Expr:
        return exact_sum((value * pl.col("outstanding")).filter(live))

    return states.group_by("party_id", maintain_order=True).agg(
        live.sum().alias("live"),
        pl.col("org_id").filter(live).n_unique().alias("companies"),
        exact_sum(outstanding).alias("outstanding"),
        exact_sum(pl.col("principal").filter(live)).alias("principal"),
        exact_sum(pl.col("overdue").filter(live)).alias("overdue"),
        pl.col("days_past_due").filter(live).max().alias("days_past_due"),
        exact_sum(
            pl.min_horizontal(pl.col("collateral_value").fill_null(0.0), "outstanding").filter(live)
        ).alias("secured"),
        exact_sum(pl.col("collateral_value").filter(live)).alias("collateral"),
        weighted(pl.col("annual_rate")).alias("rate_sum"),
        weighted(maturity).alias("term_sum"),
        (pl.col("start_on") > known.since(12)).sum().alias("new_12m"),
        pl.col("start_on").min().alias("first_on"),
        *(
            exact_sum(pl.col("outstanding").filter(live & (pl.col("business_line") == line))).alias(
                f"outstanding_{line}"
            )
            for line in BUSINESS_LINES
        ),
    )


@feature(
    unit=Unit.DAYS,
    dimension=Dimension.BEHAVIOUR,
    sources=_EXPOSED,
    monotone=1,
    low=0,
    high=2000,
    changeable=Change(
        -1, linked=("overdue_ratio", "log_outstanding", "outstanding_to_principal", "max_days_past_due_3m")
    ),
)
def days_past_due() -> pl.Expr:
    """当前逾期天数：存续业务中最早未付清一期的逾期天数，取最大值。

    Days past due today: those of the oldest unpaid instalment, the worst of the live exposures.
    """
    return pl.col("days_past_due")


@feature(unit=Unit.DAYS, dimension=Dimension.BEHAVIOUR, sources=_PAID, monotone=1, low=0, high=2000)
def max_days_past_due_3m() -> pl.Expr:
    """近 3 个月达到过的最大逾期天数。

    Highest number of days past due reached in the last 3 months.
    """
    return pl.col("max_late_3m")


@feature(unit=Unit.DAYS, dimension=Dimension.BEHAVIOUR, sources=_PAID, monotone=1, low=0, high=2000)
def max_days_past_due_6m() -> pl.Expr:
    """近 6 个月达到过的最大逾期天数。

    Highest number of days past due reached in the last 6 months.
    """
    return pl.col("max_late_6m")


@feature(unit=Unit.DAYS, dimension=Dimension.BEHAVIOUR, sources=_PAID, monotone=1, low=0, high=2000)
def max_days_past_due_12m() -> pl.Expr:
    """近 12 个月达到过的最大逾期天数。

    Highest number of days past due reached in the last 12 months.
    """
    return pl.col("max_late_12m")


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_PAID, monotone=1, low=0, high=1)
def late_share_3m() -> pl.Expr:
    """近 3 个月到期各期中逾期（含尚未付清）的比例。

    Share of the instalments due in the last 3 months that were paid late or are still unpaid.
    """
    return pl.col("late_share_3m")


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_PAID, monotone=1, low=0, high=1)
def late_share_12m() -> pl.Expr:
    """近 12 个月到期各期中逾期（含尚未付清）的比例。

    Share of the instalments due in the last 12 months that were paid late or are still unpaid.
    """
    return pl.col("late_share_12m")


@feature(unit=Unit.DAYS, dimension=Dimension.BEHAVIOUR, sources=_PAID, monotone=1, low=0, high=2000)
def mean_days_late_12m() -> pl.Expr:
    """近 12 个月到期各期的平均逾期天数（按期付清记 0）。

    Mean days late of the instalments due in the last 12 months (0 for those paid in time).
    """
    return pl.col("mean_late_12m")


@feature(unit=Unit.COUNT, dimension=Dimension.BEHAVIOUR, sources=_PAID, monotone=1, low=0, high=1000)
def instalments_30_days_late_24m() -> pl.Expr:
    """近 24 个月内付清或仍未付清的各期中逾期达到 30 天的期数。

    Instalments, paid in the last 24 months or still unpaid, that were 30 or more days late.
    """
    return pl.col("notably_late_24m").fill_null(0)


@feature(unit=Unit.MONTHS, dimension=Dimension.BEHAVIOUR, sources=_PAID, monotone=-1, low=0, high=240)
def months_since_late() -> pl.Expr:
    """距最近一次处于逾期状态的月数（从未逾期则为空）。

    Months since the party was last in arrears (empty where it never was).
    """
    return days_since("last_late_on") / 30.4375


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.BEHAVIOUR,
    sources=_EXPOSED,
    monotone=1,
    low=0,
    high=1,
    changeable=Change(-1, linked=("late_share_3m", "late_share_12m", "paid_to_due_12m", "log_outstanding")),
)
def overdue_ratio() -> pl.Expr:
    """逾期金额（本金和利息）占存续业务余额的比例。

    Overdue principal and interest over the outstanding principal of the live exposures.
    """
    return ratio("overdue", "outstanding")


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_PAID, low=0, high=10)
def paid_to_due_12m() -> pl.Expr:
    """近 12 个月实付金额÷到期应付金额。

    Amount paid over amount due in the last 12 months.
    """
    return ratio(pl.col("paid_12m").fill_null(0.0), "due_12m")


@feature(
    unit=Unit.LOG_CNY,
    dimension=Dimension.BEHAVIOUR,
    sources=_EXPOSED,
    low=0,
    high=35,
    changeable=Change(
        -1,
        linked=(
            "outstanding_to_principal",
            "collateral_cover",
            "unsecured_share",
            "due_next_3m_to_outstanding",
        ),
    ),
)
def log_outstanding() -> pl.Expr:
    """存续业务本金余额（元）的自然对数。

    Natural logarithm of the outstanding principal in yuan.
    """
    return log_amount(pl.col("outstanding").fill_null(0))


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.BEHAVIOUR,
    sources=_EXPOSED,
    low=0,
    high=1,
    changeable=Change(-1, linked=("collateral_cover", "unsecured_share", "due_next_3m_to_outstanding")),
)
def outstanding_to_principal() -> pl.Expr:
    """存续业务未还本金占原始本金的比例。

    Outstanding share of the original principal of the live exposures.
    """
    return ratio("outstanding", "principal")


@feature(unit=Unit.COUNT, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=1000)
def exposure_count() -> pl.Expr:
    """存续业务笔数。

    Number of live exposures.
    """
    return pl.col("live").fill_null(0)


@feature(unit=Unit.COUNT, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=100)
def lending_companies() -> pl.Expr:
    """对其有存续业务的集团内企业数（多头授信）。

    Companies of the group with a live exposure to the party (multiple lending).
    """
    return pl.col("companies").fill_null(0)


@feature(unit=Unit.COUNT, dimension=Dimension.BEHAVIOUR, sources=("exposures",), low=0, high=1000)
def new_exposures_12m() -> pl.Expr:
    """近 12 个月新增业务笔数。

    Exposures that started in the last 12 months.
    """
    return pl.col("new_12m").fill_null(0)


@feature(unit=Unit.YEARS, dimension=Dimension.BEHAVIOUR, sources=("exposures",), low=0, high=60)
def relationship_years() -> pl.Expr:
    """自首笔业务起的合作年限。

    Years since the first exposure of the party.
    """
    return days_since("first_on") / 365.25


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=1)
def leasing_share() -> pl.Expr:
    """融资租赁占存续余额的比例。

    Leasing share of the outstanding principal.
    """
    return ratio("outstanding_leasing", "outstanding")


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=1)
def microloan_share() -> pl.Expr:
    """小额贷款占存续余额的比例。

    Micro-loan share of the outstanding principal.
    """
    return ratio("outstanding_microloan", "outstanding")


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=1)
def fund_and_equity_share() -> pl.Expr:
    """基金和股权业务占存续余额的比例。

    Fund and equity share of the outstanding principal.
    """
    return ratio(pl.col("outstanding_fund") + pl.col("outstanding_equity"), "outstanding")


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=1)
def debt_business_share() -> pl.Expr:
    """债权业务占存续余额的比例。

    Share of the debt business in the outstanding principal.
    """
    return ratio("outstanding_debt", "outstanding")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.BEHAVIOUR,
    sources=_EXPOSED,
    low=0,
    high=20,
    changeable=Change(1, linked=("unsecured_share",)),
)
def collateral_cover() -> pl.Expr:
    """担保物覆盖倍数：担保物价值÷存续余额。

    Value of the collateral over the outstanding principal.
    """
    return ratio("collateral", "outstanding")


@feature(
    unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=1, changeable=Change(-1)
)
def unsecured_share() -> pl.Expr:
    """存续余额中没有担保物覆盖的比例（逐笔计算，超额担保不互抵）。

    Share of the outstanding principal without collateral, exposure by exposure: excess cover of one does not help another.
    """
    return 1 - ratio("secured", "outstanding")


@feature(unit=Unit.MONTHS, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=480)
def remaining_term_months() -> pl.Expr:
    """按余额加权的剩余期限（月）。

    Remaining term in months, weighted by the outstanding principal.
    """
    return ratio("term_sum", "outstanding") / 30.4375


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=0.36)
def mean_annual_rate() -> pl.Expr:
    """按余额加权的年利率。

    Annual interest rate, weighted by the outstanding principal.
    """
    return ratio("rate_sum", "outstanding")


@feature(unit=Unit.RATIO, dimension=Dimension.BEHAVIOUR, sources=_EXPOSED, low=0, high=5)
def due_next_3m_to_outstanding() -> pl.Expr:
    """未来 3 个月按合同到期的应付金额÷存续余额。

    Amount that falls due by contract in the next 3 months over the outstanding principal.
    """
    return ratio("due_next_3m", "outstanding")
