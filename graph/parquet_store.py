"""The embedded store: folders of Parquet parts for the statements, the records of parties and the scores."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from graph.additions import new_parties, new_statements
from graph.edges import EDGE_KEY, EDGE_SCHEMA, OPTIONAL_COLUMNS, EdgeFrame, checked_edges, visible
from graph.embedded_view import EmbeddedView
from graph.errors import RecordStoreError
from graph.ontology import RELATIONS
from graph.parties import (
    PARTY_KEY,
    PARTY_SCHEMA,
    SCORE_KEY,
    SCORE_SCHEMA,
    checked_parties,
    checked_scores,
    parties_as_of,
    scores_as_of,
)
from graph.parts import PartFolder
from graph.snapshot import Snapshot

__all__ = ["ParquetStore", "rebuild"]

_CONTENT: Final = tuple(column for column in EDGE_SCHEMA if column not in (*EDGE_KEY, "retracted_at"))
_STORED: Final = pl.Schema([*EDGE_SCHEMA.items(), ("revises", pl.Boolean())])
# A part of an older release does not say which rows revise others, so all of them are merged when read.
_ABSENT_BEFORE: Final[dict[str, object]] = {**dict.fromkeys(OPTIONAL_COLUMNS), "revises": True}


class ParquetStore:
    """Edge statements in `folder`, party records and scores in its folders `parties` and `scores`.

    A statement is known by `edge_id` and `known_at`. It can be stated again with a `retracted_at` it did not have, which
    closes it; nothing else of it can change, so what was read as of a date is read again the same. Every write is one
    more part, there whole or not at all, also when the process is killed or another one writes meanwhile; a load that
    was cut short is taken up by appending the same tables again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._edges = PartFolder(folder, _STORED, optional=_ABSENT_BEFORE)
        self._parties = PartFolder(folder / "parties", PARTY_SCHEMA, error=RecordStoreError)
        self._scores = PartFolder(folder / "scores", SCORE_SCHEMA, error=RecordStoreError)

    def append(self, edges: EdgeFrame) -> int:
        """Write the new and the newly retracted statements as one part; return how many there were.

        Raises EdgeTableError for a table that breaks the schema or gives the id of a stored edge to another one, and
        StatementConflictError for a statement that would rewrite a stored one; nothing is written then.
        """
        table = checked_edges(edges)
        while True:
            seen = self._edges.parts()
            stored = _Statements.read(self._edges, seen).of(table)
            fresh = table if stored.is_empty() else new_statements(stored, table)
            if fresh.is_empty():
                return 0
            if self._edges.add(_marked(fresh, stored), seen):
                return fresh.height

    def append_parties(self, parties: pl.DataFrame) -> int:
        """Write the versions of party records that are new (PARTY_SCHEMA) as one part; return how many there were.

        Raises PartyTableError for a table that breaks the schema or would rewrite a stored version.
        """
        table = checked_parties(parties)
        while True:
            seen = self._parties.parts()
            fresh = self._new_parties(table, seen)
            if fresh.is_empty():
                return 0
            if self._parties.add(fresh, seen):
                return fresh.height

    def load(self, edges: EdgeFrame, parties: pl.DataFrame) -> tuple[int, int]:
        """Append statements and party records; return how many of each were new.

        Nothing of either is written when one of them is refused (raises as `append` and `append_parties`). A load that
        breaks off between the two is taken up by loading the same tables again.
        """
        records = checked_parties(parties)
        self._new_parties(records, self._parties.parts())
        return self.append(edges), self.append_parties(records)

    def write_scores(self, scores: pl.DataFrame) -> int:
        """Write the scores that are new or have another value (SCORE_SCHEMA); return how many there were.

        A later score of the same party, name, date and model replaces the earlier one when read.
        """
        table = checked_scores(scores)
        while True:
            seen = self._scores.parts()
            fresh = table.join(self._last_scores(seen).collect(), on=SCORE_SCHEMA.names(), how="anti")
            if fresh.is_empty():
                return 0
            if self._scores.add(fresh, seen):
                return fresh.height

    def statements(self) -> pl.LazyFrame:
        """Return every statement once, with its retraction if it has one, sorted by key."""
        stored = self._read()
        every = pl.concat([stored.unrevised, stored.revised])
        return every if stored.in_order else every.sort(EDGE_KEY)

    def edges(self, as_of: date, valid_on: date | None = None) -> pl.LazyFrame:
        """Return the statements that speak on a date, at most one per edge (see `graph.edges.visible`), sorted."""
        stored = self._read()
        rows = stored.visible(as_of, valid_on)
        return rows if stored.in_order else rows.sort("edge_id")

    def parties(self, as_of: date) -> pl.DataFrame:
        """Return the latest record of each party known on the date [party_id, kind, name, credit_code], sorted."""
        return parties_as_of(self._parties.scan(self._parties.parts()), as_of)

    def scores(self, as_of: date) -> pl.DataFrame:
        """Return the latest score of each party and name as of the date (SCORE_SCHEMA), sorted."""
        return scores_as_of(self._last_scores(self._scores.parts()), as_of)

    def sha256(self) -> str:
        """Return the SHA-256 of the statements' files (see `PartFolder.sha256`), which snapshots are read from."""
        return self._edges.sha256(self._edges.parts())

    def snapshot(self, as_of: date, nodes: pl.Series | None = None) -> Snapshot:
        """Return the graph as of a date; `nodes` adds parties that may have no edge."""
        rows = self._read().visible(as_of, None)
        # What is visible is already chosen; without a date the snapshot takes it as it is.
        return replace(Snapshot.from_edges(rows, as_of=None, nodes=nodes, kinds=RELATIONS), as_of=as_of)

    def view(self, as_of: date, valid_on: date | None = None) -> EmbeddedView:
        """Return the graph as of a date in memory, indexed by party (some seconds for millions of edges)."""
        return EmbeddedView(
            self.edges(as_of, valid_on),
            parties=self.parties(as_of),
            scores=self.scores(as_of),
            as_of=as_of,
            valid_on=valid_on or as_of,
        )

    def last_known(self) -> date | None:
        """Return the newest day on which anything became known or was retracted; None while there is no statement."""
        days = self._edges.scan(self._edges.parts()).select(pl.col("known_at", "retracted_at").max())
        newest = days.select(pl.max_horizontal(pl.all())).collect().item()
        if not isinstance(newest, date):
            return None
        scored = self._scores.scan(self._scores.parts()).select(pl.col("known_at").max()).collect().item()
        return max(newest, scored) if isinstance(scored, date) else newest

    def records(self) -> pl.DataFrame:
        """Return every version of the party records (PARTY_SCHEMA), sorted by key."""
        return self._parties.scan(self._parties.parts()).sort(PARTY_KEY).collect()

    def every_score(self) -> pl.DataFrame:
        """Return all scores written back (SCORE_SCHEMA), sorted by party, name, date and model."""
        return self._last_scores(self._scores.parts()).sort(SCORE_KEY).collect()

    def replace(self, edges: pl.DataFrame, parties: pl.DataFrame | None) -> None:
        """Put checked statements, and records if given, in the place of all there are (see `rebuild`)."""
        if parties is not None:
            self._parties.replace(parties)
        self._edges.replace(_marked(edges, edges.clear()))

    def _new_parties(self, table: pl.DataFrame, seen: list[Path]) -> pl.DataFrame:
        stored = self._parties.scan(seen).join(table.lazy(), on=PARTY_KEY, how="semi").collect()
        return new_parties(stored, table)

    def _read(self) -> "_Statements":
        return _Statements.read(self._edges, self._edges.parts())

    def _last_scores(self, parts: list[Path]) -> pl.LazyFrame:
        return self._scores.scan(parts).unique(list(SCORE_KEY), keep="last", maintain_order=True)


def rebuild(folder: Path, edges: EdgeFrame, parties: pl.DataFrame | None = None) -> tuple[int, int]:
    """Replace the statements of a store by those of a table; return how many statements and records were written.

    Scores stay, and so do the records unless new ones are given. Tables are checked before anything is replaced (raises
    EdgeTableError, PartyTableError); until a new part is in place the old ones are read, from then on the new one.
    """
    table = checked_edges(edges)
    records = None if parties is None else checked_parties(parties)
    store = ParquetStore(folder)
    store.replace(table, records)
    return table.height, 0 if records is None else records.height


@dataclass(frozen=True)
class _Statements:
    """What is stored: edges stated once (`unrevised`), the merged statements of all others, and whether it is sorted.

    Nearly all edges are stated once, and millions of them are not grouped to find that out.
    """

    unrevised: pl.LazyFrame
    revised: pl.LazyFrame
    in_order: bool

    @classmethod
    def read(cls, folder: PartFolder, parts: list[Path]) -> "_Statements":
        rows = folder.scan(parts)
        again = rows.filter("revises").select(pl.col("edge_id").unique()).collect()
        columns = EDGE_SCHEMA.names()
        if again.is_empty():
            return cls(rows.select(columns), pl.LazyFrame(schema=EDGE_SCHEMA), in_order=len(parts) <= 1)
        once = rows.filter(~pl.col("revises")).join(again.lazy(), on="edge_id", how="anti")
        touched = rows.join(again.lazy(), on="edge_id", how="semi")
        content = [pl.col(column).first() for column in _CONTENT]
        merged = touched.group_by(EDGE_KEY).agg(*content, pl.col("retracted_at").min())
        return cls(once.select(columns), merged.select(columns), in_order=False)

    def of(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return the statements of the edges that a table speaks of."""
        first, last = table["edge_id"].min(), table["edge_id"].max()
        near = pl.col("edge_id").is_between(pl.lit(first), pl.lit(last))
        wanted = table.lazy().select("edge_id").unique()
        frames = [
            part.filter(near).join(wanted, on="edge_id", how="semi")
            for part in (self.unrevised, self.revised)
        ]
        return pl.concat(frames).collect()

    def visible(self, as_of: date, valid_on: date | None) -> pl.LazyFrame:
        """Return the statements that speak on a date, in no order unless `in_order`."""
        once = visible(self.unrevised, as_of, valid_on, unrevised=True)
        return once if self.in_order else pl.concat([once, visible(self.revised, as_of, valid_on)])


def _marked(rows: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Return the rows sorted by key, with `revises` for those whose edge is stated before, in the store or above."""
    above = (pl.col("edge_id") == pl.col("edge_id").shift(1)).fill_null(value=False)
    before = pl.col("edge_id").is_in(stored["edge_id"].unique().implode())
    return rows.sort(EDGE_KEY).with_columns(revises=above if stored.is_empty() else above | before)
