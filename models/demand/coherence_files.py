"""Write and read what makes a model's forecasts add up: nodes, sums and backtest errors as Parquet."""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from models.demand.coherence import Coherence
from models.demand.hierarchy import Hierarchy

__all__ = ["COHERENCE_FILES", "coherence_frames", "read_coherence"]

COHERENCE_FILES: Final = ("nodes", "sums", "node_errors")


def coherence_frames(coherence: Coherence) -> dict[str, pl.DataFrame]:
    """Return the frames to write, by name: nodes, their sums (node, bottom series), errors by node, cutoff and step."""
    hierarchy = coherence.hierarchy
    sums = hierarchy.sums.tocoo()
    return {
        "nodes": pl.DataFrame(
            {
                "unique_id": hierarchy.ids,
                "level": hierarchy.level,
                "row": coherence.rows,
                "variance": coherence.variance,
            }
        ),
        "sums": pl.DataFrame({"node": sums.row.astype(np.int64), "series": sums.col.astype(np.int64)}),
        "node_errors": pl.DataFrame(
            {
                f"{cutoff}.{step}": coherence.errors[cutoff, :, step]
                for cutoff in range(coherence.errors.shape[0])
                for step in range(coherence.errors.shape[2])
            }
        ),
    }


def read_coherence(read: Callable[[str], bytes], horizon: int) -> Coherence:
    """Read what `coherence_frames` gave; `read` returns a file's bytes by name."""
    nodes, sums, errors = (pl.read_parquet(io.BytesIO(read(f"{name}.parquet"))) for name in COHERENCE_FILES)
    ones = np.ones(sums.height)
    shape = (nodes.height, sums["series"].n_unique())
    matrix = csr_array((ones, (sums["node"].to_numpy(), sums["series"].to_numpy())), shape=shape)
    matrix.sort_indices()
    hierarchy = Hierarchy(tuple(nodes["unique_id"].to_list()), matrix, tuple(nodes["level"].to_list()))
    table = (
        errors.to_numpy().reshape(nodes.height, -1, horizon)
        if errors.width
        else np.empty((nodes.height, 0, horizon))
    )
    return Coherence(
        hierarchy,
        nodes["row"].to_numpy(),
        nodes["variance"].to_numpy(),
        np.ascontiguousarray(np.moveaxis(table, 1, 0)),
    )
