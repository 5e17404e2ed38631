"""The bitemporal edge table: its columns, its checks, and how it is read as of a date."""

from datetime import date
from typing import Final

import polars as pl

from graph.errors import EdgeTableError
from graph.ontology import RELATIONS

__all__ = ["EDGE_KEY", "EDGE_SCHEMA", "EdgeFrame", "checked_edges", "visible"]

EdgeFrame = pl.DataFrame | pl.LazyFrame

EDGE_KEY: Final = ("edge_id", "known_at")
EDGE_SCHEMA: Final = pl.Schema(
    {
        "edge_id": pl.String,
        "src": pl.String,
        "dst": pl.String,
        "kind": pl.String,
        "share": pl.Float64,
        "amount": pl.Float64,
        "role": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
        "known_at": pl.Date,
        "retracted_at": pl.Date,
        "source": pl.String,
        "confidence": pl.Float64,
    }
)
_NEVER_NULL: Final = ("edge_id", "src", "dst", "kind", "valid_from", "known_at")


def visible(edges: EdgeFrame, as_of: date, valid_on: date | None = None) -> pl.LazyFrame:
    """Return the statements that were believed on `as_of` and say what held on `valid_on` (default: `as_of`).

    A statement is believed from `known_at` up to, not including, `retracted_at`; it holds from `valid_from` up to,
    not including, `valid_to`. `retracted_at` comes back null: on `as_of` nobody knew of a later retraction.
    """
    day = as_of if valid_on is None else valid_on
    believed = (pl.col("known_at") <= as_of) & _open_or_after("retracted_at", as_of)
    holds = (pl.col("valid_from") <= day) & _open_or_after("valid_to", day)
    return edges.lazy().filter(believed & holds).with_columns(retracted_at=pl.lit(None, dtype=pl.Date))


def _open_or_after(column: str, day: date) -> pl.Expr:
    return pl.col(column).is_null() | (pl.col(column) > day)


def checked_edges(edges: EdgeFrame) -> pl.DataFrame:
    """Return the edge table with the columns and types of `EDGE_SCHEMA`, in that order.

    Raises EdgeTableError naming the column that is missing, of another type, empty where it must not be, or
    whose statement is given twice with different content.
    """
    frame = edges.lazy().collect()
    for column, dtype in EDGE_SCHEMA.items():
        _check_column(frame, column, dtype)
    table = frame.select(EDGE_SCHEMA.names()).cast(EDGE_SCHEMA).unique(maintain_order=True)
    _check_content(table)
    repeated = table.filter(pl.struct(EDGE_KEY).is_duplicated())
    if repeated.height:
        first = repeated.row(0, named=True)
        where = f"{first['edge_id']} @ {first['known_at']}"
        raise EdgeTableError(
            "edge_id", f"与 known_at 合起来不唯一：{where}", f"not unique with known_at: {where}"
        )
    return table


def _check_column(frame: pl.DataFrame, column: str, dtype: pl.DataType) -> None:
    if column not in frame.columns:
        raise EdgeTableError(column, "缺失", "is missing")
    found = frame.schema[column]
    numeric = dtype == pl.Float64 and found.is_numeric()
    if found not in (dtype, pl.Null) and not numeric:
        raise EdgeTableError(column, f"类型应为 {dtype}，现为 {found}", f"must be {dtype}, is {found}")
    if column in _NEVER_NULL and frame[column].null_count():
        row = int(frame[column].is_null().arg_true()[0]) + 1
        raise EdgeTableError(column, f"第 {row} 行为空", f"is empty in row {row}")


def _check_content(table: pl.DataFrame) -> None:
    unknown = table.filter(~pl.col("kind").is_in(list(RELATIONS)))
    if unknown.height:
        kind, known = unknown["kind"][0], ", ".join(RELATIONS)
        raise EdgeTableError(
            "kind", f"有未知的关系“{kind}”，应为 {known} 之一", f"'{kind}' is none of {known}"
        )
    loops = table.filter(pl.col("src") == pl.col("dst"))
    if loops.height:
        edge = loops["edge_id"][0]
        raise EdgeTableError("dst", f"与 src 相同（{edge}），主体不能与自身有关系", f"equals src in {edge}")
