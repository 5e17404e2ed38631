"""Carrier paths for a whole book on a date, and for one party and route through any store of the graph."""

from typing import Final

import numpy as np
import polars as pl

from features.credit.book import Book
from features.credit.carrier_texts import CarrierPath, names_of, told
from features.credit.carriers import ROUTES, SISTER_STEP, carriers_of, ends_of
from features.credit.links import sizes_of
from features.credit.network import HUB, NEIGHBOUR_KINDS
from features.credit.parties import profiles
from features.credit.routes import Route
from graph.columns import controlled_groups
from graph.edges import EDGE_SCHEMA
from graph.errors import UnknownPartyError
from graph.measures.control import find_control
from graph.ontology import RELATIONS, PartyKind
from graph.policy import policy_as_of
from graph.snapshot import Snapshot
from graph.store import GraphStore, GraphView

__all__ = ["book_carriers", "carrier_path"]

_NO_SIZES: Final = pl.Schema(
    {"party_id": pl.String(), "strength": pl.Float64(), "revenue_year": pl.Float64()}
)


def book_carriers(book: Book, store: GraphStore, own: pl.DataFrame) -> pl.DataFrame:
    """Return CARRIERS_SCHEMA as of the book's date: for each party of the graph and route the path that is worst.

    `own` is [party_id, log_odds] of the date; give calibrated log-odds, as texts quote the PD. A route without anybody
    in default or scored along it has no row. Sorted by party and route. Raises MissingColumnError.
    """
    as_of = book.known.as_of
    snapshot = store.snapshot(as_of)
    ends = ends_of(book, snapshot, own)
    kinds = profiles(book.known).select("party_id", "kind").collect()
    control = find_control(
        snapshot, policy_as_of(as_of).control, parties=kinds, barriers=frozenset({PartyKind.GOVERNMENT})
    )
    walks = carriers_of(snapshot, sizes_of(book, snapshot), ends, groups=controlled_groups(control))
    edges = store.edges(as_of).select(EDGE_SCHEMA.names()).collect()
    return told(walks, edges, ends, names_of(store.parties(as_of)), as_of)


def carrier_path(
    view: GraphView, party_id: str, route: Route, ends: pl.DataFrame, *, sizes: pl.DataFrame | None = None
) -> CarrierPath | None:
    """Return the path of a route that brings one party most trouble of the candidates `ends` (ENDS_SCHEMA), if any.

    The choice is that of `carriers.carriers_of`, read ring by ring from the party, so that a store answers without
    loading the graph; two differences: the control group is every holding within reach, whoever leads it, and a hub
    counts relations of every kind. `sizes` [party_id, strength, revenue_year] gives the weights of guarantees and
    customers; without it a guarantee counts in full and a customer by its part of the known sales.
    Raises UnknownPartyError.
    """
    if party_id not in view.known([party_id]):
        raise UnknownPartyError(party_id)
    edges, hubs = _around(view, party_id, _rings(route))
    snapshot = Snapshot.from_edges(edges, as_of=None, nodes=pl.Series([party_id]), kinds=RELATIONS)
    given = sizes if sizes is not None else pl.DataFrame(schema=_NO_SIZES)
    known = snapshot.aligned(given.select(_NO_SIZES.names()), key="party_id")
    closed = snapshot.ids.is_in(pl.Series(sorted(hubs), dtype=pl.String).implode()).to_numpy()
    found = carriers_of(
        snapshot,
        known.with_columns(pl.col(pl.Float64).fill_null(np.nan)),
        ends.filter(pl.col("party_id").is_in(snapshot.ids.implode())),
        closed=closed,
        routes=[route],
    ).filter(party_id=party_id)
    if found.is_empty():
        return None
    names = names_of(view.nodes(sorted({*snapshot.ids})))
    return CarrierPath.rows(told(found, edges, ends, names, view.as_of))[0]


def _rings(route: Route) -> int:
    steps, most = ROUTES[route]
    return 2 if SISTER_STEP in steps else most


def _around(view: GraphView, party_id: str, rings: int) -> tuple[pl.DataFrame, set[str]]:
    """Return the edges within some rings of a party, each once, and the hubs, which are not followed."""
    ring, reached = {party_id}, {party_id}
    read: list[pl.DataFrame] = []
    hubs: set[str] = set()
    for number in range(rings):
        expansion = view.expand(sorted(ring), hub=None if number == 0 else HUB)
        edges = expansion.edges.filter(pl.col("kind").is_in(NEIGHBOUR_KINDS))
        hubs.update(expansion.hubs)
        read.append(edges)
        ring = {*edges["src"], *edges["dst"]} - reached
        reached |= ring
    every = pl.concat(read).unique("edge_id").sort("edge_id")
    return every.select(EDGE_SCHEMA.names()), hubs
