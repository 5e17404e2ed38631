"""The embedded store: a folder of Parquet parts that are added and never changed."""

import os
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from graph.edges import EDGE_KEY, EDGE_SCHEMA, EdgeFrame, checked_edges, visible
from graph.errors import GraphStoreError, StatementConflictError
from graph.snapshot import Snapshot

__all__ = ["ParquetStore", "rebuild"]

_PARTS: Final = "part-*.parquet"
_CONTENT: Final = tuple(column for column in EDGE_SCHEMA if column not in (*EDGE_KEY, "retracted_at"))


class ParquetStore:
    """Edge statements in `folder`, each append one more part.

    A statement is known by `edge_id` and `known_at`. It can be stated again with a `retracted_at` it did not have, which
    closes it; nothing else of it can change, so what was read as of a date is read again the same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, edges: EdgeFrame) -> int:
        """Write the new and the newly retracted statements as one part; return how many there were.

        The part appears whole or not at all, also when the process is killed or another one appends meanwhile.
        """
        table = checked_edges(edges)
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            seen = self._parts()
            fresh = _fresh(self._read(seen).collect(), table)
            if fresh.is_empty():
                return 0
            number = 1 + max((int(part.stem.removeprefix("part-")) for part in seen), default=0)
            if self._add_part(number, fresh):
                return fresh.height

    def statements(self) -> pl.LazyFrame:
        """Return every statement once, with its retraction if it has one, sorted by key."""
        return self._read(self._parts())

    def edges(self, as_of: date, valid_on: date | None = None) -> pl.LazyFrame:
        """Return the statements believed on `as_of` that hold on `valid_on` (see `graph.edges.visible`)."""
        return visible(self.statements(), as_of, valid_on)

    def snapshot(self, as_of: date, nodes: pl.Series | None = None) -> Snapshot:
        """Return the graph as of a date; `nodes` adds parties that may have no edge."""
        return Snapshot.from_edges(self.statements(), as_of=as_of, nodes=nodes)

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob(_PARTS))

    def _read(self, parts: list[Path]) -> pl.LazyFrame:
        if not parts:
            return pl.LazyFrame(schema=EDGE_SCHEMA)
        for part in parts:
            _check_part(part)
        content = [pl.col(column).first() for column in _CONTENT]
        rows = pl.scan_parquet(parts)
        merged = rows.group_by(EDGE_KEY).agg(*content, pl.col("retracted_at").min())
        return merged.select(EDGE_SCHEMA.names()).sort(EDGE_KEY)

    def _add_part(self, number: int, rows: pl.DataFrame) -> bool:
        """Put a part in place under a number; return False when another writer has taken the number."""
        handle, name = tempfile.mkstemp(prefix=".part-", dir=self.folder)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                rows.write_parquet(file)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, self.folder / f"part-{number:06d}.parquet")
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        return True


def rebuild(folder: Path, edges: EdgeFrame) -> int:
    """Build a store beside the old one, put it in its place once it is whole, return its number of statements."""
    new, old = folder.with_name(f".{folder.name}-new"), folder.with_name(f".{folder.name}-old")
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    added = ParquetStore(new).append(edges)
    if folder.exists():
        folder.rename(old)
    if new.exists():
        new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return added


def _check_part(part: Path) -> None:
    try:
        schema = pl.read_parquet_schema(part)
    except (OSError, pl.exceptions.ComputeError) as problem:
        raise GraphStoreError(part, str(problem)) from problem
    if pl.Schema(schema) != EDGE_SCHEMA:
        raise GraphStoreError(part, f"columns {list(schema)}")


def _fresh(stored: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `table` that say something the store does not hold; raise for those that contradict it."""
    both = table.join(stored, on=EDGE_KEY, how="left", suffix="_stored", maintain_order="left")
    known = pl.col("kind_stored").is_not_null()
    changed = pl.any_horizontal(pl.col(column).ne_missing(pl.col(f"{column}_stored")) for column in _CONTENT)
    reopened = pl.col("retracted_at").is_not_null() & pl.col("retracted_at_stored").is_not_null()
    moved = reopened & (pl.col("retracted_at") != pl.col("retracted_at_stored"))
    conflicts = both.filter(known & (changed | moved))
    if conflicts.height:
        first = conflicts.row(0, named=True)
        columns = [name for name in (*_CONTENT, "retracted_at") if first[name] != first[f"{name}_stored"]]
        raise StatementConflictError(first["edge_id"], first["known_at"], columns)
    closing = pl.col("retracted_at").is_not_null() & pl.col("retracted_at_stored").is_null()
    return both.filter(~known | closing).select(EDGE_SCHEMA.names())
