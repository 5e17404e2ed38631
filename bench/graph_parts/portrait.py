"""Portraits of random parties at full size, and networkx's ego graphs of the same parties on a smaller graph."""

import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import networkx as nx
import numpy as np
import polars as pl

from bench.graph_parts.goal import Goal
from bench.graph_parts.seeded_graph import AS_OF, seeded_edges
from graph.embedded_view import EmbeddedView
from graph.parquet_store import ParquetStore
from graph.paths import riskiest_paths
from graph.portrait import portrait

__all__ = ["run"]

LIMIT_MS: Final = 5.0
PARTIES: Final = 2000
PAIRS: Final = 200
PEER_PARTIES: Final = 200


@dataclass(frozen=True)
class Times:
    """Milliseconds of wall clock and of CPU (of the calling thread) for each of some calls."""

    wall: list[float]
    cpu: list[float]

    def line(self) -> str:
        """Write the quantiles."""
        wall = np.quantile(self.wall, [0.5, 0.95, 0.99, 1.0])
        return (
            f"p50 {wall[0]:.2f}  p95 {wall[1]:.2f}  p99 {wall[2]:.2f}  max {wall[3]:.2f} ms; "
            f"CPU p50 {np.quantile(self.cpu, 0.5):.2f}  p95 {np.quantile(self.cpu, 0.95):.2f} ms"
        )


def run(seed: int, small: bool) -> list[Goal]:  # noqa: FBT001 - the shape of every part
    """Measure portraits at 1M parties and 5M edges, then beside networkx at a tenth of it."""
    full, tenth = (20_000, 10_000) if small else (1_000_000, 100_000)
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="zhiheng-bench-") as folder:
        view = _view(Path(folder) / "full", full, seed)
        asked = _with_edges(view, 500 if small else PARTIES, rng)
        times = _portraits(view, asked)
        print(f"two-hop portraits of {len(asked):,} random parties: {times.line()}")
        _report_left_out(view, asked)
        print(f"riskiest paths of {PAIRS} pairs up to 4 hops: {_paths(view, rng).line()}")
        del view
        gc.collect()
        ratio = _beside_networkx(_view(Path(folder) / "tenth", tenth, seed), rng)
    size = f"{full // 1000:,}k/{full // 200:,}k"
    return [
        Goal(f"two-hop portrait, embedded, {size}, hub 200, p95 wall", _p95(times.wall), LIMIT_MS, "ms"),
        Goal(
            f"CPU of networkx ego_graph over ours, {tenth // 1000:,}k/{tenth // 200:,}k",
            ratio,
            1.0,
            "x",
            higher=True,
        ),
    ]


def _view(folder: Path, parties: int, seed: int) -> EmbeddedView:
    edges = seeded_edges(parties, 5 * parties, seed)
    store = ParquetStore(folder)
    begun = time.perf_counter()
    stored = store.append(edges)
    appended = time.perf_counter() - begun
    del edges
    gc.collect()
    begun, cpu = time.perf_counter(), time.process_time()
    view = store.view(AS_OF)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(f"{parties:,} parties, {stored:,} statements appended in {appended:.1f} s")
    print(
        f"view: built from Parquet in {wall:.1f} s wall, {cpu:.1f} s CPU; holds {view.memory / 1e6:,.0f} MB by its own count"
    )
    return view


def _with_edges(view: EmbeddedView, count: int, rng: np.random.Generator) -> list[str]:
    chosen = rng.permutation(len(view.parties))[: 2 * count]
    asked = view.parties[chosen].to_list()
    return [party for party, edges in zip(asked, view.degrees(asked), strict=True) if edges][:count]


def _timed(calls: Sequence[Callable[[], object]]) -> Times:
    for call in calls[:20]:
        call()
    wall, cpu = [], []
    for call in calls:
        begun, spent = time.perf_counter(), time.thread_time()
        call()
        wall.append(1e3 * (time.perf_counter() - begun))
        cpu.append(1e3 * (time.thread_time() - spent))
    return Times(wall, cpu)


def _portraits(view: EmbeddedView, asked: Sequence[str]) -> Times:
    return _timed([lambda party=party: portrait(view, party) for party in asked])  # type: ignore[misc]


def _report_left_out(view: EmbeddedView, asked: Sequence[str]) -> None:
    pictures = [portrait(view, party) for party in asked]
    nodes = np.quantile([picture.graph.number_of_nodes() for picture in pictures], [0.5, 0.95, 1.0])
    edges = np.quantile([picture.graph.number_of_edges() for picture in pictures], [0.5, 0.95, 1.0])
    print(f"their nodes p50/p95/max {nodes.astype(int).tolist()}, edges {edges.astype(int).tolist()}; "
          f"{sum(bool(picture.left_out.hubs) for picture in pictures):,} met a hub, "
          f"{sum(bool(picture.left_out.rings) for picture in pictures):,} were cut at 500 parties, "
          f"{sum(bool(picture.left_out.centre_edges) for picture in pictures):,} have a hub for centre")  # fmt: skip


def _paths(view: EmbeddedView, rng: np.random.Generator) -> Times:
    """Ask for the paths from random parties to a random party of their two-hop portrait."""
    pairs = []
    for party in _with_edges(view, 2 * PAIRS, rng):
        others = [other for other, hop in portrait(view, party).graph.nodes(data="hop") if hop == 2]
        if others:
            pairs.append((party, others[int(rng.integers(len(others)))]))
    return _timed([lambda pair=pair: riskiest_paths(view, *pair) for pair in pairs[:PAIRS]])  # type: ignore[misc]


def _beside_networkx(view: EmbeddedView, rng: np.random.Generator) -> float:
    """Return how many times the CPU networkx takes, over parties where both must find the same parties."""
    edges = view.expand(view.parties.to_list(), hub=None).edges
    begun = time.perf_counter()
    peer: nx.MultiGraph[str] = nx.MultiGraph()
    columns = edges.select("src", "dst", "edge_id", pl.struct("kind", "share", "amount", "known_at"))
    peer.add_edges_from(columns.iter_rows())
    print(
        f"networkx MultiGraph of the same {edges.height:,} edges made in {time.perf_counter() - begun:.1f} s"
    )
    asked = [
        party for party in _with_edges(view, 5 * PEER_PARTIES, rng) if not portrait(view, party).left_out
    ][:PEER_PARTIES]
    for party in asked[:50]:
        if set(nx.ego_graph(peer, party, radius=2)) != set(portrait(view, party).graph):
            raise AssertionError(f"networkx finds other parties around {party}")
    theirs = _timed([lambda party=party: nx.ego_graph(peer, party, radius=2) for party in asked])  # type: ignore[misc]
    ours = _portraits(view, asked)
    print(
        f"{len(asked)} parties whose portrait leaves nothing out (no hub, no cut), so that both find the same parties;"
    )
    print(
        "networkx is given an undirected graph made once, as ego_graph(undirected=True) copies it for every call"
    )
    print(f"  networkx ego_graph(radius=2): {theirs.line()}")
    print(f"  portrait:                     {ours.line()}")
    return float(np.sum(theirs.cpu) / np.sum(ours.cpu))


def _p95(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.95))
