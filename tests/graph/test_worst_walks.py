"""The worst walk of each node, against all simple paths that networkx lists."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.errors import QuestionError
from graph.path_search import Arcs
from graph.worst_walks import worst_walks


def _arcs(nodes: int, *arcs: tuple[int, int, float]) -> Arcs:
    tail, head, factor = (np.array(column) for column in zip(*arcs, strict=True)) if arcs else ([], [], [])
    return Arcs(
        nodes,
        np.asarray(tail, dtype=np.int64),
        np.asarray(head, dtype=np.int64),
        np.asarray(factor, dtype=np.float64),
    )


def _random(seed: int, nodes: int = 8) -> tuple[Arcs, "np.ndarray[tuple[int], np.dtype[np.float64]]"]:
    rng = np.random.default_rng(seed)
    ends = [(int(a), int(b)) for a, b in rng.integers(0, nodes, (int(rng.integers(1, 26)), 2)) if a != b]
    factors = rng.choice([0.0, 0.25, 0.5, 1.0], len(ends))
    badness = np.where(rng.random(nodes) < 0.4, rng.choice([0.25, 0.5, 1.0], nodes), 0.0)
    return _arcs(
        nodes, *((a, b, float(factor)) for (a, b), factor in zip(ends, factors, strict=True))
    ), badness


def _by_networkx(
    arcs: Arcs, badness: "np.ndarray[tuple[int], np.dtype[np.float64]]", node: int, steps: int, shut: set[int]
) -> float:
    """Return what the best of all simple paths from a node brings."""
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(range(arcs.nodes))
    for place, ends in enumerate(zip(arcs.tail.tolist(), arcs.head.tolist(), strict=True)):
        graph.add_edge(*ends, key=place)
    best = 0.0
    for end in range(arcs.nodes):
        if end == node or badness[end] == 0:
            continue
        for path in nx.all_simple_edge_paths(graph, node, end, cutoff=steps):
            if not {head for _, head, _ in path[:-1]} & shut:
                best = max(best, badness[end] * math.prod(arcs.factor[place] for _, _, place in path))
    return best


@settings(max_examples=60)
@given(seed=st.integers(0, 100_000), steps=st.integers(1, 4), hubs=st.booleans())
def test_the_walk_is_the_best_simple_path(seed: int, steps: int, hubs: bool) -> None:
    arcs, badness = _random(seed)
    closed = np.random.default_rng(seed + 1).random(arcs.nodes) < 0.3 if hubs else None
    shut = set(np.flatnonzero(closed).tolist()) if closed is not None else set()
    reach = worst_walks(arcs, badness, max_steps=steps, closed=closed)
    for node in range(arcs.nodes):
        assert reach.brings[node] == _by_networkx(arcs, badness, node, steps, shut)
        taken = [arc for arc in reach.steps[node].tolist() if arc >= 0]
        assert (reach.end[node] >= 0) == bool(taken) == (reach.brings[node] > 0)
        if taken:
            visited = [node, *arcs.head[taken].tolist()]
            assert arcs.tail[taken].tolist() == visited[:-1]
            assert visited[-1] == reach.end[node]
            assert len(set(visited)) == len(visited)
            assert not set(visited[1:-1]) & shut
            brought = badness[visited[-1]] * math.prod(arcs.factor[taken].tolist())
            assert brought == reach.brings[node]


def test_a_node_is_no_end_for_itself_but_for_others() -> None:
    """1 is worst; its own worst is 2, behind 0."""
    arcs = _arcs(3, (0, 1, 1.0), (1, 0, 1.0), (0, 2, 0.5))
    reach = worst_walks(arcs, np.array([0.0, 1.0, 0.2]), max_steps=3)
    assert reach.end.tolist() == [1, 2, -1]
    assert reach.steps.tolist() == [[0, -1, -1], [1, 2, -1], [-1, -1, -1]]
    assert reach.brings.tolist() == [1.0, 0.1, 0.0]


def test_of_equal_paths_the_shorter_then_the_lower_end_is_taken() -> None:
    arcs = _arcs(4, (0, 1, 1.0), (1, 2, 1.0), (0, 3, 1.0), (0, 2, 1.0))
    reach = worst_walks(arcs, np.array([0.0, 0.0, 0.5, 0.5]), max_steps=2)
    assert (reach.end[0], reach.steps[0].tolist()) == (2, [3, -1])


def test_a_hub_may_be_an_end_but_no_way_through() -> None:
    arcs = _arcs(3, (0, 1, 1.0), (1, 2, 1.0))
    closed = np.array([False, True, False])
    reach = worst_walks(arcs, np.array([0.0, 0.1, 1.0]), max_steps=2, closed=closed)
    assert (reach.end.tolist(), reach.brings.tolist()) == ([1, 2, -1], [0.1, 1.0, 0.0])


def test_without_arcs_nothing_arrives() -> None:
    reach = worst_walks(_arcs(2), np.array([1.0, 0.0]), max_steps=3)
    assert (reach.end.tolist(), reach.steps.shape) == ([-1, -1], (2, 3))


def test_a_path_needs_a_step() -> None:
    with pytest.raises(QuestionError, match="at least 1"):
        worst_walks(_arcs(1), np.array([1.0]), max_steps=0)
