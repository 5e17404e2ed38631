"""The census counts edges, pairs and ends of each relation."""

import polars as pl

from graph.census import census
from graph.snapshot import Snapshot


def test_census_counts_parallel_edges_once_as_a_pair() -> None:
    edges = pl.DataFrame({"src": [1, 1, 3], "dst": [2, 2, 2], "kind": "pays", "weight": [1.0, 2.0, 4.0]})
    snapshot = Snapshot.from_edges(edges, as_of=None, kinds=["owns"])
    assert census(snapshot).rows() == [("owns", 0, 0, 0, 0, 0.0), ("pays", 3, 2, 2, 1, 7.0)]
