"""Write and read what makes a model's forecasts add up: nodes and sums as Parquet."""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from models.demand.hierarchies.coherence import Coherence
from models.demand.hierarchies.hierarchy import Hierarchy

__all__ = ["COHERENCE_FILES", "coherence_frames", "read_coherence"]

COHERENCE_FILES: Final = ("nodes", "sums")


def coherence_frames(coherence: Coherence) -> dict[str, pl.DataFrame]:
    """Return the frames to write, by name: nodes and their sums (node, bottom series)."""
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
    }


def read_coherence(read: Callable[[str], bytes]) -> Coherence:
    """Read what `coherence_frames` gave; `read` returns a file's bytes by name."""
    nodes, sums = (pl.read_parquet(io.BytesIO(read(f"{name}.parquet"))) for name in COHERENCE_FILES)
    shape = (nodes.height, sums["series"].n_unique())
    matrix = csr_array(
        (np.ones(sums.height), (sums["node"].to_numpy(), sums["series"].to_numpy())), shape=shape
    )
    matrix.sort_indices()
    hierarchy = Hierarchy(tuple(nodes["unique_id"].to_list()), matrix, tuple(nodes["level"].to_list()))
    return Coherence(hierarchy, nodes["row"].to_numpy(), nodes["variance"].to_numpy())
