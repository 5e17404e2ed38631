"""What a table adds to a store: the rows it does not hold yet, and the refusal of those that contradict it."""

from typing import Final

import polars as pl

from graph.edges import EDGE_KEY, EDGE_SCHEMA, ENDS
from graph.errors import EdgeTableError, PartyTableError, StatementConflictError
from graph.parties import PARTY_KEY, PARTY_SCHEMA

__all__ = ["new_parties", "new_statements"]

_CONTENT: Final = tuple(column for column in EDGE_SCHEMA if column not in (*EDGE_KEY, "retracted_at"))


def new_statements(stored: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Return the statements of `table` that are new or newly retracted (EDGE_SCHEMA), in the order of the table.

    `stored` holds every stored statement of the edges that the table speaks of. Raises StatementConflictError for a
    statement that would rewrite a stored one and EdgeTableError for an edge that joins other parties than it did.
    """
    _check_ends(stored, table)
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


def new_parties(stored: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Return the versions of party records that are not stored; PartyTableError for one that would be rewritten."""
    both = table.join(stored, on=PARTY_KEY, how="left", suffix="_stored", maintain_order="left")
    known = pl.col("kind_stored").is_not_null()
    content = [column for column in PARTY_SCHEMA if column not in PARTY_KEY]
    changed = pl.any_horizontal(pl.col(column).ne_missing(pl.col(f"{column}_stored")) for column in content)
    conflicts = both.filter(known & changed)
    if conflicts.height:
        row = conflicts.row(0, named=True)
        where = f"{row['party_id']}, {row['valid_from']}, {row['known_at']}"
        raise PartyTableError(
            "party_id",
            f"的版本（{where}）已入库，不能改写；更正时以新的 known_at 追加一个版本",
            f"version ({where}) is stored already and cannot be rewritten; to correct it append one with a new known_at",
        )
    return both.filter(~known).select(PARTY_SCHEMA.names())


def _check_ends(stored: pl.DataFrame, table: pl.DataFrame) -> None:
    """Refuse a new statement of a stored edge that joins other parties or is of another kind."""
    before = stored.select("edge_id", *ENDS).unique("edge_id")
    both = table.join(stored, on=EDGE_KEY, how="anti").join(before, on="edge_id", suffix="_stored")
    moved = both.filter(pl.any_horizontal(pl.col(column) != pl.col(f"{column}_stored") for column in ENDS))
    if moved.height:
        row = moved.row(0, named=True)
        columns = ", ".join(column for column in ENDS if row[column] != row[f"{column}_stored"])
        raise EdgeTableError(
            "edge_id",
            f"“{row['edge_id']}”已入库，其 {columns} 与库中不同；不同的关系应使用不同编号，原关系有误时先填写其 retracted_at",
            f"'{row['edge_id']}' is stored already with another {columns}; give another edge its own id, and when the "
            "stored one was wrong retract it first",
        )
