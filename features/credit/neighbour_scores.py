"""Network features that need a model's own scores: how the neighbours stand by themselves, computed from the links."""

from typing import Final

import polars as pl

from features.catalogue import Feature, collect
from features.credit import neighbour_risk
from features.credit.channels import LINKS_SCHEMA, Channel
from features.credit.ratios import exact_sum
from features.errors import DuplicateScoreError, MissingColumnError
from graph.ontology import RELATIONS

__all__ = ["PASSED_ON", "SCORE_CATALOGUE", "SCORE_FEATURES", "neighbour_scores"]

SCORE_CATALOGUE: Final[tuple[Feature, ...]] = collect([neighbour_risk])
SCORE_FEATURES: Final[tuple[str, ...]] = tuple(item.name for item in SCORE_CATALOGUE)

_KEY: Final = ("party_id", "as_of")
_FINENESS: Final = 10**9
"""Sums of weights times probabilities are told in billionths: exact, so that their order does not matter."""

PASSED_ON: Final = {
    Channel.GUARANTEED: RELATIONS["guarantees"].transmission.in_,
    Channel.GUARANTOR: RELATIONS["guarantees"].transmission.out,
    Channel.CUSTOMER: RELATIONS["supplies"].transmission.in_,
    Channel.SUPPLIER: RELATIONS["supplies"].transmission.out,
    Channel.OWNER: RELATIONS["owns"].transmission.out,
    Channel.OWNED: RELATIONS["owns"].transmission.in_,
}
"""How far trouble of such a neighbour reaches the party (ontology.toml); sisters and others pass on nothing here."""


def neighbour_scores(links: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Return [party_id, as_of, *SCORE_FEATURES], one row for each row of `own` and in its order.

    `links` is LINKS_SCHEMA (`links.links_of`), `own` is [party_id, as_of, log_odds] with each party once a date: its own
    log-odds as of that date, by a model that has not seen the graph (and, where it is to be learnt from, not the
    party's outcome). A neighbour without a row in `own`, or with null or NaN there, counts as not scored. A party's
    own score enters its neighbours' rows and never its own. Without a scored neighbour (of the channel) every feature
    is null but `scored_neighbours`, which is 0. The order of rows changes no bit of the result.

    Raises MissingColumnError and DuplicateScoreError.
    """
    _check(links, own)
    pd = 1 / (1 + (-pl.col("log_odds").cast(pl.Float64).fill_nan(None)).exp())
    scored = own.select(pl.col("party_id").alias("neighbour_id"), "as_of", pd.alias("pd")).drop_nulls("pd")
    # A link of a party to itself would hand its own score back to it; `links_of` makes none.
    known = links.filter(pl.col("neighbour_id") != pl.col("party_id")).join(
        scored, on=["neighbour_id", "as_of"]
    )
    view = (
        own.select(_KEY)
        .join(_by_channel(known), on=_KEY, how="left", maintain_order="left")
        .join(_of_any(known), on=_KEY, how="left", maintain_order="left")
        .with_columns(pl.col("any_count").fill_null(0))
    )
    return view.select(*_KEY, *(item.column() for item in SCORE_CATALOGUE))


def _check(links: pl.DataFrame, own: pl.DataFrame) -> None:
    for table, frame, columns in (("links", links, LINKS_SCHEMA), ("own", own, (*_KEY, "log_odds"))):
        absent = [column for column in columns if column not in frame.columns]
        if absent:
            raise MissingColumnError(table, absent, frame.columns)
    repeated = own.filter(pl.struct(_KEY).is_duplicated())
    if repeated.height:
        raise DuplicateScoreError(repeated["party_id"][0], repeated["as_of"][0])


def _by_channel(known: pl.DataFrame) -> pl.DataFrame:
    """Return per party and date the worst neighbour of each channel and the sum of weights times probabilities."""
    columns = []
    for channel in Channel:
        through = pl.col("channel").cast(pl.String) == channel.value
        at_stake = (pl.col("pd") * pl.col("weight")).filter(through)
        columns.append(pl.col("pd").filter(through).max().alias(f"{channel}_worst"))
        columns.append(
            pl.when(through.any()).then(exact_sum(at_stake, fineness=_FINENESS)).alias(f"{channel}_expected")
        )
    factor = (
        pl.col("channel")
        .cast(pl.String)
        .replace_strict(
            {channel.value: factor for channel, factor in PASSED_ON.items()},
            default=0.0,
            return_dtype=pl.Float64,
        )
    )
    passed = exact_sum(pl.col("pd") * pl.col("weight") * factor, fineness=_FINENESS)
    return known.group_by(_KEY).agg(*columns, passed.alias("any_transmitted"))


def _of_any(known: pl.DataFrame) -> pl.DataFrame:
    """Return figures over the neighbours in any channel, each counted once."""
    once = known.unique([*_KEY, "neighbour_id"], keep="any")
    total = exact_sum("pd", fineness=_FINENESS)
    return once.group_by(_KEY).agg(
        pl.col("pd").max().alias("any_worst"),
        (total / pl.len()).alias("any_mean"),
        total.alias("any_sum"),
        pl.len().alias("any_count"),
    )
