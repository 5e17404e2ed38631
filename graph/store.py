"""What a store of the graph must do, whatever it is made of."""

from datetime import date
from typing import Protocol

import polars as pl

from graph.edges import EdgeFrame
from graph.snapshot import Snapshot

__all__ = ["GraphStore"]


class GraphStore(Protocol):
    """An append-only store of bitemporal edge statements."""

    def append(self, edges: EdgeFrame) -> int:
        """Write the statements that are new or newly retracted, all or none, and return how many there were.

        Appending the same statements again changes nothing. Raises EdgeTableError for a table that breaks the
        schema and StatementConflictError for one that would rewrite what has been stated.
        """

    def edges(self, as_of: date, valid_on: date | None = None) -> pl.LazyFrame:
        """Return the statements believed on `as_of` that hold on `valid_on` (see `graph.edges.visible`)."""

    def snapshot(self, as_of: date, nodes: pl.Series | None = None) -> Snapshot:
        """Return the graph as of a date; `nodes` adds parties that may have no edge."""
