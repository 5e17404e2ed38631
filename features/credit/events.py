"""What courts and the company registry have recorded of a party."""

from datetime import date
from typing import Final

import polars as pl

from features.asof import Known
from features.catalogue import Dimension, Unit, feature
from features.credit.ratios import days_since, exact_sum, ratio
from features.credit.statements import latest_statements

__all__ = ["ADVERSE_KINDS", "view"]

ADVERSE_KINDS: Final = ("enforcement", "dishonest", "asset_freeze")
"""Measures against a party; a bankruptcy filing is left out, being a default itself."""

_COURT: Final = ("court_events",)
_REGISTRY: Final = ("registry_events",)
_REGISTRY_KINDS: Final = (
    "legal_representative_change",
    "capital_increase",
    "capital_decrease",
    "address_change",
    "scope_change",
    "abnormal_operation",
    "administrative_penalty",
    "share_pledge",
    "deregistration",
)


def view(known: Known, parties: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per party of `parties`; a party without events has counts of 0 and no days since."""
    court = known.rows("court_events", "party_id", "kind", "role", "cause", "amount", "occurred_on")
    registry = known.rows("registry_events", "party_id", "kind", "occurred_on")
    happened = pl.col("occurred_on") <= known.as_of
    assets = latest_statements(known).select("party_id", "total_assets")
    counted = (
        parties.join(_court_counts(court.filter(happened), known), on="party_id", how="left")
        .join(_registry_counts(registry.filter(happened), known), on="party_id", how="left")
        .with_columns((pl.selectors.numeric()).fill_null(0))
    )
    return counted.join(assets, on="party_id", how="left").with_columns(as_of=pl.lit(known.as_of))


def _court_counts(events: pl.LazyFrame, known: Known) -> pl.LazyFrame:
    sued = (pl.col("kind") == "lawsuit") & (pl.col("role") == "defendant")
    suing = (pl.col("kind") == "lawsuit") & (pl.col("role") == "plaintiff")
    adverse = pl.col("kind").is_in(ADVERSE_KINDS)
    conditions = {
        "sued": sued,
        "suing": suing,
        "sued_loan": sued & pl.col("cause").is_in(["loan", "lease"]),
        "sued_labour": sued & (pl.col("cause") == "labour"),
        **{kind: pl.col("kind") == kind for kind in ADVERSE_KINDS},
    }
    return events.group_by("party_id").agg(
        *_counts(conditions, known.since(12), "12m"),
        *_counts(conditions, known.since(36), "36m"),
        exact_sum(pl.col("amount").filter(sued & _after(known.since(12)))).alias("sued_amount_12m"),
        exact_sum(pl.col("amount").filter((pl.col("kind") == "enforcement") & _after(known.since(36)))).alias(
            "enforced_amount_36m"
        ),
        pl.col("occurred_on").filter(adverse | sued).max().alias("last_adverse_on"),
    )


def _registry_counts(events: pl.LazyFrame, known: Known) -> pl.LazyFrame:
    conditions = {kind: pl.col("kind") == kind for kind in _REGISTRY_KINDS}
    return events.group_by("party_id").agg(
        *_counts(conditions, known.since(36), "36m"),
        _after(known.since(12)).sum().alias("registry_changes_12m"),
        pl.col("occurred_on").max().alias("last_change_on"),
    )


def _counts(conditions: dict[str, pl.Expr], since: date, suffix: str) -> list[pl.Expr]:
    return [
        (condition & _after(since)).sum().alias(f"{name}_{suffix}") for name, condition in conditions.items()
    ]


def _after(since: date) -> pl.Expr:
    return pl.col("occurred_on") > since


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, monotone=1, low=0, high=1000)
def lawsuits_as_defendant_12m() -> pl.Expr:
    """近 12 个月作为被告的诉讼件数。

    Lawsuits against the party in the last 12 months.
    """
    return pl.col("sued_12m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, monotone=1, low=0, high=1000)
def lawsuits_as_defendant_36m() -> pl.Expr:
    """近 36 个月作为被告的诉讼件数。

    Lawsuits against the party in the last 36 months.
    """
    return pl.col("sued_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, low=0, high=1000)
def lawsuits_as_plaintiff_12m() -> pl.Expr:
    """近 12 个月作为原告的诉讼件数，偏多可能说明货款难收。

    Lawsuits by the party in the last 12 months; many may say that it struggles to collect.
    """
    return pl.col("suing_12m")


@feature(unit=Unit.RATIO, dimension=Dimension.LAW, sources=_COURT, low=0, high=1)
def defendant_share_36m() -> pl.Expr:
    """近 36 个月诉讼中作为被告的比例（没有诉讼则为空）。

    Share of the party's lawsuits of the last 36 months in which it is the defendant (empty without lawsuits).
    """
    return ratio("sued_36m", pl.col("sued_36m") + pl.col("suing_36m"))


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, monotone=1, low=0, high=1000)
def loan_lawsuits_36m() -> pl.Expr:
    """近 36 个月作为被告的借款或租赁合同纠纷件数。

    Lawsuits over loans or leases against the party in the last 36 months.
    """
    return pl.col("sued_loan_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, monotone=1, low=0, high=1000)
def labour_lawsuits_36m() -> pl.Expr:
    """近 36 个月作为被告的劳动争议件数，常先于欠薪与停产。

    Labour disputes against the party in the last 36 months; they often precede unpaid wages and a standstill.
    """
    return pl.col("sued_labour_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, monotone=1, low=0, high=1000)
def enforcements_12m() -> pl.Expr:
    """近 12 个月被法院强制执行的次数。

    Court enforcements against the party in the last 12 months.
    """
    return pl.col("enforcement_12m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, monotone=1, low=0, high=1000)
def enforcements_36m() -> pl.Expr:
    """近 36 个月被法院强制执行的次数。

    Court enforcements against the party in the last 36 months.
    """
    return pl.col("enforcement_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, monotone=1, low=0, high=1000)
def dishonest_listings_36m() -> pl.Expr:
    """近 36 个月被列入失信被执行人名单的次数。

    Times the party was put on the list of dishonest judgment debtors in the last 36 months.
    """
    return pl.col("dishonest_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_COURT, monotone=1, low=0, high=1000)
def asset_freezes_12m() -> pl.Expr:
    """近 12 个月资产或股权被冻结的次数。

    Freezes of the party's assets or shares in the last 12 months.
    """
    return pl.col("asset_freeze_12m")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.LAW,
    sources=("court_events", "statements"),
    monotone=1,
    low=0,
    high=10,
)
def claims_to_assets_12m() -> pl.Expr:
    """近 12 个月作为被告的诉讼标的额÷总资产。

    Amounts claimed from the party in lawsuits of the last 12 months over its total assets.
    """
    return ratio("sued_amount_12m", "total_assets")


@feature(
    unit=Unit.RATIO,
    dimension=Dimension.LAW,
    sources=("court_events", "statements"),
    monotone=1,
    low=0,
    high=10,
)
def enforced_to_assets_36m() -> pl.Expr:
    """近 36 个月被执行金额÷总资产。

    Amounts enforced against the party in the last 36 months over its total assets.
    """
    return ratio("enforced_amount_36m", "total_assets")


@feature(unit=Unit.DAYS, dimension=Dimension.LAW, sources=_COURT, monotone=-1, low=0, high=10000)
def days_since_adverse_event() -> pl.Expr:
    """距最近一次被诉、被执行、失信或冻结的天数（没有则为空）。

    Days since the last lawsuit against the party, enforcement, dishonesty listing or freeze (empty without one).
    """
    return days_since("last_adverse_on")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, low=0, high=100)
def legal_representative_changes_36m() -> pl.Expr:
    """近 36 个月法定代表人变更次数。

    Changes of the legal representative in the last 36 months.
    """
    return pl.col("legal_representative_change_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, low=0, high=100)
def capital_increases_36m() -> pl.Expr:
    """近 36 个月增资次数。

    Increases of the registered capital in the last 36 months.
    """
    return pl.col("capital_increase_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, low=0, high=100)
def capital_decreases_36m() -> pl.Expr:
    """近 36 个月减资次数。

    Decreases of the registered capital in the last 36 months.
    """
    return pl.col("capital_decrease_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, low=0, high=100)
def address_and_scope_changes_36m() -> pl.Expr:
    """近 36 个月住所或经营范围变更次数。

    Changes of address or business scope in the last 36 months.
    """
    return pl.col("address_change_36m") + pl.col("scope_change_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, monotone=1, low=0, high=100)
def abnormal_operations_36m() -> pl.Expr:
    """近 36 个月被列入经营异常名录的次数。

    Times the party was put on the list of abnormal operations in the last 36 months.
    """
    return pl.col("abnormal_operation_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, monotone=1, low=0, high=100)
def administrative_penalties_36m() -> pl.Expr:
    """近 36 个月行政处罚次数。

    Administrative penalties in the last 36 months.
    """
    return pl.col("administrative_penalty_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, low=0, high=100)
def share_pledges_36m() -> pl.Expr:
    """近 36 个月股权出质次数。

    Share pledges in the last 36 months.
    """
    return pl.col("share_pledge_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, low=0, high=100)
def deregistrations_36m() -> pl.Expr:
    """近 36 个月注销（含公告）次数。

    Deregistrations, including notices of one, in the last 36 months.
    """
    return pl.col("deregistration_36m")


@feature(unit=Unit.COUNT, dimension=Dimension.LAW, sources=_REGISTRY, low=0, high=1000)
def registry_changes_12m() -> pl.Expr:
    """近 12 个月工商登记事项变动总次数。

    All changes and notices in the company registry in the last 12 months.
    """
    return pl.col("registry_changes_12m")


@feature(unit=Unit.DAYS, dimension=Dimension.LAW, sources=_REGISTRY, low=0, high=10000)
def days_since_registry_change() -> pl.Expr:
    """距最近一次工商登记变动的天数（没有则为空）。

    Days since the last change in the company registry (empty without one).
    """
    return days_since("last_change_on")
