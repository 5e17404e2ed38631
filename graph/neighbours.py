"""What stands around a party: degrees, neighbours, weights, and its neighbours' own values, by kind and direction."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import EdgeTableError
from graph.ontology import Direction
from graph.snapshot import Snapshot

__all__ = [
    "AGGREGATES",
    "aggregate_name",
    "degree_columns",
    "degrees",
    "neighbour_aggregates",
    "pattern",
    "row_aggregates",
    "row_sums",
]

AGGREGATES: Final = ("mean", "max", "min", "sum", "count")

Floats = npt.NDArray[np.float64]


def degree_columns(kind: str, direction: Direction) -> tuple[str, str, str]:
    """Return the names of the columns `degrees` gives for one kind and direction."""
    return f"{kind}_{direction}_degree", f"{kind}_{direction}_neighbours", f"{kind}_{direction}_weight"


def degrees(snapshot: Snapshot, kinds: Iterable[str] | None = None) -> pl.DataFrame:
    """Return, per party (`id`), for each kind and direction, three Float64 columns.

    `<kind>_<out|in>_degree` counts edges, parallel ones each; `…_neighbours` counts distinct parties; `…_weight` sums
    the weights in the unit of the kind. A party without such edges has 0. Raises UnknownRelationError.
    """
    columns: dict[str, Floats] = {}
    for kind in snapshot.kinds if kinds is None else kinds:
        relation = snapshot.relation(kind)
        for direction in Direction:
            edges, weights = relation.edges_towards(direction), relation.weights_towards(direction)
            figures = (row_sums(edges), np.diff(edges.indptr).astype(np.float64), row_sums(weights))
            columns |= dict(zip(degree_columns(kind, direction), figures, strict=True))
    return pl.DataFrame({"id": snapshot.ids, **columns})


def row_sums(matrix: csr_array) -> Floats:
    """Return the sum of each row (n)."""
    sums: Floats = np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
    return sums


def pattern(matrix: csr_array) -> csr_array:
    """Return the matrix with 1 wherever it stores an edge, whatever its weight."""
    return csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def aggregate_name(kind: str, direction: Direction, column: str, aggregate: str) -> str:
    """Return the name of an aggregate of neighbours' values, such as `supplies_out_dpd_max`."""
    return f"{kind}_{direction}_{column}_{aggregate}"


def neighbour_aggregates(
    snapshot: Snapshot, kind: str, direction: Direction, values: pl.DataFrame
) -> pl.DataFrame:
    """Return, per party (`id`), mean, max, min, sum and count over its distinct neighbours' own values.

    `values` is keyed by `id`; each other column is numeric or Boolean. Neighbours whose value is null or NaN are left
    out: `count` says how many had one, the sum over none is 0 and mean, max, min are null. Columns are named
    `<kind>_<direction>_<column>_<aggregate>`. Raises EdgeTableError (key, type) and UnknownRelationError.
    """
    around = snapshot.relation(kind).edges_towards(direction)
    aligned = snapshot.aligned(values)
    result: dict[str, pl.Series] = {}
    for column in aligned.columns[1:]:
        aggregates = row_aggregates(around, _numeric(aligned[column]))
        for aggregate in AGGREGATES:
            result[aggregate_name(kind, direction, column, aggregate)] = aggregates[aggregate]
    return pl.DataFrame({"id": snapshot.ids, **result})


def _numeric(column: pl.Series) -> Floats:
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise EdgeTableError(
            column.name,
            f"应为数值，现为 {column.dtype}",
            f"must be numeric to be aggregated, is {column.dtype}",
        )
    return column.cast(pl.Float64).to_numpy()


def row_aggregates(around: csr_array, values: Floats) -> pl.DataFrame:
    """Return mean, max, min, sum and count of `values` (n) over the columns each row of `around` (m × n) stores."""
    known = ~np.isnan(values[around.indices])
    counts = _segments(np.add, known.astype(np.float64), around.indptr, 0.0)
    kept = np.where(known, values[around.indices], 0.0)
    sums = _segments(np.add, kept, around.indptr, 0.0)
    highs = _segments(np.maximum, np.where(known, kept, -np.inf), around.indptr, -np.inf)
    lows = _segments(np.minimum, np.where(known, kept, np.inf), around.indptr, np.inf)
    some = pl.col("count") > 0
    return pl.DataFrame({"max": highs, "min": lows, "sum": sums, "count": counts}).select(
        pl.when(some).then(pl.col("sum") / pl.col("count")).alias("mean"),
        pl.when(some).then("max").alias("max"),
        pl.when(some).then("min").alias("min"),
        "sum",
        "count",
    )


def _segments(operation: np.ufunc, data: Floats, pointer: npt.NDArray[np.int64], empty: float) -> Floats:
    """Reduce the stretch of data that belongs to each row; rows without data get `empty`."""
    result = np.full(len(pointer) - 1, empty)
    filled = np.flatnonzero(np.diff(pointer))
    if len(filled):
        # Empty rows take no room in `data`, so the starts of the filled rows cut it exactly.
        result[filled] = operation.reduceat(data, pointer[:-1][filled])
    return result
