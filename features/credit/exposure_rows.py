"""Each live exposure of the group's companies on a date, with what expected loss is measured from."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from features.credit.book import Book
from features.credit.ratios import exact_sum

__all__ = ["EXPOSURE_ROWS", "exposure_rows"]

EXPOSURE_ROWS: Final = pl.Schema(
    {
        "exposure_id": pl.String,
        "party_id": pl.String,
        "org_id": pl.String,
        "business_line": pl.String,
        "outstanding": pl.Float64,
        "accrued_interest": pl.Float64,
        "annual_rate": pl.Float64,
        "days_past_due": pl.Int64,
        "start_on": pl.Date,
        "maturity_on": pl.Date,
        "repayment": pl.String,
        "collateral_kind": pl.String,
        "collateral_value": pl.Float64,
        "in_default": pl.Boolean,
        "default_on": pl.Date,
    }
)
"""Amounts in CNY, the rate as a decimal. `in_default` is the debtor's, with any exposure."""

_YEAR: Final = 365.25


def exposure_rows(tables: Mapping[str, pl.LazyFrame], as_of: date) -> pl.DataFrame:
    """Return the live exposures (EXPOSURE_ROWS) as known on a date, sorted by exposure.

    `outstanding` is principal not repaid. `accrued_interest` is interest that is owed and not paid: of instalments past
    due what is open beyond their principal; of a bullet loan, whose interest falls due at the end, simple interest from its
    start to the date or its maturity. Interest accrued since the last instalment of the others is left out: at most one
    period. Raises MissingTableError or MissingColumnError.
    """
    book = Book.read(tables, as_of)
    known = book.known
    terms = known.rows("exposures", "exposure_id", "repayment", "collateral_kind")
    unpaid = (pl.col("due_on") < as_of) & (pl.col("open") > 0)
    beyond = (pl.col("open") - pl.col("principal_due")).clip(0, None)
    interest = book.ledger.filter(unpaid).group_by("exposure_id").agg(owed=exact_sum(beyond).round(2))
    end = pl.min_horizontal(pl.lit(as_of), "maturity_on")
    years = (end - pl.col("start_on")).dt.total_days().clip(0, None) / _YEAR
    simple = (pl.col("outstanding") * pl.col("annual_rate") * years).round(2)
    accrued = pl.when(pl.col("repayment") == "bullet").then(simple).otherwise(pl.col("owed").fill_null(0.0))
    rows = (
        book.states.filter("is_live")
        .join(terms, on="exposure_id", how="left")
        .join(interest, on="exposure_id", how="left")
        .join(book.defaults.select("party_id", "default_on"), on="party_id", how="left")
        .with_columns(accrued_interest=accrued, in_default=pl.col("default_on").is_not_null())
    )
    return (
        rows.select(pl.col(name).cast(dtype) for name, dtype in EXPOSURE_ROWS.items())
        .sort("exposure_id")
        .collect()
    )
