"""The bitemporal edge table: its columns, its checks, and how it is read as of a date."""

from datetime import date
from typing import Final

import polars as pl

from graph.errors import EdgeTableError
from graph.ontology import RELATIONS
from graph.table_types import typed

__all__ = [
    "EDGE_KEY",
    "EDGE_SCHEMA",
    "ENDS",
    "OPTIONAL_COLUMNS",
    "EdgeFrame",
    "checked_edges",
    "holds_on",
    "speaking",
    "visible",
]

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
        "voting": pl.Float64,
        "direct": pl.Boolean,
        "basis": pl.String,
        "contract": pl.String,
        "guarantee_kind": pl.String,
        "seller_share": pl.Float64,
        "buyer_share": pl.Float64,
        "reason": pl.String,
        "score": pl.Float64,
        "method": pl.String,
    }
)
OPTIONAL_COLUMNS: Final = tuple(EDGE_SCHEMA)[tuple(EDGE_SCHEMA).index("confidence") + 1 :]
"""What only some kinds of relation say; a table may leave these columns out."""
ENDS: Final = ("src", "dst", "kind")
"""What all statements of one edge agree on."""
_RATIOS: Final = ("share", "voting", "seller_share", "buyer_share", "score", "confidence")
_NEVER_NULL: Final = ("edge_id", "src", "dst", "kind", "valid_from", "known_at")


def visible(
    edges: EdgeFrame, as_of: date, valid_on: date | None = None, *, unrevised: bool = False
) -> pl.LazyFrame:
    """Return what was believed on `as_of` to hold on `valid_on` (default: `as_of`), at most one row per edge.

    It is the statement that speaks for the edge (see `speaking`), up to, not including, its `valid_to`.
    """
    day = as_of if valid_on is None else valid_on
    return speaking(edges, as_of, day, unrevised=unrevised).filter(holds_on(day))


def speaking(
    edges: EdgeFrame, as_of: date, valid_on: date | None = None, *, unrevised: bool = False
) -> pl.LazyFrame:
    """Return the statement that speaks for each edge, also where it says that the edge has ended.

    A statement is believed from `known_at` up to, not including, `retracted_at`. Of the believed statements of an
    edge that have begun by `valid_on` (default: `as_of`), the one that begins last, then the one known last, speaks for
    the edge from its beginning on. `retracted_at` comes back null: on `as_of` nobody knew of a later retraction.
    `unrevised` promises that no edge has two statements; without a column `edge_id` every row is an edge of its own.
    """
    day = as_of if valid_on is None else valid_on
    believed = (pl.col("known_at") <= as_of) & _open_or_after("retracted_at", as_of)
    begun = edges.lazy().filter(believed & (pl.col("valid_from") <= day))
    if not unrevised and "edge_id" in edges.lazy().collect_schema():
        # No filter may move ahead of this: which statement speaks is settled among all that have begun.
        begun = begun.map_batches(
            _speaking, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
        )
    return begun.with_columns(retracted_at=pl.lit(None, dtype=pl.Date))


def holds_on(day: date) -> pl.Expr:
    """Return a Boolean expression: the statement, which has begun, has not ended by the day."""
    return _open_or_after("valid_to", day)


def _speaking(begun: pl.DataFrame) -> pl.DataFrame:
    """Keep the statement that speaks for each edge, in the order of the rows."""
    # Few edges have two statements: hashes, which are cheap to sort, tell which may, and only those are grouped.
    hashes = begun["edge_id"].hash()
    in_order = hashes.sort()
    repeated = in_order.filter(in_order == in_order.shift()).unique()
    if repeated.is_empty():
        return begun
    row = pl.int_range(pl.len()).alias("row")
    doubtful = begun.select("edge_id", "valid_from", "known_at", row).filter(hashes.is_in(repeated.implode()))
    speaking = doubtful.filter(_is_last("valid_from")).filter(_is_last("known_at"))["row"]
    silent = doubtful["row"].filter(~doubtful["row"].is_in(speaking.implode()))
    shown = pl.Series([True], dtype=pl.Boolean).new_from_index(0, begun.height)
    return begun.filter(shown.scatter(silent, values=False))


def _is_last(column: str) -> pl.Expr:
    return pl.col(column) == pl.col(column).max().over("edge_id")


def _open_or_after(column: str, day: date) -> pl.Expr:
    return pl.col(column).is_null() | (pl.col(column) > day)


def checked_edges(edges: EdgeFrame) -> pl.DataFrame:
    """Return the edge table with the columns and types of `EDGE_SCHEMA`, in that order.

    The columns of `OPTIONAL_COLUMNS` may be left out. Raises EdgeTableError naming the column that is missing, of
    another type, empty or out of range; a statement given twice with different content; an edge whose statements
    disagree on its ends.
    """
    frame = edges.lazy().collect()
    absent = [pl.lit(None).alias(column) for column in OPTIONAL_COLUMNS if column not in frame.columns]
    table = typed(frame.with_columns(absent), EDGE_SCHEMA, never_null=_NEVER_NULL, error=EdgeTableError)
    _check_content(table)
    _check_ranges(table)
    repeated = table.filter(pl.struct(EDGE_KEY).is_duplicated())
    if repeated.height:
        first = repeated.row(0, named=True)
        where = f"{first['edge_id']} @ {first['known_at']}"
        raise EdgeTableError(
            "edge_id", f"与 known_at 合起来不唯一：{where}", f"not unique with known_at: {where}"
        )
    _check_ends(table)
    return table


def _check_ranges(table: pl.DataFrame) -> None:
    for columns, high in ((_RATIOS, 1.0), (("amount",), float("inf"))):
        for column in columns:
            value = pl.col(column)
            strange = table.filter(value.is_nan() | value.is_infinite() | (value < 0) | (value > high))
            if strange.height:
                edge, found = strange["edge_id"][0], strange[column][0]
                zh = f"应在 0 到 1 之间，{edge} 为 {found}" if high == 1 else f"应为非负数，{edge} 为 {found}"
                en = f"must be between 0 and {high}, is {found} in {edge}"
                raise EdgeTableError(column, zh, en)


def _check_ends(table: pl.DataFrame) -> None:
    again = table.filter(pl.col("edge_id").is_duplicated())
    moved = again.filter(pl.struct(ENDS).n_unique().over("edge_id") > 1)
    if moved.height:
        edge = moved["edge_id"][0]
        raise EdgeTableError(
            "edge_id",
            f"“{edge}”的各条记录两端或关系不同，不同的关系应使用不同编号",
            f"'{edge}' joins other parties, or is of another kind, in one of its statements; give that edge its own id",
        )


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
