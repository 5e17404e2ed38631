"""What a store of the graph must do, whatever it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

from graph.edges import EdgeFrame
from graph.snapshot import Snapshot

__all__ = ["Expansion", "GraphStore", "GraphView"]


@dataclass(frozen=True, eq=False)
class Expansion:
    """What stands around some parties: `edges` (EDGE_SCHEMA, sorted by edge_id) and the hubs left closed.

    `hubs` gives, for each of the parties asked for that is a hub, its number of visible edges; an edge of a hub is
    among `edges` only when its other end was asked for too and is no hub.
    """

    edges: pl.DataFrame
    hubs: Mapping[str, int]


class GraphView(Protocol):
    """The graph as it was believed on `as_of` and held on `valid_on`, asked party by party."""

    as_of: date
    valid_on: date

    def known(self, party_ids: Sequence[str]) -> set[str]:
        """Return which of the parties have a record known on `as_of` or a visible edge."""

    def expand(self, party_ids: Sequence[str], *, hub: int | None) -> Expansion:
        """Return the visible edges around parties, none of a party with more than `hub` of them (None: no bound)."""

    def nodes(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return [party_id, kind, name, credit_code] in the order asked for, null where there is no record."""

    def scores(self, party_ids: Sequence[str]) -> pl.DataFrame:
        """Return the latest scores of parties as of the date (SCORE_SCHEMA), sorted by party and name."""


class GraphStore(Protocol):
    """An append-only store of bitemporal edge statements, the records of the parties, and scores written back."""

    def append(self, edges: EdgeFrame) -> int:
        """Write the statements that are new or newly retracted, all or none, and return how many there were.

        Appending the same statements again changes nothing. Raises EdgeTableError for a table that breaks the
        schema and StatementConflictError for one that would rewrite what has been stated.
        """

    def append_parties(self, parties: pl.DataFrame) -> int:
        """Write the versions of party records (PARTY_SCHEMA) that are new and return how many there were."""

    def write_scores(self, scores: pl.DataFrame) -> int:
        """Write scores back (SCORE_SCHEMA); one of the same party, name, dates and model is replaced."""

    def last_known(self) -> date | None:
        """Return the newest day on which anything became known or was retracted, scores included; None without statements."""

    def records(self) -> pl.DataFrame:
        """Return every version of the party records (PARTY_SCHEMA), sorted by key."""

    def every_score(self) -> pl.DataFrame:
        """Return all scores written back (SCORE_SCHEMA), sorted by party, name, dates and model."""

    def statements(self) -> pl.LazyFrame:
        """Return every statement once, with its retraction if it has one, sorted by edge_id and known_at."""

    def edges(self, as_of: date, valid_on: date | None = None) -> pl.LazyFrame:
        """Return the statements that speak on a date, at most one per edge (see `graph.edges.visible`), sorted."""

    def parties(self, as_of: date) -> pl.DataFrame:
        """Return the latest record of each party known on the date [party_id, kind, name, credit_code], sorted."""

    def scores(self, as_of: date) -> pl.DataFrame:
        """Return the latest score of each party and name as of the date (SCORE_SCHEMA), sorted."""

    def snapshot(self, as_of: date, nodes: pl.Series | None = None) -> Snapshot:
        """Return the graph as of a date; `nodes` adds parties that may have no edge."""

    def view(self, as_of: date, valid_on: date | None = None) -> GraphView:
        """Return the graph as of a date for questions about single parties."""
