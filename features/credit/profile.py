"""Profile of a party: who it is, how old, how large, in what trade."""

from typing import Final

import polars as pl

from features.asof import Known
from features.catalogue import Change, Dimension, Unit, feature
from features.credit.parties import profiles
from features.credit.ratios import days_since, flag, log_amount, ratio

__all__ = ["INDUSTRY_CODES", "SIZE_RANKS", "view"]

SIZE_RANKS: Final = {"micro": 1, "small": 2, "medium": 3, "large": 4}
INDUSTRY_CODES: Final = {letter: code for code, letter in enumerate("ABCDEFGHIJKLMNOPQRST", start=1)}
"""Section letters of GB/T 4754 as numbers; a letter outside them is unknown (null), so no unseen category fails."""

_SOURCE: Final = ("parties",)


def view(known: Known) -> pl.LazyFrame:
    """Return one row per party with its newest profile and the date."""
    return profiles(known).with_columns(as_of=pl.lit(known.as_of))


@feature(unit=Unit.FLAG, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=1)
def is_company() -> pl.Expr:
    """是否为企业（1 为企业，0 为自然人）。

    Whether the party is a company (1) or a person (0).
    """
    return flag(pl.col("kind") == "company")


@feature(unit=Unit.YEARS, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=200)
def age_years() -> pl.Expr:
    """企业成立年限（年）。

    Years since the company was founded.
    """
    return days_since("founded_on") / 365.25


@feature(unit=Unit.LOG_CNY, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=35)
def log_registered_capital() -> pl.Expr:
    """注册资本（元）的自然对数。

    Natural logarithm of the registered capital in yuan.
    """
    return log_amount("registered_capital")


@feature(unit=Unit.RATIO, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=2, changeable=Change(1))
def paid_in_ratio() -> pl.Expr:
    """实缴率：实缴资本占注册资本的比例，偏低说明股东出资不到位。

    Paid-in share of the registered capital; a low one says that the owners have not put in what they promised.
    """
    return ratio("paid_in_capital", "registered_capital")


@feature(unit=Unit.RANK, dimension=Dimension.PROFILE, sources=_SOURCE, low=1, high=4)
def size_rank() -> pl.Expr:
    """企业规模档次（1 微型、2 小型、3 中型、4 大型）。

    Size of the company (1 micro, 2 small, 3 medium, 4 large).
    """
    return pl.col("size").replace_strict(SIZE_RANKS, default=None, return_dtype=pl.Float64)


@feature(unit=Unit.LOG_COUNT, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=16)
def log_employees() -> pl.Expr:
    """职工人数的自然对数（人数加 1）。

    Natural logarithm of the number of employees plus one.
    """
    return log_amount("employees")


@feature(unit=Unit.LOG_CNY, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=35)
def log_capital_per_employee() -> pl.Expr:
    """人均注册资本（元）的自然对数，异常偏高可能是空壳企业。

    Natural logarithm of the registered capital per employee in yuan; an unusually high one may point to a shell company.
    """
    return log_amount(ratio("registered_capital", "employees"))


@feature(unit=Unit.FLAG, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=1)
def is_state_owned() -> pl.Expr:
    """是否国有（1 是，0 否）。

    Whether the company is state-owned (1) or not (0).
    """
    return flag(pl.col("ownership") == "state")


@feature(unit=Unit.FLAG, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=1)
def is_privately_owned() -> pl.Expr:
    """是否民营（1 是，0 否）。

    Whether the company is privately owned (1) or not (0).
    """
    return flag(pl.col("ownership") == "private")


@feature(unit=Unit.FLAG, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=1)
def is_foreign_owned() -> pl.Expr:
    """是否外资（1 是，0 否）。

    Whether the company is foreign-owned (1) or not (0).
    """
    return flag(pl.col("ownership") == "foreign")


@feature(unit=Unit.FLAG, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=1)
def is_listed() -> pl.Expr:
    """是否上市公司（1 是，0 否）。

    Whether the company is listed (1) or not (0).
    """
    return flag(pl.col("listed"))


@feature(unit=Unit.CODE, dimension=Dimension.INDUSTRY, sources=_SOURCE, low=1, high=20)
def industry_code() -> pl.Expr:
    """国民经济行业门类（GB/T 4754，A=1 至 T=20）。

    Section of the national classification of industries (GB/T 4754, A=1 to T=20).
    """
    return pl.col("industry").replace_strict(INDUSTRY_CODES, default=None, return_dtype=pl.Float64)


@feature(unit=Unit.FLAG, dimension=Dimension.INDUSTRY, sources=_SOURCE, low=0, high=1)
def is_construction_or_property() -> pl.Expr:
    """是否属于建筑业（E）或房地产业（K）（1 是，0 否）。

    Whether the company is in construction (E) or real estate (K) (1) or not (0).
    """
    return flag(pl.col("industry").is_in(["E", "K"]))


@feature(unit=Unit.FLAG, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=1, changeable=Change(-1))
def lacks_credit_code() -> pl.Expr:
    """企业档案中是否缺少统一社会信用代码（1 缺少，0 不缺；自然人为 0）。

    Whether the record of a company lacks its unified social credit code (1) or not (0; persons have 0).
    """
    return flag((pl.col("kind") == "company") & pl.col("credit_code").is_null())


@feature(unit=Unit.COUNT, dimension=Dimension.PROFILE, sources=_SOURCE, low=0, high=100)
def profile_changes_36m() -> pl.Expr:
    """近 36 个月登记的档案版本数，频繁变更值得留意。

    Versions of the party's profile recorded in the last 36 months; frequent changes deserve a look.
    """
    return pl.col("versions_36m")
