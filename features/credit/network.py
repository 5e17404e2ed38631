"""The view of the two network families: what stands around a party and how it fares, as known on the date."""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array, diags_array

from features.asof import Known
from features.credit.book import Book
from features.credit.events import ADVERSE_KINDS
from features.credit.network_depth import depth
from features.credit.parties import profiles
from features.credit.ratios import days_since
from features.credit.statements import latest_statements
from graph.measures.concentration import concentration
from graph.neighbours import degrees, neighbour_aggregates, pattern, row_aggregates
from graph.ontology import Direction
from graph.snapshot import Snapshot

__all__ = [
    "HUB",
    "KINDS",
    "NEIGHBOUR_KINDS",
    "RECENT_MONTHS",
    "sisters",
    "view",
]

KINDS: Final = ("owns", "guarantees", "supplies", "holds_position", "family_of")
"""The relations that features look at one by one."""

NEIGHBOUR_KINDS: Final = (
    *KINDS,
    *("controls", "acts_in_concert", "lends_to", "leases_to", "pays", "related_to", "succeeds"),
)
"""What makes two parties neighbours. Not `same_as` (one party twice) nor `suspected_link` (not yet known), and nothing
that joins a party to a facility, collateral, case, event, plant, line or material: none of these defaults."""

RECENT_MONTHS: Final = 12
"""How long a neighbour's default counts: the time in which, by experience, it pulls others down."""

HUB: Final = 200
"""A person or owner with more companies than this (an agent, a fund) makes no two of them sisters."""

Floats = npt.NDArray[np.float64]


def view(book: Book, snapshot: Snapshot, parties: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per party of `parties` with its neighbourhood; without edges counts and sums are 0.

    A neighbour's default counts only when it was known by the date; a party never is its own neighbour.
    """
    borrowers = _own_values(book)
    own = snapshot.aligned(borrowers, key="party_id").with_columns(pl.col("adverse").fill_null(0.0))
    frames = [
        degrees(snapshot, KINDS),
        *(concentration(snapshot, kind) for kind in ("owns", "supplies")),
        _sisters(snapshot, own),
        _anyone(snapshot, own),
    ]
    frames += [neighbour_aggregates(snapshot, kind, way, own) for kind in KINDS for way in Direction]
    frames.append(_defaulted_weights(snapshot, own))
    known_profiles = profiles(book.known).select("party_id", "kind", "registered_capital").collect()
    frames += depth(snapshot, own, known_profiles.select("party_id", "kind"), book.known.as_of)
    # Every frame is in the order of the snapshot's ids, so they stand side by side.
    columns = pl.concat([frame.drop("id", strict=False) for frame in frames], how="horizontal")
    around = columns.with_columns(snapshot.ids.alias("party_id"))
    equity = latest_statements(book.known).select("party_id", "equity")
    return (
        parties.join(around.lazy(), on="party_id", how="left")
        .join(equity, on="party_id", how="left")
        .join(known_profiles.lazy(), on="party_id", how="left")
        .with_columns(*_without_edges(), strength=pl.coalesce("equity", "registered_capital"))
    )


def _without_edges() -> list[pl.Expr]:
    """Say of a party outside the graph what the graph would say of one without edges."""
    nothing = r"_(degree|neighbours|weight|largest|sum|count|pieces|cut_off)$|^chain_|^default_nearness_"
    company = (pl.col("kind") == "company").cast(pl.Float64)
    return [
        (pl.selectors.matches(nothing) - pl.selectors.by_name("party_id")).fill_null(0.0),
        pl.selectors.ends_with("_size").fill_null(1.0),
        pl.col("control_unclear").fill_null(company),  # nobody is known to hold any of its votes
    ]


def _own_values(book: Book) -> pl.DataFrame:
    """Return the own figures of each party that has any [party_id, dpd, adverse, defaulted, since_default].

    `defaulted` is 1 for a first default within `RECENT_MONTHS`, 0 for a party with exposures and without default; it and
    `dpd` are null where the default is older (its neighbours have lived through it, and a count of all defaults
    ever would only tell how long records go back) or where the group has no exposure and could not see one.
    """
    known = book.known
    recently = known.since(RECENT_MONTHS)
    dpd = book.states.group_by("party_id").agg(pl.col("days_past_due").max().cast(pl.Float64).alias("dpd"))
    return (
        dpd.join(_adverse_events(known), on="party_id", how="full", coalesce=True)
        .join(book.defaults, on="party_id", how="full", coalesce=True)
        .with_columns(is_old=(pl.col("default_on") <= recently).fill_null(value=False))
        .select(
            "party_id",
            pl.when(~pl.col("is_old")).then("dpd").alias("dpd"),
            "adverse",
            pl.when(pl.col("default_on") > recently)
            .then(1.0)
            .when(~pl.col("is_old") & pl.col("dpd").is_not_null())
            .then(0.0)
            .alias("defaulted"),
            days_since("default_on", known.as_of).cast(pl.Float64).alias("since_default"),
        )
        .collect()
    )


def _adverse_events(known: Known) -> pl.LazyFrame:
    """Return how many adverse court events each party had in the last 12 months [party_id, adverse]."""
    events = known.rows("court_events", "party_id", "kind", "role", "occurred_on")
    recent = (pl.col("occurred_on") > known.since(12)) & (pl.col("occurred_on") <= known.as_of)
    sued = (pl.col("kind") == "lawsuit") & (pl.col("role") == "defendant")
    against = pl.col("kind").is_in(ADVERSE_KINDS) | sued
    return (
        events.filter(recent & against).group_by("party_id").agg(pl.len().cast(pl.Float64).alias("adverse"))
    )


def _defaulted_weights(snapshot: Snapshot, own: pl.DataFrame) -> pl.DataFrame:
    """Return how much of each party's weights goes to parties in default [id, <kind>_<direction>_lost_weight]."""
    in_default = own["defaulted"].fill_null(0.0).to_numpy()
    columns = {
        f"{kind}_{way}_lost_weight": snapshot.relation(kind).weights_towards(way) @ in_default
        for kind in ("owns", "guarantees", "supplies")
        for way in Direction
    }
    return pl.DataFrame({"id": snapshot.ids, **columns})


def _sisters(snapshot: Snapshot, own: pl.DataFrame) -> pl.DataFrame:
    """Return aggregates over the companies that share an officer or an owner with a party [id, sisters_…]."""
    return _named("sisters", snapshot, sisters(snapshot), own)


def sisters(snapshot: Snapshot) -> csr_array:
    """Return the matrix (n × n) of the companies that share an officer or an owner which is no hub, without diagonal."""
    shared = csr_array((snapshot.parties, snapshot.parties))
    for kind in ("holds_position", "owns"):
        common = pattern(snapshot.relation(kind).weights)
        few = np.diff(common.indptr) <= HUB
        kept = diags_array(few.astype(np.float64)) @ common
        shared = shared + kept.T @ kept
    return _others(shared)


def _anyone(snapshot: Snapshot, own: pl.DataFrame) -> pl.DataFrame:
    """Return aggregates over all neighbours whatever the relation, each once [id, anyone_…]."""
    around = csr_array((snapshot.parties, snapshot.parties))
    for kind in NEIGHBOUR_KINDS:
        one_way = pattern(snapshot.relation(kind).weights)
        around = around + one_way + one_way.T
    apart = _others(around)
    return _named("anyone", snapshot, apart, own).hstack(_two_steps(apart, own))


def _two_steps(around: csr_array, own: pl.DataFrame) -> pl.DataFrame:
    """Return the defaults at the end of two steps in any relation, walks back to the party taken out."""
    links, back = pattern(around), np.diff(around.indptr)
    failed = own["defaulted"].fill_null(0.0).to_numpy()
    observed = own["defaulted"].is_not_null().cast(pl.Float64).to_numpy()
    ends = {"sum": failed, "count": observed}
    return pl.DataFrame(
        {
            f"two_steps_defaulted_{name}": links @ (links @ marks) - back * marks
            for name, marks in ends.items()
        }
    )


def _named(prefix: str, snapshot: Snapshot, around: csr_array, own: pl.DataFrame) -> pl.DataFrame:
    columns: dict[str, pl.Series | Floats] = {
        f"{prefix}_neighbours": np.diff(around.indptr).astype(np.float64)
    }
    for column in own.columns[1:]:
        figures = row_aggregates(around, own[column].to_numpy())
        columns |= {f"{prefix}_{column}_{name}": figures[name] for name in figures.columns}
    return pl.DataFrame({"id": snapshot.ids, **columns})


def _others(matrix: csr_array) -> csr_array:
    """Return the matrix without its diagonal and without stored zeros."""
    off = csr_array(matrix - diags_array(matrix.diagonal()))
    off.eliminate_zeros()
    return off
