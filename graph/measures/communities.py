"""Which parties belong together: connected components, or communities by Leiden where the extra [communities] is."""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from graph.errors import MeasureArgumentError, MissingExtraError
from graph.snapshot import Snapshot

__all__ = ["Communities", "components", "leiden"]

_PACKAGE: Final = "graspologic_native"

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Communities:
    """A partition of the parties.

    `parties`: [id, community, size], communities numbered from 0, the largest first and of equal ones that with the
    smallest id; `modularity` is that of Newman and Girvan 2004 at the resolution asked for, None for components.
    """

    parties: pl.DataFrame
    modularity: float | None


def components(snapshot: Snapshot, kinds: Iterable[str] | None = None) -> Communities:
    """Return the parties that are joined by any path of edges of the kinds (default: all), whatever their direction.

    A party without an edge is alone. Raises UnknownRelationError.
    """
    joined = _links(snapshot, dict.fromkeys(snapshot.kinds if kinds is None else kinds, 1.0))
    labels = connected_components(joined, directed=False)[1]
    return Communities(_table(snapshot, np.asarray(labels, dtype=np.int64)), None)


def leiden(
    snapshot: Snapshot,
    kinds: Mapping[str, float],
    *,
    seed: int,
    resolution: float = 1.0,
    rounds: int = 2,
) -> Communities:
    """Return communities by the Leiden algorithm on the undirected graph of the kinds, the same for the same seed.

    `kinds` gives the weight of one edge of each kind, parallel and opposite edges being summed; a larger `resolution`
    gives smaller communities; `rounds` runs of the whole cycle. Source: Traag, Waltman, van Eck 2019, "From Louvain to
    Leiden: guaranteeing well-connected communities", Scientific Reports 9, 5233; the implementation is
    graspologic-native (MIT licence). A party without an edge is alone. Raises MissingExtraError without the package,
    UnknownRelationError, and MeasureArgumentError for a weight or resolution that is not positive, or a seed below 0.
    """
    _check(kinds, resolution, seed)
    one_way = _links(snapshot, kinds)
    links = csr_array(one_way + one_way.T)
    # The package asks for a symmetric matrix without loops; parties without an edge it must not see at all.
    joined = np.flatnonzero(np.diff(links.indptr))
    labels = np.arange(snapshot.parties, dtype=np.int64) + snapshot.parties
    quality = 0.0
    if len(joined):
        inner = links[joined][:, joined].tocsr()
        inner.sort_indices()
        quality, found = _run(inner, seed=seed, resolution=resolution, rounds=rounds)
        labels[joined] = found
    return Communities(_table(snapshot, labels), quality)


def _run(links: csr_array, *, seed: int, resolution: float, rounds: int) -> tuple[float, Ints]:
    try:
        package = importlib.import_module(_PACKAGE)
    except ImportError as problem:
        raise MissingExtraError("communities", "graspologic-native", str(problem)) from problem
    size = links.shape[0]
    quality, membership = package.leiden_csr(
        links.indptr.astype(np.int64),
        links.indices.astype(np.int32),
        links.data.astype(np.float64),
        size,
        resolution=resolution,
        iterations=rounds,
        seed=seed,
    )
    return float(quality), np.array([membership[node] for node in range(size)], dtype=np.int64)


def _links(snapshot: Snapshot, kinds: Mapping[str, float]) -> csr_array:
    """Return the edges of the kinds as one graph (n × n), each edge with the weight of its kind."""
    total = csr_array((snapshot.parties, snapshot.parties))
    for kind, weight in kinds.items():
        total = total + weight * snapshot.relation(kind).edges
    return csr_array(total)


def _table(snapshot: Snapshot, labels: Ints) -> pl.DataFrame:
    """Number communities by size, then by their first party."""
    _, first, place, count = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -count))
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return pl.DataFrame({"id": snapshot.ids, "community": number[place], "size": count[place]})


def _check(kinds: Mapping[str, float], resolution: float, seed: int) -> None:
    named = {**{f"kinds[{kind}]": weight for kind, weight in kinds.items()}, "resolution": resolution}
    for argument, value in named.items():
        if not (np.isfinite(value) and value > 0):
            raise MeasureArgumentError(argument, f"应为正数，现为 {value}", f"must be positive, is {value}")
    if seed < 0:
        raise MeasureArgumentError("seed", f"应为非负整数，现为 {seed}", f"must be 0 or more, is {seed}")
