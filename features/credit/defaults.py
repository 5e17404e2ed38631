"""When a party defaulted, as far as it was known on a date."""

from typing import Final

import polars as pl

from features.asof import Known

__all__ = ["DAYS_TO_DEFAULT", "first_defaults"]

DAYS_TO_DEFAULT: Final = 90


def first_defaults(known: Known, ledger: pl.LazyFrame) -> pl.LazyFrame:
    """Return the first default of each party that is known to have defaulted [party_id, default_on, cause].

    The first of: an instalment still unpaid 90 days after it was due (`overdue`), a bankruptcy filing
    (`bankruptcy`), a write-off (`write_off`). `ledger` comes from `instalments.instalments`.
    """
    day = pl.col("due_on").dt.offset_by(f"{DAYS_TO_DEFAULT}d")
    unpaid_then = pl.col("cleared_on").is_null() | (pl.col("cleared_on") > day)
    overdue = ledger.filter(unpaid_then).select("party_id", day.alias("default_on"), cause=pl.lit("overdue"))
    filed = known.rows("court_events", "party_id", "kind", "occurred_on")
    bankruptcy = filed.filter(pl.col("kind") == "bankruptcy_filing").select(
        "party_id", pl.col("occurred_on").alias("default_on"), cause=pl.lit("bankruptcy")
    )
    write_off = (
        known.rows("write_offs", "exposure_id", "written_off_on")
        .join(known.rows("exposures", "exposure_id", "party_id"), on="exposure_id")
        .select("party_id", pl.col("written_off_on").alias("default_on"), cause=pl.lit("write_off"))
    )
    every = pl.concat([overdue, bankruptcy, write_off]).filter(pl.col("default_on") <= known.as_of)
    return every.sort("default_on", "cause").group_by("party_id").first()
