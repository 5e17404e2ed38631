"""One process of the columns benchmark: make the graph, or turn Parquet into columns with this engine or with networkx."""

import argparse
import sys
from pathlib import Path

__all__ = ["main"]


def main() -> int:
    """Do one piece of work in a folder, so that its cost can be told apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=["make", "ours", "networkx"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parties", type=int, default=0)
    parser.add_argument("--edges", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.work == "make":
        _make(chosen.folder, chosen.parties, chosen.edges, chosen.seed)
    elif chosen.work == "ours":
        _ours(chosen.folder)
    else:
        _networkx(chosen.folder)
    return 0


def _make(folder: Path, parties: int, edges: int, seed: int) -> None:
    from bench.graph_parts.seeded_graph import seeded_defaults, seeded_edges

    seeded_edges(parties, edges, seed).write_parquet(folder / "edges.parquet")
    seeded_defaults(parties, seed).write_parquet(folder / "defaults.parquet")


def _ours(folder: Path) -> None:
    import polars as pl

    from bench.graph_parts.seeded_graph import AS_OF
    from graph.columns import network_columns
    from graph.measures.control import find_control
    from graph.policy import policy_as_of
    from graph.snapshot import Snapshot

    snapshot = Snapshot.from_edges(pl.scan_parquet(folder / "edges.parquet"), as_of=AS_OF)
    defaults = pl.read_parquet(folder / "defaults.parquet")
    control = find_control(snapshot, policy_as_of(AS_OF).control)
    frame = network_columns(snapshot, defaults, as_of=AS_OF, control=control)
    frame.write_parquet(folder / "ours.parquet", compression="lz4")


def _networkx(folder: Path) -> None:
    import polars as pl

    from bench.graph_parts.networkx_columns import networkx_columns
    from bench.graph_parts.seeded_graph import AS_OF

    defaults = pl.read_parquet(folder / "defaults.parquet")
    frame = networkx_columns(pl.scan_parquet(folder / "edges.parquet"), defaults, AS_OF)
    frame.write_parquet(folder / "networkx.parquet")


if __name__ == "__main__":
    sys.exit(main())
