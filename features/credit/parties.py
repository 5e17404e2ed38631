"""The parties known on a date, each with the newest profile."""

from typing import Final

import polars as pl

from features.asof import Known

__all__ = ["PROFILE_COLUMNS", "party_ids", "profiles"]

PROFILE_COLUMNS: Final = (
    "kind",
    "credit_code",
    "industry",
    "size",
    "ownership",
    "founded_on",
    "registered_capital",
    "paid_in_capital",
    "employees",
    "listed",
)


def party_ids(known: Known) -> pl.LazyFrame:
    """Return the ids of the parties known by the date, sorted [party_id]."""
    return (
        known.rows("parties", "party_id", "valid_from")
        .filter(_begun(known))
        .select("party_id")
        .unique()
        .sort("party_id")
    )


def profiles(known: Known) -> pl.LazyFrame:
    """Return the newest profile that holds on the date and was known by it, and how many there were.

    [party_id, *PROFILE_COLUMNS, versions_36m], one row a party.
    """
    rows = known.rows("parties", "party_id", "valid_from", "known_at", *PROFILE_COLUMNS).filter(_begun(known))
    recent = (pl.col("known_at") > known.since(36)).sum().alias("versions_36m")
    newest = [pl.col(column).last() for column in PROFILE_COLUMNS]
    return rows.sort("party_id", "valid_from", "known_at").group_by("party_id").agg(*newest, recent)


def _begun(known: Known) -> pl.Expr:
    return pl.col("valid_from") <= known.as_of
