"""Frames as query parameters, and query results as frames."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from graph.bolt.cypher import PROPERTIES
from graph.edges import EDGE_SCHEMA

__all__ = ["edge_frame", "frame_of", "parameters", "speaking_edges"]


_FEW: Final = 2000
"""Up to so many rows Python is faster than a query plan."""
_PLACE: Final = {name: place for place, name in enumerate(("src", "dst", "kind", *PROPERTIES))}


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
    columns = zip(*rows, strict=True) if rows else [() for _ in schema]
    return pl.DataFrame(
        [_series(name, values, dtype) for (name, dtype), values in zip(schema.items(), columns, strict=True)]
    )


def _series(name: str, values: Sequence[object], dtype: pl.DataType) -> pl.Series:
    if dtype != pl.Date:
        return pl.Series(name, values, dtype=dtype)
    if len(values) > _FEW:
        return pl.Series(name, values, dtype=pl.String).str.to_date()
    return pl.Series(
        name, [None if day is None else date.fromisoformat(str(day)) for day in values], dtype=dtype
    )


def edge_frame(rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    """Return statements as they are read (EDGE_SCHEMA): source, target, kind, then the properties."""
    frame = frame_of(rows, {name: EDGE_SCHEMA[name] for name in _PLACE})
    return pl.DataFrame([frame[name] for name in EDGE_SCHEMA])


def speaking_edges(rows: Sequence[Sequence[object]], day: date) -> pl.DataFrame:
    """Return of believed statements that have begun those that speak on a day, sorted by edge_id (EDGE_SCHEMA).

    The same choice as `graph.edges.visible`, made on the rows: a portrait reads a few hundred, for which planning
    the choice takes ten times as long as making it.
    """
    edge, begun, known, over, gone = (
        _PLACE[name] for name in ("edge_id", "valid_from", "known_at", "valid_to", "retracted_at")
    )
    last: dict[str, Sequence[object]] = {}
    for row in rows:
        held = last.get(str(row[edge]))
        if held is None or (str(held[begun]), str(held[known])) < (str(row[begun]), str(row[known])):
            last[str(row[edge])] = row
    shown = [row for _, row in sorted(last.items()) if row[over] is None or str(row[over]) > day.isoformat()]
    return edge_frame(
        [[None if place == gone else value for place, value in enumerate(row)] for row in shown]
    )
