"""The riskiest paths between two parties: along which relations trouble of one reaches the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from graph.edges import EDGE_SCHEMA
from graph.errors import QuestionError, UnknownPartyError
from graph.ontology import RELATIONS, Wording
from graph.path_search import Arcs, Walk, strongest_paths
from graph.sentences import edge_sentence
from graph.store import GraphView

__all__ = ["RiskPath", "riskiest_paths"]

_OUT: Final = {name: kind.transmission.out for name, kind in RELATIONS.items()}
_IN: Final = {name: kind.transmission.in_ for name, kind in RELATIONS.items()}


@dataclass(frozen=True, eq=False)
class RiskPath:
    """A path from source to target, as believed on `as_of` and held on `valid_on`.

    `parties` are the parties along it, `edges` its edges in that order (EDGE_SCHEMA), `factors` how far trouble passes
    each of them and `strength` their product; `sentences` say what each edge says. `hub_ends` gives the number of edges
    of an end that is a hub: between a hub and nearly anybody there is some path, which then tells little.
    """

    parties: tuple[str, ...]
    edges: pl.DataFrame
    factors: tuple[float, ...]
    strength: float
    sentences: tuple[Wording, ...]
    hub_ends: Mapping[str, int]
    as_of: date
    valid_on: date

    @property
    def hops(self) -> int:
        """Return the number of edges."""
        return self.edges.height

    def to_json(self) -> dict[str, object]:
        """Return plain values: parties, strength, steps (edge_id, src, dst, kind, factor, sentence), hub_ends, dates."""
        rows = self.edges.select("edge_id", "src", "dst", "kind").iter_rows(named=True)
        steps = zip(rows, self.factors, self.sentences, strict=True)
        return {
            "parties": list(self.parties),
            "strength": self.strength,
            "steps": [
                {**row, "factor": factor, "sentence": said.model_dump()} for row, factor, said in steps
            ],
            "hub_ends": dict(self.hub_ends),
            "as_of": self.as_of.isoformat(),
            "valid_on": self.valid_on.isoformat(),
        }


def riskiest_paths(
    view: GraphView, source: str, target: str, *, max_hops: int = 4, top: int = 5, hub: int = 200
) -> list[RiskPath]:
    """Return the `top` paths along which trouble of `source` reaches `target` most, exactly, strongest first.

    A path visits no party twice and has at most `max_hops` edges, each followed from source to target (factor:
    the ontology's transmission out) or back (transmission in), times its confidence and, for owns, its share, where
    these are given; its strength is the product. Parallel contracts make paths of their own. No path passes through a
    hub (a party with more than `hub` visible edges), though either end may be one. Of equal strength the path with fewer
    edges comes first, then by the ids of parties and edges. Without a path the list is empty.

    The edges are read ring by ring from the end whose outermost ring is smaller, `max_hops` rings in all, which
    finds every edge of such a path; the search itself is `graph.path_search.strongest_paths`.

    Raises UnknownPartyError; QuestionError when both ends are the same party or a bound is below 1.
    """
    for name, value in (("max_hops", max_hops), ("top", top), ("hub", hub)):
        if value < 1:
            raise QuestionError(name, f"应不小于 1，现为 {value}", f"must be at least 1, is {value}")
    if source == target:
        raise QuestionError(
            "target",
            f"与起点是同一主体（{source}），请另选终点",
            f"is the source itself ({source}); name another party",
        )
    known = view.known([source, target])
    for party in (source, target):
        if party not in known:
            raise UnknownPartyError(party)
    search = _Search(view, source, target, hub)
    search.run(max_hops)
    return _told(view, search, _strongest(search, max_hops, top), top)


class _Side:
    """The rings around one end: the outermost one, and all that have been reached."""

    def __init__(self, end: str, other: str) -> None:
        self.ring = {end}
        self.steps = 0
        self._reached = {end, other}

    def step(self, edges: pl.DataFrame, closed: Mapping[str, int]) -> None:
        """Move on to the parties that edges of the ring lead to; hubs lead nowhere."""
        here = self.ring - closed.keys()
        ends = list(zip(edges["src"].to_list(), edges["dst"].to_list(), strict=True))
        next_to = {dst for src, dst in ends if src in here} | {src for src, dst in ends if dst in here}
        self.steps += 1
        self.ring = next_to - self._reached
        self._reached |= self.ring


class _Search:
    """The edges read so far between two parties, and the hubs met."""

    def __init__(self, view: GraphView, source: str, target: str, hub: int) -> None:
        self.source, self.target = source, target
        self.hub_ends: dict[str, int] = {}
        self._view = view
        self._hub = hub
        self._closed: dict[str, int] = {}
        self._read: list[pl.DataFrame] = []

    def run(self, max_hops: int) -> None:
        """Read every edge of the paths of at most `max_hops` edges."""
        sides = (_Side(self.source, self.target), _Side(self.target, self.source))
        edges = self._expand({self.source, self.target}, None)
        for end, side in zip((self.source, self.target), sides, strict=True):
            touching = edges.filter((pl.col("src") == end) | (pl.col("dst") == end))
            if touching.height > self._hub:
                self.hub_ends[end] = touching.height
            side.step(touching, {})
        for _ in range(max_hops - 2):
            side = min(sides, key=lambda one: (len(one.ring), one.steps))
            if not side.ring:
                return
            side.step(self._expand(side.ring, self._hub), self._closed)
        # In the middle of the longest paths stand parties that neither side has opened, some of them perhaps hubs.
        middle = sides[0].ring & sides[1].ring
        if max_hops > 1 and middle:
            self._expand(middle, self._hub)

    def edges(self) -> pl.DataFrame:
        """Return the edges read that touch no hub but the ends, each once, sorted by edge_id."""
        closed = pl.Series(list(self._closed), dtype=pl.String).implode()
        every = pl.concat(self._read).unique("edge_id").sort("edge_id")
        return every.filter(~pl.col("src").is_in(closed) & ~pl.col("dst").is_in(closed))

    def _expand(self, ring: set[str], hub: int | None) -> pl.DataFrame:
        expansion = self._view.expand(sorted(ring), hub=hub)
        self._closed.update(expansion.hubs)
        self._read.append(expansion.edges)
        return expansion.edges


@dataclass(frozen=True, eq=False)
class _Paths:
    """Paths as arcs of a numbered graph: arc i is edge i from source to target, arc n + i edge i back."""

    names: list[str]
    edges: pl.DataFrame
    walks: list[Walk]


def _strongest(search: _Search, max_hops: int, top: int) -> _Paths:
    edges = search.edges()
    ends = pl.concat([edges["src"], edges["dst"], pl.Series([search.source, search.target])])
    names = ends.unique().sort()
    number = ends.to_frame("id").join(
        names.to_frame("id").with_row_index("number"), on="id", how="left", maintain_order="left"
    )["number"]
    places = number.to_numpy().astype(np.int64)
    count = edges.height
    src, dst, (source, target) = places[:count], places[count : 2 * count], places[2 * count :].tolist()
    factor = np.concatenate([edges.select(_factor(table)).to_series().to_numpy() for table in (_OUT, _IN)])
    arcs = Arcs(len(names), np.concatenate([src, dst]), np.concatenate([dst, src]), factor)
    return _Paths(names.to_list(), edges, strongest_paths(arcs, source, target, max_hops=max_hops, top=top))


def _factor(transmission: Mapping[str, float]) -> pl.Expr:
    share = pl.when(pl.col("kind") == "owns").then("share").fill_null(1.0)
    by_kind = pl.col("kind").replace_strict(transmission, default=0.0, return_dtype=pl.Float64)
    return by_kind * pl.col("confidence").fill_null(1.0) * share


def _told(view: GraphView, search: _Search, paths: _Paths, top: int) -> list[RiskPath]:
    """Put ties in order and write the sentences."""
    count = paths.edges.height
    edge_ids = paths.edges["edge_id"]

    def place(walk: Walk) -> tuple[float, int, list[str], list[str]]:
        parties = [paths.names[node] for node in walk.nodes]
        return -walk.strength, len(walk.arcs), parties, [edge_ids[arc % count] for arc in walk.arcs]

    chosen = sorted(paths.walks, key=place)[:top]
    mentioned = sorted({paths.names[node] for walk in chosen for node in walk.nodes})
    record = view.nodes(mentioned) if mentioned else pl.DataFrame({"party_id": [], "name": []})
    names = {party: name or party for party, name in record.select("party_id", "name").iter_rows()}
    told = []
    for walk in chosen:
        rows = paths.edges[[arc % count for arc in walk.arcs]].select(EDGE_SCHEMA.names())
        told.append(
            RiskPath(
                parties=tuple(paths.names[node] for node in walk.nodes),
                edges=rows,
                factors=walk.factors,
                strength=walk.strength,
                sentences=tuple(edge_sentence(row, names) for row in rows.iter_rows(named=True)),
                hub_ends=search.hub_ends,
                as_of=view.as_of,
                valid_on=view.valid_on,
            )
        )
    return told
