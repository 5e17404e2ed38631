"""The columns and types that every table of the graph must have before its content is looked at."""

from collections.abc import Collection

import polars as pl

from graph.errors import EdgeTableError, PartyTableError

__all__ = ["typed"]


def typed(
    frame: pl.DataFrame,
    schema: pl.Schema,
    *,
    never_null: Collection[str],
    error: type[EdgeTableError] | type[PartyTableError],
) -> pl.DataFrame:
    """Return the columns of the schema in its order and types, repeated rows once; other columns are left out.

    Any number may stand for a Float64, and nothing at all for any type. Raises `error` naming the first column that is
    missing, of another type or, of `never_null`, empty in a row.
    """
    for column, dtype in schema.items():
        if column not in frame.columns:
            raise error(column, "缺失", "is missing")
        found = frame.schema[column]
        numeric = dtype == pl.Float64 and found.is_numeric()
        if found not in (dtype, pl.Null) and not numeric:
            raise error(column, f"类型应为 {dtype}，现为 {found}", f"must be {dtype}, is {found}")
        if column in never_null and frame[column].null_count():
            row = int(frame[column].is_null().arg_true()[0]) + 1
            raise error(column, f"第 {row} 行为空", f"is empty in row {row}")
    return frame.select(schema.names()).cast(schema).unique(maintain_order=True)
