"""All credit features of the parties known on a date, in the order the models get them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import polars as pl

from features.catalogue import Dimension, Feature, collect
from features.credit import (
    contagion,
    events,
    groups,
    guarantees,
    profile,
    relations,
    repayment,
    statements,
    supply,
)
from features.credit.book import Book
from features.credit.neighbour_scores import SCORE_CATALOGUE
from features.credit.parties import party_ids
from features.errors import SnapshotDateError
from graph.errors import UnknownPartyError
from graph.snapshot import Snapshot

__all__ = [
    "CATALOGUE",
    "FEATURES",
    "NETWORK_FEATURES",
    "OWN_FEATURES",
    "PUBLISHED",
    "SOURCE_TABLES",
    "credit_features",
    "features_of",
]

CATALOGUE: Final[tuple[Feature, ...]] = collect(
    [profile, statements, repayment, events, relations, guarantees, groups, contagion, supply]
)
FEATURES: Final[tuple[str, ...]] = tuple(item.name for item in CATALOGUE)

PUBLISHED: Final[tuple[Feature, ...]] = (*CATALOGUE, *SCORE_CATALOGUE)
"""All that a model may use: what `features_of` computes, and what needs own scores (see `neighbour_scores`)."""

SOURCE_TABLES: Final = tuple(sorted({source for item in CATALOGUE for source in item.sources} - {"edges"}))
"""The tables that features and labels read; edges come through the graph's store."""

_OF_THE_GRAPH: Final = (Dimension.RELATIONS, Dimension.SUPPLY)
NETWORK_FEATURES: Final = tuple(item.name for item in CATALOGUE if item.dimension in _OF_THE_GRAPH)
"""What needs the graph: neighbours, their number and how they fare."""
OWN_FEATURES: Final = tuple(item.name for item in CATALOGUE if item.dimension not in _OF_THE_GRAPH)
"""What is known of the party by itself."""


def credit_features(
    tables: Mapping[str, pl.LazyFrame],
    snapshot: Snapshot,
    as_of: date,
    *,
    parties: Iterable[str] | None = None,
) -> pl.DataFrame:
    """Return [party_id, as_of, *FEATURES] of the parties known on the date, sorted by party.

    Features are Float64 within their declared ranges, null where unknown. With `parties` only those, in the same
    order. Raises MissingTableError, MissingColumnError, SnapshotDateError when the graph is later than the date, and
    UnknownPartyError for a party that was not known on it.
    """
    frame = features_of(Book.read(tables, as_of), snapshot)
    if parties is None:
        return frame
    wanted = pl.Series("party_id", sorted(set(parties)), dtype=pl.String)
    absent = wanted.filter(~wanted.is_in(frame["party_id"].implode()))
    if len(absent):
        raise UnknownPartyError(absent[0])
    return frame.filter(pl.col("party_id").is_in(wanted.implode()))


def features_of(book: Book, snapshot: Snapshot) -> pl.DataFrame:
    """Return the features of a book that has been read, see `credit_features`."""
    # Sparse matrices and all measures of the graph: whoever only lists features, as a worker does, needs none of it.
    from features.credit import network  # noqa: PLC0415

    known = book.known
    if snapshot.as_of is None or snapshot.as_of > known.as_of:
        raise SnapshotDateError(snapshot.as_of, known.as_of)
    parties = party_ids(known)
    around = network.view(book, snapshot, parties)
    views = {
        "profile": profile.view(known),
        "statements": statements.view(known),
        "repayment": parties.join(repayment.view(known, book.ledger, book.states), on="party_id", how="left"),
        "events": events.view(known, parties),
    }
    views |= dict.fromkeys(("relations", "guarantees", "groups", "contagion", "supply"), around)
    frame = parties.with_columns(as_of=pl.lit(known.as_of))
    for family, view in views.items():
        columns = [item.column() for item in CATALOGUE if item.family == family]
        frame = frame.join(view.select("party_id", *columns), on="party_id", how="left")
    return frame.select("party_id", "as_of", *FEATURES).sort("party_id").collect()
