"""Where a party stands with the group on a date: whether it is one of those the credit model learns from."""

from enum import StrEnum

import polars as pl

from features.credit.book import Book

__all__ = ["Standing", "standings"]


class Standing(StrEnum):
    """Standing of a party: the model learns from those at risk only, so an answer about others must say so."""

    AT_RISK = "at_risk"
    IN_DEFAULT = "in_default"
    NO_LIVE_EXPOSURE = "no_live_exposure"


def standings(book: Book, parties: pl.Series) -> pl.DataFrame:
    """Return [party_id, standing] for parties (a column of ids), by what was known on the book's date.

    In default is who has defaulted once (see `labels`), also where the business has since been written off; at
    risk is who has a live exposure and has not.
    """
    defaulted = (
        book.defaults.filter(pl.col("default_on") <= book.known.as_of)
        .select("party_id")
        .collect()["party_id"]
    )
    live = book.borrowers().collect()["party_id"]
    party = pl.col("party_id")
    return parties.to_frame("party_id").select(
        party,
        pl.when(party.is_in(defaulted.implode()))
        .then(pl.lit(Standing.IN_DEFAULT.value))
        .when(party.is_in(live.implode()))
        .then(pl.lit(Standing.AT_RISK.value))
        .otherwise(pl.lit(Standing.NO_LIVE_EXPOSURE.value))
        .alias("standing"),
    )
