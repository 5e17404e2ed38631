"""Clusters never hold two codes or two parties held apart."""

import networkx as nx
import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.matching.clusters import NO_CODE, clustered

NONE_APART = np.zeros((0, 2), dtype=np.int64)
LINKS = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11), st.sampled_from([0.86, 0.9, 0.95, 1.0])), max_size=25
)
CODES = st.lists(st.sampled_from([NO_CODE, NO_CODE, 0, 1, 2]), min_size=12, max_size=12)


def links_of(rows: list[tuple[int, int, float]]) -> pl.DataFrame:
    ordered = [(min(a, b), max(a, b), score) for a, b, score in rows if a != b]
    return pl.DataFrame(ordered, schema={"a": pl.UInt32, "b": pl.UInt32, "score": pl.Float64}, orient="row")


def codes_of(*codes: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(codes, dtype=np.int64)


def test_a_chain_between_two_codes_breaks_at_its_weakest_link() -> None:
    links = links_of([(0, 1, 1.0), (1, 2, 0.88), (2, 3, 0.95)])
    found = clustered(4, links, codes_of(0, NO_CODE, NO_CODE, 1), apart=NONE_APART)
    assert found.labels[0] == found.labels[1] != found.labels[2] == found.labels[3]
    assert found.refused.tolist() == [False, True, False]


def test_what_fits_two_codes_alike_joins_neither() -> None:
    links = links_of([(0, 1, 0.95), (1, 2, 0.94), (1, 3, 1.0)])
    found = clustered(4, links, codes_of(0, NO_CODE, 1, NO_CODE), apart=NONE_APART)
    assert found.refused.tolist() == [True, True, False]
    assert found.labels[1] == found.labels[3]
    assert len(set(found.labels.tolist())) == 3


def test_two_held_apart_do_not_meet_through_a_third() -> None:
    links = links_of([(0, 1, 1.0), (1, 2, 0.9)])
    found = clustered(3, links, codes_of(*[NO_CODE] * 3), apart=np.array([[0, 2]]))
    assert found.labels[0] == found.labels[1] != found.labels[2]


def test_no_node_and_no_link_are_no_trouble() -> None:
    assert clustered(0, links_of([]), codes_of(), apart=NONE_APART).labels.tolist() == []
    assert len(set(clustered(3, links_of([]), codes_of(0, 0, 1), apart=NONE_APART).labels.tolist())) == 3


@settings(max_examples=60)
@given(LINKS, CODES, st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=3))
def test_no_cluster_breaks_a_rule_and_none_joins_without_a_link(
    rows: list[tuple[int, int, float]], codes: list[int], pairs: list[tuple[int, int]]
) -> None:
    apart = np.array([pair for pair in pairs if pair[0] != pair[1]], dtype=np.int64).reshape(-1, 2)
    links = links_of(rows).unique(["a", "b"], keep="first", maintain_order=True)
    found = clustered(12, links, codes_of(*codes), apart=apart)
    for label in set(found.labels.tolist()):
        inside = np.flatnonzero(found.labels == label)
        assert len({codes[node] for node in inside} - {NO_CODE}) <= 1
    assert not (found.labels[apart[:, 0]] == found.labels[apart[:, 1]]).any()
    kept = nx.Graph()
    kept.add_nodes_from(range(12))
    kept.add_edges_from(links.filter(~pl.Series(found.refused)).select("a", "b").iter_rows())
    assert {frozenset(part) for part in nx.connected_components(kept)} == {
        frozenset(np.flatnonzero(found.labels == label).tolist()) for label in set(found.labels.tolist())
    }


@settings(max_examples=60)
@given(LINKS)
def test_without_codes_and_decisions_clusters_are_connected_components(
    rows: list[tuple[int, int, float]],
) -> None:
    links = links_of(rows)
    found = clustered(12, links, codes_of(*[NO_CODE] * 12), apart=NONE_APART)
    whole = nx.Graph()
    whole.add_nodes_from(range(12))
    whole.add_edges_from(links.select("a", "b").iter_rows())
    assert not found.refused.any()
    assert len(set(found.labels.tolist())) == nx.number_connected_components(whole)
