"""Features from edge tables: typed degrees both ways, neighbours' own values, peers two steps away."""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array, diags_array

from features.cards.card import EdgeTable
from features.cards.state import EdgeState
from graph.neighbours import degree_columns, degrees, row_aggregates
from graph.ontology import Direction
from graph.snapshot import Snapshot

__all__ = ["edge_features", "edge_snapshot", "fit_edges", "unseen_kinds"]

_HUB: Final = 200  # a party with more neighbours ties nobody together; peers are not looked for through it
_CHUNK: Final = 20_000
_LEAST_EDGES: Final = 20
Floats = npt.NDArray[np.float64]


def fit_edges(spec: EdgeTable, edges: pl.DataFrame) -> EdgeState:
    """Learn the relation kinds that occur often enough, and those whose weights differ."""
    found = (
        _known_weights(edges)
        .group_by("kind")
        .agg(pl.len().alias("n"), pl.col("weight").n_unique().alias("weights"))
        .sort("kind")
    )
    frequent = found.filter(pl.col("n") >= min(_LEAST_EDGES, edges.height))
    weighted = frequent.filter(pl.col("weights") > 1)["kind"].to_list() if spec.weight else []
    return EdgeState(kinds=tuple(frequent["kind"]), weighted=tuple(weighted))


def unseen_kinds(edges: pl.DataFrame, state: EdgeState) -> list[str]:
    """Return the relation kinds that training did not learn."""
    return sorted(set(edges["kind"].unique()) - set(state.kinds))


def edge_snapshot(edges: pl.DataFrame, state: EdgeState, parties: pl.Series) -> Snapshot:
    """Build the graph of the edges of known kinds; the parties asked about are in it with or without edges."""
    known = _known_weights(edges.filter(pl.col("kind").is_in(state.kinds)))
    return Snapshot.from_edges(known, as_of=None, nodes=parties, kinds=state.kinds)


def _known_weights(edges: pl.DataFrame) -> pl.DataFrame:
    # Tables are read as they are, so that infinite weights can be counted and named; here they become unknown.
    return edges.select("src", "dst", "kind", pl.when(pl.col("weight").is_finite()).then("weight"))


def edge_features(
    name: str, spec: EdgeTable, state: EdgeState, snapshot: Snapshot, carried: pl.DataFrame
) -> pl.DataFrame:
    """Return per party (`id`) the features of this edge table.

    Around a party means over all kinds and both directions; a party two steps away is reached through one that is
    no hub, weighted by 1/degree of the party between (a random walk), and never the party itself.
    """
    typed = degrees(snapshot, state.kinds)
    around = _around(snapshot, state)
    columns: dict[str, pl.Series | Floats] = {}
    for kind in state.kinds:
        for direction in Direction:
            edges_of, distinct, weight = degree_columns(kind, direction)
            columns[f"{name}.{kind}.{direction}"] = typed[edges_of]
            # Always there, also where no two edges are parallel: which columns exist must not hang on the data at hand.
            columns[f"{name}.{kind}.{direction}.distinct"] = typed[distinct]
            if kind in state.weighted:
                columns[f"{name}.{kind}.{direction}.weight"] = typed[weight]
    edges_of_all = (f"{k}_{d}_degree" for k in state.kinds for d in Direction)
    columns[f"{name}.edges"] = sum((typed[c].to_numpy() for c in edges_of_all), np.zeros(snapshot.parties))
    columns[f"{name}.neighbours"] = np.diff(around.indptr).astype(np.float64)
    values = _values(snapshot, carried, columns[f"{name}.neighbours"]) if spec.neighbours else {}
    for column, value in values.items():
        aggregates = row_aggregates(around, value)
        for aggregate in ("mean", "max", "sum"):
            columns[f"{name}.nb.{column}.{aggregate}"] = aggregates[aggregate]
    if spec.hops == 2:  # noqa: PLR2004 - two steps
        columns |= _two_steps(name, around, values)
    return pl.DataFrame({"id": snapshot.ids, **columns})


def _values(snapshot: Snapshot, carried: pl.DataFrame, neighbours: pl.Series | Floats) -> dict[str, Floats]:
    aligned = snapshot.aligned(carried)
    out = {c: aligned[c].cast(pl.Float64).to_numpy() for c in aligned.columns[1:]}
    return {**out, "degree": np.asarray(neighbours, dtype=np.float64)}


def _around(snapshot: Snapshot, state: EdgeState) -> csr_array:
    n = snapshot.parties
    total = csr_array((n, n), dtype=np.int64)
    for kind in state.kinds:
        relation = snapshot.relation(kind)
        total = total + relation.edges + relation.edges_t
    around = csr_array(total)
    around.data = np.ones(len(around.data))
    around.sort_indices()
    return around


def _two_steps(name: str, around: csr_array, values: dict[str, Floats]) -> dict[str, Floats]:
    """Return figures of the parties two steps away; linear in the edges but for the count of peers."""
    degree = np.diff(around.indptr).astype(np.float64)
    open_way = np.where((degree > 0) & (degree <= _HUB), 1.0 / np.maximum(degree, 1.0), 0.0)
    walk = csr_array(around @ diags_array(open_way))
    back = np.asarray(walk.sum(axis=1)).ravel()
    out: dict[str, Floats] = {}
    peers, shared = _peers(csr_array(around @ diags_array((open_way > 0).astype(np.float64))), around)
    out[f"{name}.peers"], out[f"{name}.shared"] = peers, shared
    for column, value in values.items():
        known = np.isfinite(value).astype(np.float64)
        filled = np.where(known > 0, value, 0.0)
        mass = walk @ (around @ known) - back * known
        total = walk @ (around @ filled) - back * filled
        some = mass > 1e-9  # noqa: PLR2004 - what is left of a difference of equal sums
        out[f"{name}.nb2.{column}.mean"] = np.where(some, total / np.where(some, mass, 1.0), np.nan)
        out[f"{name}.nb2.{column}.reach"] = np.where(some, mass, 0.0)
    return out


def _peers(through: csr_array, around: csr_array) -> tuple[Floats, Floats]:
    """Return how many other parties share a neighbour, and how many neighbours the closest of them shares."""
    n = around.shape[0]
    peers, shared = np.zeros(n), np.zeros(n)
    for start in range(0, n, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, n))
        block = csr_array(through[rows] @ around).tocoo()
        other = block.coords[1] != block.coords[0] + start
        peers[rows] = np.bincount(block.coords[0][other], minlength=len(rows))
        np.maximum.at(shared, block.coords[0][other] + start, block.data[other])
    return peers, shared
