"""The rings around a party: which parties and edges a portrait takes in, ring by ring, and what does not fit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from graph.edges import EDGE_SCHEMA
from graph.ontology import RELATIONS
from graph.store import GraphView

__all__ = ["LeftOut", "Ring", "Rings", "rings_around"]


@dataclass(frozen=True)
class Ring:
    """What was found `hop` steps away and did not fit: parties, and the edges that lead to them."""

    hop: int
    parties: int
    edges: int


@dataclass(frozen=True)
class LeftOut:
    """What is not taken in.

    `hubs` are the parties taken in whose edges were not followed, with the number of their visible edges (edges that
    lead to them from parties that were followed are there); `centre_edges` is how many edges of a centre that is
    itself a hub were dropped; `rings` what did not fit into the number of parties asked for.
    """

    hubs: Mapping[str, int]
    centre_edges: int
    rings: tuple[Ring, ...]

    def __bool__(self) -> bool:
        return bool(self.hubs or self.centre_edges or self.rings)


@dataclass(frozen=True, eq=False)
class Rings:
    """The parties taken in with their distance from the centre, and the edges among them, ring by ring (EDGE_SCHEMA)."""

    hop_of: Mapping[str, int]
    edges: tuple[pl.DataFrame, ...]
    left_out: LeftOut


def rings_around(
    view: GraphView, centre: str, *, hops: int, hub: int, max_nodes: int, kinds: Collection[str] | None
) -> Rings:
    """Follow the edges of a known party for `hops` steps, as `graph.portrait.portrait` describes."""
    growth = _Growth(centre, max_nodes, None if kinds is None else sorted(set(kinds)))
    growth.open_centre(view, hops, hub)
    for hop in range(2, hops + 1):
        growth.open_ring(view, hop, hub)
    return growth.rings()


def _reach(kind: str) -> float:
    transmission = RELATIONS[kind].transmission
    return max(transmission.out, transmission.in_)


_RANK: Final = {
    kind: rank for rank, kind in enumerate(sorted(RELATIONS, key=lambda kind: (-_reach(kind), kind)))
}
_WEIGHTED: Final = {
    column: [kind.name for kind in RELATIONS.values() if kind.weight == column]
    for column in sorted({kind.weight for kind in RELATIONS.values() if kind.weight})
}
# Weights are compared within a kind only, as a share and an amount have no common unit.
_ORDER: Final = (
    pl.col("kind").replace_strict(_RANK, default=len(_RANK), return_dtype=pl.Int32).alias("rank"),
    pl.coalesce(
        pl.when(pl.col("kind").is_in(kinds)).then(column) for column, kinds in _WEIGHTED.items()
    ).alias("weight"),
)


def _ranked(edges: pl.DataFrame, last: str) -> pl.DataFrame:
    """Return edges by transmission, kind, weight (largest first, unknown last) and the column `last`."""
    by, down = ["rank", "weight", last], [False, True, False]
    return edges.with_columns(_ORDER).sort(by, descending=down, nulls_last=True)


class _Growth:
    """The rings as far as they have been opened."""

    def __init__(self, centre: str, max_nodes: int, kinds: list[str] | None) -> None:
        self._hop_of = {centre: 0}
        self._max_nodes = max_nodes
        self._kinds = kinds
        self._frontier = [centre]
        self._opened: set[str] = set()
        self._dropped: set[str] = set()
        self._found: list[pl.DataFrame] = []
        self._hubs: dict[str, int] = {}
        self._centre_edges = 0
        self._rings: list[Ring] = []

    def open_centre(self, view: GraphView, hops: int, hub: int) -> None:
        """Take in the first ring; of a centre that is a hub only the first edges."""
        if hops < 1:
            return
        edges = self._of_kinds(view.expand(self._frontier, hub=None).edges)
        if edges.height > hub:
            self._centre_edges = edges.height - hub
            edges = _ranked(edges, "edge_id").head(hub).select(EDGE_SCHEMA.names())
        self._take_in(edges, 1)

    def open_ring(self, view: GraphView, hop: int, hub: int) -> None:
        """Take in the next ring: the other ends of the edges of the outermost one but for its hubs."""
        if not self._frontier:
            return
        expansion = view.expand(self._frontier, hub=hub)
        self._hubs.update(expansion.hubs)
        edges = self._of_kinds(expansion.edges)
        # An edge of a party opened before has been met; of the centre it may have been left out.
        ends, opened = zip(edges["src"].to_list(), edges["dst"].to_list(), strict=True), self._opened
        new = [src not in opened and dst not in opened for src, dst in ends]
        self._take_in(edges.filter(pl.Series(new, dtype=pl.Boolean)), hop)

    def rings(self) -> Rings:
        """Return what has been taken in."""
        left_out = LeftOut(self._hubs, self._centre_edges, tuple(self._rings))
        return Rings(self._hop_of, tuple(self._found), left_out)

    def _of_kinds(self, edges: pl.DataFrame) -> pl.DataFrame:
        return edges if self._kinds is None else edges.filter(pl.col("kind").is_in(self._kinds))

    def _take_in(self, edges: pl.DataFrame, hop: int) -> None:
        """Keep the new parties that fit, in order of rank, and the edges whose ends are kept."""
        hop_of, room = self._hop_of, self._max_nodes - len(self._hop_of)
        src, dst = edges["src"].to_list(), edges["dst"].to_list()
        new = {party for party in (*src, *dst) if party not in hop_of}
        taken = new
        if len(new) > room:
            others = [there if here in hop_of else here for here, there in zip(src, dst, strict=True)]
            by_rank = _ranked(edges.with_columns(other=pl.Series(others, dtype=pl.String)), "other")["other"]
            first = [party for party in dict.fromkeys(by_rank.to_list()) if party in new]
            taken = set(first[:room])
        self._opened.update(self._frontier)
        self._frontier = sorted(taken)
        hop_of.update(dict.fromkeys(self._frontier, hop))
        if len(taken) == len(new):
            self._found.append(edges)
            return
        kept = [here in hop_of and there in hop_of for here, there in zip(src, dst, strict=True)]
        self._found.append(edges.filter(pl.Series(kept, dtype=pl.Boolean)))
        missed = new - taken - self._dropped
        self._rings.append(Ring(hop, len(missed), len(kept) - sum(kept)))
        self._dropped |= missed
