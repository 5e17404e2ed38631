"""The columns of `graph.columns` in networkx: the peer of the benchmark and the oracle of its test."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from itertools import pairwise
from typing import Final

import networkx as nx
import polars as pl
from polars.testing import assert_frame_equal

from graph.columns import COLUMN_KINDS, NEARNESS, WALKS
from graph.edges import visible
from graph.measures.default_rates import PRIOR_WEIGHT
from graph.measures.pagerank import DAMPING, SMALLEST, STEPS
from graph.ontology import RELATIONS, Direction

__all__ = ["assert_equal_columns", "networkx_columns"]

LONGEST: Final = 6
Row = dict[str, float | None]
Neighbours = Callable[[str], Iterable[str]]
Graphs = Mapping[str, nx.DiGraph]


def networkx_columns(edges: pl.LazyFrame, defaults: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return [id, …], sorted by id, for the parties that have an edge, every default within sight."""
    graphs = _graphs(edges, as_of)
    ids = sorted(set().union(*graphs.values()))
    for graph in graphs.values():
        graph.add_nodes_from(ids)
    known = defaults.filter((pl.col("known_at") <= as_of) & (pl.col("default_on") <= as_of))
    failed = set(known["party_id"]) & set(ids)
    rows: dict[str, Row] = {party: {} for party in ids}
    sides = [side for kind in COLUMN_KINDS for side in _sides(kind, graphs[kind])]
    for name, graph, weighs in sides:
        _around(rows, name, graph, failed, weighs=weighs)
    _walks(rows, graphs, failed)
    _components(rows, graphs, failed)
    _cut_points(rows, graphs["supplies"])
    _circles(rows, graphs["guarantees"])
    _chains(rows, graphs["guarantees"])
    for way in Direction:
        _nearness(rows, graphs, failed, way)
    _steps(rows, graphs["guarantees"], failed)
    return pl.DataFrame([{"id": party, **row} for party, row in rows.items()], infer_schema_length=None)


def assert_equal_columns(ours: pl.DataFrame, peer: pl.DataFrame) -> None:
    """Raise AssertionError where the columns differ by more than rounding (shares are kept in single precision).

    A chance that is `SMALLEST` but for rounding is kept by one engine and dropped by the other, so nearness may
    differ by what a few such chances weigh.
    """
    names = sorted({*ours.columns, *peer.columns} - {"id"})
    near = [name for name in names if name.startswith("default_nearness")]
    rest = [name for name in names if name not in near]
    for chosen, off in ((rest, 1e-9), (near, 5 * SMALLEST)):
        left, right = (
            frame.select("id", *(pl.col(name).cast(pl.Float64) for name in chosen)) for frame in (ours, peer)
        )
        assert_frame_equal(left, right, rel_tol=1e-6, abs_tol=off)


def _graphs(edges: pl.LazyFrame, as_of: date) -> Graphs:
    graphs = {kind: nx.DiGraph() for kind in COLUMN_KINDS}
    table = visible(edges, as_of).select("src", "dst", "kind", "share", "amount").collect()
    for source, target, kind, share, amount in table.iter_rows():
        column = RELATIONS[kind].weight
        weight = 1.0 if column is None else (share if column == "share" else amount) or 0.0
        graph = graphs[kind]
        if graph.has_edge(source, target):
            graph[source][target]["count"] += 1
            graph[source][target]["weight"] += weight
        else:
            graph.add_edge(source, target, count=1, weight=weight)
    return graphs


def _sides(kind: str, graph: nx.DiGraph) -> Iterable[tuple[str, nx.DiGraph, bool]]:
    if RELATIONS[kind].symmetric:
        both = nx.DiGraph()
        both.add_nodes_from(graph)
        for source, target, data in graph.edges(data=True):
            for one, other in ((source, target), (target, source)):
                before = both[one][other]["count"] if both.has_edge(one, other) else 0
                both.add_edge(one, other, count=before + data["count"], weight=0.0)
        return [(kind, both, False)]
    weighs = RELATIONS[kind].weight is not None
    return [(f"{kind}_out", graph, weighs), (f"{kind}_in", graph.reverse(copy=False), weighs)]


def _around(rows: dict[str, Row], name: str, graph: nx.DiGraph, failed: set[str], *, weighs: bool) -> None:
    for party, row in rows.items():
        around = graph[party]
        row[f"{name}_degree"] = sum(data["count"] for data in around.values())
        row[f"{name}_neighbours"] = len(around)
        bad = sum(other in failed for other in around)
        _rate(row, name, bad, len(around), len(rows), failed=failed, party=party)
        if not weighs:
            continue
        weights = [data["weight"] for data in around.values()]
        total = sum(weights)
        lost = sum(data["weight"] for other, data in around.items() if other in failed)
        row[f"{name}_weight"] = total
        row[f"{name}_largest"] = max(weights, default=0.0)
        row[f"{name}_largest_share"] = max(weights) / total if total > 0 else None
        row[f"{name}_hhi"] = sum((weight / total) ** 2 for weight in weights) if total > 0 else None
        if name.partition("_")[0] in ("supplies", "guarantees"):
            row[f"{name}_sole"] = sum(len(graph.pred[other]) == 1 for other in around)
        row[f"{name}_lost_weight"] = lost
        row[f"{name}_lost_share"] = lost / total if total > 0 else None


def _rate(row: Row, name: str, bad: int, seen: int, parties: int, *, failed: set[str], party: str) -> None:
    overall = (len(failed) - (party in failed)) / (parties - 1) if parties > 1 else 0.0
    row[f"{name}_defaulted"], row[f"{name}_observed"] = bad, seen
    row[f"{name}_default_rate"] = (bad + PRIOR_WEIGHT * overall) / (seen + PRIOR_WEIGHT) if seen else None


def _walks(rows: dict[str, Row], graphs: Graphs, failed: set[str]) -> None:
    for (kind, way), (onward, onward_way) in WALKS:
        first, second = _towards(graphs[kind], way), _towards(graphs[onward], onward_way)
        for party, row in rows.items():
            seen = bad = 0
            for middle in first(party):
                for end in second(middle):
                    if end != party:
                        seen += 1
                        bad += end in failed
            name = f"{kind}_{way}_{onward}_{onward_way}"
            _rate(row, name, bad, seen, len(rows), failed=failed, party=party)


def _towards(graph: nx.DiGraph, way: Direction) -> Neighbours:
    neighbours: Neighbours = graph.successors if way is Direction.OUT else graph.predecessors
    return neighbours


def _components(rows: dict[str, Row], graphs: Graphs, failed: set[str]) -> None:
    for kind in ("guarantees", "owns"):
        for members in nx.weakly_connected_components(graphs[kind]):
            bad = len(members & failed)
            for party in members:
                rows[party][f"{kind}_network_size"] = len(members)
                others = bad - (party in failed)
                seen = len(members) - 1
                _rate(rows[party], f"{kind}_network", others, seen, len(rows), failed=failed, party=party)


def _cut_points(rows: dict[str, Row], graph: nx.DiGraph) -> None:
    """Take each articulation point out of its component and look at what is left, block by block."""
    both = graph.to_undirected(as_view=False)
    for members in nx.connected_components(both):
        for party in members:
            rows[party]["supplies_component_size"] = len(members)
            rows[party]["supplies_pieces"], rows[party]["supplies_cut_off"] = int(len(members) > 1), 0
        for party, parts in _parts(both, members).items():
            rows[party]["supplies_pieces"] = len(parts)
            rows[party]["supplies_cut_off"] = sum(parts) - max(parts)


def _parts(graph: nx.Graph, members: set[str]) -> dict[str, list[int]]:
    """Return the sizes of what each articulation point of a component leaves, from the tree of its blocks."""
    blocks = list(nx.biconnected_components(graph.subgraph(members)))
    times = Counter(party for block in blocks for party in block)
    tree = nx.Graph()
    for number, block in enumerate(blocks):
        cuts = [party for party in block if times[party] > 1]
        tree.add_node(number, size=len(block) - len(cuts))
        tree.add_nodes_from(cuts, size=1)
        tree.add_edges_from((number, party) for party in cuts)
    if not tree:
        return {}
    below, order = {node: tree.nodes[node]["size"] for node in tree}, list(nx.dfs_preorder_nodes(tree, 0))
    above = dict(nx.dfs_predecessors(tree, 0))
    for node in reversed(order[1:]):
        below[above[node]] += below[node]
    parts: dict[str, list[int]] = {}
    for party in (node for node in order if isinstance(node, str)):
        inside = [below[block] for block in tree[party] if block != above[party]]
        parts[party] = [*inside, len(members) - 1 - sum(inside)]
    return parts


def _circles(rows: dict[str, Row], graph: nx.DiGraph) -> None:
    for members in nx.strongly_connected_components(graph):
        for party in members:
            rows[party] |= {f"guarantees_circles_{length}": 0 for length in range(2, LONGEST + 1)}
            rows[party] |= {"guarantees_shortest_circle": None, "guarantees_circle_amount": None}
            rows[party]["guarantees_component"] = len(members)
    for cycle in nx.simple_cycles(graph, length_bound=LONGEST):
        smallest = min(graph[one][other]["weight"] for one, other in pairwise([*cycle, cycle[0]]))
        for party in cycle:
            row = rows[party]
            row[f"guarantees_circles_{len(cycle)}"] = (row[f"guarantees_circles_{len(cycle)}"] or 0) + 1
            row["guarantees_shortest_circle"] = min(row["guarantees_shortest_circle"] or math.inf, len(cycle))
            if smallest > 0:
                row["guarantees_circle_amount"] = max(row["guarantees_circle_amount"] or 0.0, smallest)
    for party, row in rows.items():
        mutual = [data["weight"] for other, data in graph[party].items() if graph.has_edge(other, party)]
        row["guarantees_mutual_neighbours"], row["guarantees_mutual_weight"] = len(mutual), sum(mutual)


def _chains(rows: dict[str, Row], graph: nx.DiGraph) -> None:
    links = nx.condensation(graph)
    for name, dag in (("chain_behind", links), ("chain_ahead", links.reverse(copy=False))):
        level: dict[int, int] = {}
        for node in nx.topological_sort(dag):
            level[node] = max((level[before] + 1 for before in dag.predecessors(node)), default=0)
            for party in links.nodes[node]["members"]:
                rows[party][name] = level[node]


def _nearness(rows: dict[str, Row], graphs: Graphs, failed: set[str], way: Direction) -> None:
    """Walk from each default, step by step, dropping chances that have become too small."""
    for row in rows.values():
        row[f"default_nearness_{way}"] = 0.0
    towards = {kind: _towards(graphs[kind], way) for kind in NEARNESS}
    chances: dict[str, dict[str, float]] = {}
    for origin in sorted(failed):
        walkers = {origin: 1.0}
        for step in range(1, STEPS + 1):
            following: dict[str, float] = defaultdict(float)
            for party, chance in walkers.items():
                if party not in chances:
                    chances[party] = _chances(party, towards)
                for other, share in chances[party].items():
                    following[other] += chance * share
            walkers = {party: chance for party, chance in following.items() if chance >= SMALLEST}
            for party, chance in walkers.items():
                if party != origin:
                    row = rows[party]
                    row[f"default_nearness_{way}"] = (
                        row[f"default_nearness_{way}"] or 0.0
                    ) + DAMPING**step * chance


def _chances(party: str, towards: Mapping[str, Neighbours]) -> dict[str, float]:
    shares: dict[str, float] = defaultdict(float)
    for kind, share in NEARNESS.items():
        others = list(towards[kind](party))
        for other in others:
            shares[other] += share / len(others)
    total = sum(shares.values())
    return {other: share / total for other, share in shares.items()}


def _steps(rows: dict[str, Row], graph: nx.DiGraph, failed: set[str]) -> None:
    """Search breadth first from all defaults at once; a defaulted party itself starts a search of its own."""
    for name, spread in (
        ("steps_to_guaranteed_default", graph.reverse(copy=False)),
        ("steps_to_guarantor_default", graph),
    ):
        lengths = nx.multi_source_dijkstra_path_length(spread, failed, weight=None) if failed else {}
        for party, row in rows.items():
            row[name] = lengths.get(party)
        for party in failed:
            others = (
                (step, reached)
                for step, layer in enumerate(nx.bfs_layers(spread.reverse(copy=False), party))
                for reached in layer
                if reached in failed and reached != party
            )
            rows[party][name] = next(others, (None, None))[0]
