"""Labels: does a party default within the horizon, told only once that can be known."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import polars as pl

from features.asof import month_ends, months_before
from features.credit.book import Book
from features.errors import ImmatureObservationError

__all__ = [
    "HORIZON_MONTHS",
    "LABEL_SCHEMA",
    "LAG_MONTHS",
    "check_mature",
    "default_dates",
    "labels",
    "labels_of",
    "last_mature_month_end",
]

HORIZON_MONTHS: Final = 12
LAG_MONTHS: Final = 3
"""Months after the horizon until its outcome is taken as known: payments, filings and write-offs are reported late."""

LABEL_SCHEMA: Final = pl.Schema(
    {"party_id": pl.String, "as_of": pl.Date, "label": pl.Int8, "default_on": pl.Date, "cause": pl.String}
)


def default_dates(tables: Mapping[str, pl.LazyFrame], known_by: date) -> pl.DataFrame:
    """Return the first default of each party as known by a date [party_id, default_on, cause], sorted by party."""
    return Book.read(tables, known_by).defaults.sort("party_id").collect()


def labels(
    tables: Mapping[str, pl.LazyFrame],
    dates: Iterable[date],
    *,
    known_by: date,
    horizon_months: int = HORIZON_MONTHS,
    lag_months: int = LAG_MONTHS,
) -> pl.DataFrame:
    """Return [party_id, as_of, label, default_on, cause] of the parties at risk on each date.

    At risk is who has a live exposure as known on the date and has not defaulted on or before it. `label` is 1 for a
    first default after the date and within `horizon_months` (else 0), on what is known by `known_by`; `default_on` and
    `cause` tell of it and are no features. Labels are known late: a date is mature when date + horizon + lag is on or
    before `known_by`; before that the defaults already seen would be labelled and the others taken for good.
    Raises ImmatureObservationError for dates that are not mature.
    """
    days = sorted(set(dates))
    check_mature(days, known_by, horizon_months + lag_months)
    outcomes = default_dates(tables, known_by)
    parts = [labels_of(Book.read(tables, day), outcomes, horizon_months) for day in days]
    return (
        pl.concat(parts)
        if parts
        else labels_of(Book.read(tables, known_by), outcomes, horizon_months).clear()
    )


def labels_of(book: Book, outcomes: pl.DataFrame, horizon_months: int) -> pl.DataFrame:
    """Return the labels of one date; `outcomes` comes from `default_dates`, the caller sees to maturity."""
    as_of = book.known.as_of
    within = pl.col("default_on") <= months_before(as_of, -horizon_months)
    return (
        book.borrowers()
        .join(outcomes.lazy(), on="party_id", how="left")
        .filter(pl.col("default_on").is_null() | (pl.col("default_on") > as_of))
        .select(
            "party_id",
            pl.lit(as_of).alias("as_of"),
            within.fill_null(value=False).cast(pl.Int8).alias("label"),
            pl.when(within).then("default_on").alias("default_on"),
            pl.when(within).then("cause").alias("cause"),
        )
        .sort("party_id")
        .collect()
    )


def check_mature(dates: Iterable[date], known_by: date, months: int) -> None:
    """Raise ImmatureObservationError when a date plus the months lies after `known_by`."""
    early = [day for day in dates if months_before(day, -months) > known_by]
    if early:
        raise ImmatureObservationError(early, known_by, _last_month_end(known_by, months))


def last_mature_month_end(
    known_by: date, horizon_months: int = HORIZON_MONTHS, lag_months: int = LAG_MONTHS
) -> date:
    """Return the last month-end whose label is mature by a date."""
    return _last_month_end(known_by, horizon_months + lag_months)


def _last_month_end(known_by: date, months: int) -> date:
    around = month_ends(months_before(known_by, months + 1).replace(day=1), known_by)
    return max(day for day in around if months_before(day, -months) <= known_by)
