"""All guarantee circles of up to six parties among a million: NumPy and numba beside networkx, each the same circles."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import networkx as nx
import numpy as np
import polars as pl

from bench.graph_parts.goal import Goal
from bench.graph_parts.seeded_graph import AS_OF, seeded_edges, seeded_ids
from graph.measures.circles import LIMIT, LONGEST, Circles, circles
from graph.measures.engine import Engine
from graph.measures.simple_cycles import strong_components
from graph.snapshot import Snapshot

__all__ = ["run"]

_EDGES_PER_PARTY: Final = 5
_TANGLED_EDGES: Final = 1.5
_KIND: Final = "guarantees"

Circle = tuple[str, ...]
Answer = TypeVar("Answer")


def run(seed: int, small: bool) -> list[Goal]:  # noqa: FBT001 - the interface of a part
    """Find the circles with both engines and with networkx, and time a graph with one large component too."""
    parties = 20_000 if small else 1_000_000
    edges = seeded_edges(parties, parties * _EDGES_PER_PARTY, seed).filter(pl.col("kind") == _KIND)
    snapshot = Snapshot.from_edges(edges, as_of=AS_OF, nodes=seeded_ids(parties), kinds=[_KIND])
    _warm()
    pure, pure_seconds = _best(lambda: circles(snapshot, engine=Engine.PURE))
    fast, fast_seconds = _best(lambda: circles(snapshot, engine=Engine.NUMBA))
    expected, peer_seconds = _timed(lambda: _by_networkx(snapshot))
    print(
        f"{parties:,} parties, {snapshot.relation(_KIND).edges.nnz:,} guarantees: {len(expected):,} circles by networkx"
    )
    print(
        f"NumPy {pure_seconds:.2f} s, numba {fast_seconds:.2f} s, networkx inside strong components {peer_seconds:.2f} s"
    )
    _tangled(parties, seed)
    size = f"{parties:,} parties / {parties * _EDGES_PER_PARTY:,} edges"
    wrong = max(len(_listed(found) ^ expected) for found in (pure, fast))
    return [
        Goal(f"{size}: all circles of up to {LONGEST} parties, NumPy", pure_seconds, 5, "s"),
        Goal(f"{size}: all circles of up to {LONGEST} parties, numba, compiled", fast_seconds, 1, "s"),
        Goal("circles that only one of NumPy, numba and networkx found", wrong, 0, ""),
        Goal("circles that were left out", float(pure.left_out is not None), 0, ""),
    ]


def _warm() -> None:
    """Compile the kernel, or read it from numba's cache, before anything is timed."""
    pair = pl.DataFrame({"src": ["A", "B"], "dst": ["B", "A"], "kind": [_KIND] * 2})
    _, seconds = _timed(lambda: circles(Snapshot.from_edges(pair, as_of=None), engine=Engine.NUMBA))
    print(
        f"numba: {seconds:.1f} s to import it and to compile the kernel or read it from the cache, not counted below"
    )


def _timed(work: Callable[[], Answer]) -> tuple[Answer, float]:
    begun = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - begun


def _best(work: Callable[[], Answer]) -> tuple[Answer, float]:
    """Return the answer and the middle of three times."""
    runs = [_timed(work) for _ in range(3)]
    return runs[0][0], sorted(seconds for _, seconds in runs)[1]


def _listed(found: Circles) -> set[Circle]:
    parts = found.members.group_by("circle", maintain_order=True).agg("id")
    return {tuple(ids) for ids in parts["id"]}


def _by_networkx(snapshot: Snapshot) -> set[Circle]:
    """Let networkx search what lies inside strong components: no circle leaves them, and all else takes it far longer."""
    edges = snapshot.relation(_KIND).edges
    labels = strong_components(edges)
    coordinates = edges.tocoo()
    rows, columns = coordinates.coords
    inside = labels[rows] == labels[columns]
    graph: nx.DiGraph[int] = nx.DiGraph(zip(rows[inside].tolist(), columns[inside].tolist(), strict=True))
    found = set()
    for cycle in nx.simple_cycles(graph, length_bound=LONGEST):
        start = cycle.index(min(cycle))
        found.add(tuple(snapshot.ids.gather([*cycle[start:], *cycle[:start]])))
    return found


def _tangled(parties: int, seed: int) -> None:
    """Time a random graph with one component of more than half of the parties, which has no goal."""
    rng = np.random.default_rng([seed, 2])
    ends = rng.integers(0, parties, (2, round(parties * _TANGLED_EDGES)))
    edges = pl.DataFrame({"src": ends[0], "dst": ends[1], "kind": _KIND})
    snapshot = Snapshot.from_edges(edges, as_of=None)
    found, pure = _timed(lambda: circles(snapshot, engine=Engine.PURE, limit=LIMIT))
    again, fast = _timed(lambda: circles(snapshot, engine=Engine.NUMBA, limit=LIMIT))
    if not found.members.equals(again.members):
        raise SystemExit("the engines disagree on the tangled graph")
    largest = int(found.parties[f"{_KIND}_component"].max() or 0)  # type: ignore[arg-type]
    print(
        f"no goal: random guarantees, {ends.shape[1]:,} among {parties:,}, one component of {largest:,}: "
        f"{found.circles.height} circles, NumPy {pure:.2f} s, numba {fast:.2f} s"
    )
