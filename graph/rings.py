"""The rings around a party: which parties and edges a portrait takes in, ring by ring, and what does not fit."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
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
    """The parties taken in with their distance from the centre, and ring by ring the edges among them.

    Each entry of `edges` is what the view answered (EDGE_SCHEMA) and, for each row, whether the edge is taken in.
    """

    hop_of: Mapping[str, int]
    edges: tuple[tuple[pl.DataFrame, Sequence[bool]], ...]
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
        self._found: list[tuple[pl.DataFrame, Sequence[bool]]] = []
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
        self._take_in(edges, [True] * edges.height, 1)

    def open_ring(self, view: GraphView, hop: int, hub: int) -> None:
        """Take in the next ring: the other ends of the edges of the outermost one but for its hubs."""
        if not self._frontier:
            return
        expansion = view.expand(self._frontier, hub=hub)
        self._hubs.update(expansion.hubs)
        # A hub was not followed: its edges are met from the other side, where a later ring opens that.
        self._frontier = [party for party in self._frontier if party not in expansion.hubs]
        edges = self._of_kinds(expansion.edges)
        # An edge of a party opened before has been met; of the centre it may have been left out.
        ends, opened = zip(edges["src"].to_list(), edges["dst"].to_list(), strict=True), self._opened
        new = [src not in opened and dst not in opened for src, dst in ends]
        self._take_in(edges, new, hop)

    def rings(self) -> Rings:
        """Return what has been taken in."""
        left_out = LeftOut(self._hubs, self._centre_edges, tuple(self._rings))
        return Rings(self._hop_of, tuple(self._found), left_out)

    def _of_kinds(self, edges: pl.DataFrame) -> pl.DataFrame:
        return edges if self._kinds is None else edges.filter(pl.col("kind").is_in(self._kinds))

    def _take_in(self, edges: pl.DataFrame, new: Sequence[bool], hop: int) -> None:
        """Keep the parties that fit, in order of rank, and of the new edges those whose ends are kept."""
        hop_of, room = self._hop_of, self._max_nodes - len(self._hop_of)
        ends = list(zip(edges["src"].to_list(), edges["dst"].to_list(), strict=True))
        others = {party for pair in compress(ends, new) for party in pair if party not in hop_of}
        taken = others if len(others) <= room else self._first(edges, ends, others, room)
        self._opened.update(self._frontier)
        self._frontier = sorted(taken)
        hop_of.update(dict.fromkeys(self._frontier, hop))
        if len(taken) == len(others):
            self._found.append((edges, new))
            return
        kept = [
            fresh and src in hop_of and dst in hop_of for fresh, (src, dst) in zip(new, ends, strict=True)
        ]
        self._found.append((edges, kept))
        missed = others - taken - self._dropped
        self._rings.append(Ring(hop, len(missed), sum(new) - sum(kept)))
        self._dropped |= missed

    def _first(
        self, edges: pl.DataFrame, ends: Sequence[tuple[str, str]], others: set[str], room: int
    ) -> set[str]:
        """Return the first of the parties found, by the first edge that leads to each."""
        inside = self._hop_of
        outer = pl.Series("other", [dst if src in inside else src for src, dst in ends], dtype=pl.String)
        in_order = _ranked(edges.with_columns(outer), "other")["other"].to_list()
        return set([party for party in dict.fromkeys(in_order) if party in others][:room])
