"""Places in sparse matrices, many at once: the edges that leave nodes, values at places, positions of parties."""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.snapshot import Snapshot

__all__ = ["expanded", "row_numbers", "seeds_of", "values_at"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def expanded(graph: csr_array, nodes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return, for each stored entry in the rows `nodes`: the place of its row in `nodes`, its column, its place.

    The last is the entry's place in `graph.indices` and `graph.data`. A row given twice is expanded twice.
    """
    starts = graph.indptr[nodes].astype(np.int64)
    counts = graph.indptr[nodes + 1] - starts
    places = np.repeat(np.arange(len(nodes)), counts)
    within = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
    entries: Ints = np.repeat(starts, counts) + within
    return places, graph.indices[entries].astype(np.int64), entries


def row_numbers(matrix: csr_array) -> Ints:
    """Return the row of each stored entry (nnz)."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def values_at(matrix: csr_array, rows: Ints, columns: Ints) -> Floats:
    """Return the values at places of a matrix whose rows are sorted; 0 where nothing is stored."""
    if matrix.nnz == 0:
        return np.zeros(len(rows))
    width = matrix.shape[1]
    keys = row_numbers(matrix) * width + matrix.indices
    wanted = rows * width + columns
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: Floats = np.where(keys[place] == wanted, matrix.data[place], 0.0)
    return found


def seeds_of(snapshot: Snapshot, party_ids: pl.Series) -> Ints:
    """Return the positions of the parties that are in the graph, sorted, each once; others have no edge to walk."""
    present = party_ids.drop_nulls().unique()
    if present.is_empty():
        return np.zeros(0, dtype=np.int64)
    typed = present if present.dtype == snapshot.ids.dtype else present.cast(snapshot.ids.dtype)
    return np.sort(snapshot.positions(typed.filter(typed.is_in(snapshot.ids.implode()))))
