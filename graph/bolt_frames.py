"""Frames as query parameters, and query results as frames."""

from collections.abc import Mapping, Sequence

import polars as pl

from graph.cypher import PROPERTIES
from graph.edges import EDGE_SCHEMA

__all__ = ["edge_frame", "frame_of", "parameters"]


def parameters(frame: pl.DataFrame) -> dict[str, object]:
    """Return one list for each column, and `rows`.

    A column of dates becomes `<column>`, places in the list `<column>_days` of its different days: a date takes the
    driver twenty times as long to write as a small integer, and there are few days.
    """
    given: dict[str, object] = {"rows": frame.height}
    for column in frame:
        if column.dtype == pl.Date:
            days = column.unique().sort()
            places = column.to_frame().join(
                days.to_frame().with_row_index("place"),
                on=column.name,
                how="left",
                nulls_equal=True,
                maintain_order="left",
            )["place"]
            given[column.name], given[f"{column.name}_days"] = places.to_list(), days.to_list()
        else:
            given[column.name] = column.to_list()
    return given


def frame_of(rows: Sequence[Sequence[object]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return result rows as a frame of a schema; dates arrive as text."""
    as_read = {name: pl.String() if dtype == pl.Date else dtype for name, dtype in schema.items()}
    frame = pl.DataFrame(rows, schema=as_read, orient="row")
    return frame.with_columns(
        pl.col(name).str.to_date() for name, dtype in schema.items() if dtype == pl.Date
    )


def edge_frame(rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    """Return statements as they are read (EDGE_SCHEMA): source, target, kind, then the properties."""
    frame = frame_of(rows, {name: EDGE_SCHEMA[name] for name in ("src", "dst", "kind", *PROPERTIES)})
    return frame.select(EDGE_SCHEMA.names())
