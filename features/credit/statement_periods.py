"""The view of financial statements: the latest published one, and the same period a year before."""

from typing import Final

import polars as pl

from features.asof import Known

__all__ = ["ITEMS", "latest_statements", "view"]

_STOCKS: Final = (
    "cash",
    "receivables",
    "inventory",
    "current_assets",
    "total_assets",
    "short_term_debt",
    "current_liabilities",
    "long_term_debt",
    "total_liabilities",
    "equity",
)
_FLOWS: Final = (
    "revenue",
    "cost_of_sales",
    "operating_profit",
    "interest_expense",
    "net_profit",
    "operating_cash_flow",
    "capex",
)
ITEMS: Final = (*_STOCKS, *_FLOWS)

_MONTHS: Final = {"Q1": 3, "H1": 6, "Q3": 9, "FY": 12}


def latest_statements(known: Known) -> pl.LazyFrame:
    """Return the latest period of each party in its newest known version, keyed by party_id.

    Flows are cumulated from 1 January in the source; `<flow>_year` is the flow brought to a full year (× 12 ÷ months).
    `<item>_before` is the item of the same period a year earlier as it is known now, so that like is compared
    with like whatever the season.
    """
    versions = _versions(known)
    latest = versions.sort("period_end").group_by("party_id").last()
    earlier = versions.select(
        "party_id",
        "period",
        pl.col("period_end").dt.offset_by("1y").dt.month_end().alias("period_end"),
        *(pl.col(item).alias(f"{item}_before") for item in ITEMS),
    )
    yearly = [(pl.col(flow) * 12 / pl.col("months")).alias(f"{flow}_year") for flow in _FLOWS]
    months = pl.col("period").replace_strict(_MONTHS, default=None, return_dtype=pl.Float64).alias("months")
    joined = latest.join(earlier, on=["party_id", "period", "period_end"], how="left")
    return joined.with_columns(months).with_columns(yearly)


def _versions(known: Known) -> pl.LazyFrame:
    """Return the newest known version of each period, and whether it was restated."""
    rows = known.rows(
        "statements", "party_id", "period_end", "known_at", "period", "audited", "opinion", *ITEMS
    )
    restated = (pl.len() > 1).alias("restated")
    return (
        rows.filter(pl.col("period_end") <= known.as_of)
        .sort("known_at")
        .group_by("party_id", "period_end")
        .agg(pl.col("period", "audited", "opinion", *ITEMS).last(), restated)
    )


def view(known: Known) -> pl.LazyFrame:
    """Return one row per party that has published a statement."""
    recent = pl.col("period_end") > known.since(36)
    history = (
        _versions(known)
        .filter(recent)
        .group_by("party_id")
        .agg(
            pl.col("restated").sum().alias("restated_36m"),
            ((pl.col("period") == "FY") & (pl.col("net_profit") < 0)).sum().alias("loss_years_36m"),
        )
    )
    opinions = (
        _versions(known)
        .filter(pl.col("opinion").is_not_null())
        .sort("period_end")
        .group_by("party_id")
        .agg(pl.col("opinion").last().alias("last_opinion"))
    )
    latest = latest_statements(known).drop("opinion")
    return (
        latest.join(history, on="party_id", how="left")
        .join(opinions, on="party_id", how="left")
        .with_columns(as_of=pl.lit(known.as_of))
    )
