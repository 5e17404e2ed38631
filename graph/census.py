"""How much of each relation a graph holds."""

import numpy as np
import polars as pl

from graph.snapshot import Snapshot

__all__ = ["census"]


def census(snapshot: Snapshot) -> pl.DataFrame:
    """Return one row per relation kind: edges, distinct pairs, sources and targets, and the summed weight."""
    rows = []
    for kind, relation in snapshot.relations.items():
        rows.append(
            {
                "kind": kind,
                "edges": int(relation.edges.sum()),
                "pairs": int(relation.edges.nnz),
                "sources": int(np.count_nonzero(np.diff(relation.edges.indptr))),
                "targets": int(np.count_nonzero(np.diff(relation.edges_t.indptr))),
                "weight": float(relation.weights.sum()),
            }
        )
    schema = {
        "kind": pl.String,
        **dict.fromkeys(("edges", "pairs", "sources", "targets"), pl.Int64),
        "weight": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema)
