"""The portrait of a party: what stands within some steps of it, small enough to look at, with what was left out said."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import compress
from typing import Final

import networkx as nx
import polars as pl

from graph.edges import EDGE_SCHEMA
from graph.errors import QuestionError, UnknownPartyError, UnknownRelationError
from graph.ontology import RELATIONS, Wording
from graph.rings import LeftOut, Ring, rings_around
from graph.store import GraphView

__all__ = ["LeftOut", "Portrait", "Ring", "portrait"]

_TIMES: Final = ("valid_from", "valid_to", "known_at")
_ORIGIN: Final = ("source", "confidence")
_PROPERTIES: Final = tuple(
    name
    for name in EDGE_SCHEMA
    if name not in {"edge_id", "src", "dst", "kind", "retracted_at", *_TIMES, *_ORIGIN}
)


@dataclass(frozen=True, eq=False)
class Portrait:
    """The graph within `hops` steps of `centre`, as believed on `as_of` and held on `valid_on`.

    Nodes of `graph` carry kind, name, credit_code (None without a record), hop (steps from the centre), hub (number of
    edges, for a party whose edges were not followed, else None) and scores (name to value). Edges are keyed by
    edge_id and carry kind, properties (what the edge says of itself), valid_from, valid_to, known_at, source and
    confidence; what the kinds are called is in `graph.ontology.RELATIONS`.
    """

    centre: str
    as_of: date
    valid_on: date
    hops: int
    graph: "nx.MultiDiGraph[str]"
    left_out: LeftOut

    def summary(self) -> Wording:
        """Say what the portrait shows and what it leaves out."""
        shown, missing = _shown(self), _missing(self.left_out)
        return Wording(zh=shown.zh + missing.zh, en=shown.en + missing.en)

    def to_json(self) -> dict[str, object]:
        """Return plain values: centre, dates, nodes, edges with labels, what was left out, and the summary.

        `networkx.node_link_graph(…, source="src", target="dst", name="party_id", key="edge_id", edges="edges")` reads it.
        """
        out = self.left_out
        return {
            "centre": self.centre,
            "as_of": self.as_of.isoformat(),
            "valid_on": self.valid_on.isoformat(),
            "hops": self.hops,
            "directed": True,
            "multigraph": True,
            "nodes": [{"party_id": party, **held} for party, held in self.graph.nodes(data=True)],
            "edges": [
                {"edge_id": edge_id, "src": src, "dst": dst, **_edge_json(held)}
                for src, dst, edge_id, held in self.graph.edges(keys=True, data=True)
            ],
            "left_out": {
                "hubs": dict(out.hubs),
                "centre_edges": out.centre_edges,
                "rings": [
                    {"hop": ring.hop, "parties": ring.parties, "edges": ring.edges} for ring in out.rings
                ],
            },
            "summary": self.summary().model_dump(),
        }


def portrait(
    view: GraphView,
    party_id: str,
    *,
    hops: int = 2,
    hub: int = 200,
    max_nodes: int = 500,
    kinds: Collection[str] | None = None,
) -> Portrait:
    """Return the graph within `hops` steps of a party, along edges in either direction.

    A party with more than `hub` visible edges (of any kind) is shown but not followed. When the centre is one, its
    first `hub` edges are followed. Edges rank by how far the ontology lets trouble travel along their kind (the larger
    of both directions), then kind, then weight, then id; the parties of a ring by the first edge that leads to them,
    then id. At most `max_nodes` parties are kept, nearer rings first, each ring in that order. Among the parties kept
    every edge is shown that has an end less than `hops` steps away which was followed. `kinds` restricts the edges
    followed and shown.

    Raises UnknownPartyError, UnknownRelationError for a kind the ontology does not have, and QuestionError for a
    bound that is too small.
    """
    for name, value, least in (("hops", hops, 0), ("hub", hub, 1), ("max_nodes", max_nodes, 1)):
        if value < least:
            raise QuestionError(
                name, f"应不小于 {least}，现为 {value}", f"must be at least {least}, is {value}"
            )
    for kind in kinds or ():
        if kind not in RELATIONS:
            raise UnknownRelationError(kind, tuple(RELATIONS))
    if party_id not in view.known([party_id]):
        raise UnknownPartyError(party_id)
    rings = rings_around(view, party_id, hops=hops, hub=hub, max_nodes=max_nodes, kinds=kinds)
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    _add_nodes(graph, view, rings.hop_of, rings.left_out.hubs)
    for edges, taken in rings.edges:
        _add_edges(graph, edges, taken)
    return Portrait(party_id, view.as_of, view.valid_on, hops=hops, graph=graph, left_out=rings.left_out)


def _add_nodes(
    graph: "nx.MultiDiGraph[str]", view: GraphView, hop_of: Mapping[str, int], hubs: Mapping[str, int]
) -> None:
    parties = list(hop_of)
    scores: dict[str, dict[str, float]] = {party: {} for party in parties}
    held_scores = view.scores(parties)
    columns = (held_scores[name].to_list() for name in ("party_id", "name", "value"))
    for party, name, value in zip(*columns, strict=True):
        scores[party][name] = value
    for party, kind, name, credit_code in view.nodes(parties).iter_rows():
        held = {"kind": kind, "name": name, "credit_code": credit_code}
        graph.add_node(party, **held, hop=hop_of[party], hub=hubs.get(party), scores=scores[party])


def _add_edges(graph: "nx.MultiDiGraph[str]", edges: pl.DataFrame, taken: Sequence[bool]) -> None:
    properties: list[dict[str, object]] = [{} for _ in range(edges.height)]
    for column in _PROPERTIES:
        if edges[column].null_count() < edges.height:
            for said, value in zip(properties, edges[column].to_list(), strict=True):
                if value is not None:
                    said[column] = value
    names = ("kind", *_TIMES, *_ORIGIN)
    ends = zip(*(edges[name].to_list() for name in ("src", "dst", "edge_id")), strict=True)
    rest = zip(*(edges[name].to_list() for name in names), strict=True)
    # One call an edge: add_edges_from makes three views of the graph for each.
    for where, held, said in compress(zip(ends, rest, properties, strict=True), taken):
        graph.add_edge(*where, **dict(zip(names, held, strict=True)), properties=said)


def _edge_json(held: Mapping[str, object]) -> dict[str, object]:
    kind = RELATIONS[str(held["kind"])]
    days = {name: day.isoformat() if isinstance(day := held[name], date) else None for name in _TIMES}
    return {**held, **days, "label": kind.label.model_dump(), "symmetric": kind.symmetric}


def _shown(picture: Portrait) -> Wording:
    graph, centre = picture.graph, picture.centre
    name = graph.nodes[centre]["name"] or centre
    counted = Counter(kind for _, _, kind in graph.edges(data="kind")).most_common()
    zh_kinds = "、".join(f"{RELATIONS[kind].label.zh} {count:,}" for kind, count in counted)
    en_kinds = ", ".join(f"{kind} {count:,}" for kind, count in counted)
    others, edges = graph.number_of_nodes() - 1, graph.number_of_edges()
    held_zh = "" if picture.valid_on == picture.as_of else f"、{picture.valid_on} 成立"
    held_en = "" if picture.valid_on == picture.as_of else f", held on {picture.valid_on}"
    return Wording(
        zh=f"“{name}”{picture.hops} 步之内（{picture.as_of} 已知{held_zh}）有 {others:,} 个其他主体、{edges:,} 条关系"
        + (f"：{zh_kinds}。" if zh_kinds else "。"),
        en=f"Within {picture.hops} steps of '{name}' (known on {picture.as_of}{held_en}): {others:,} other parties, "
        f"{edges:,} edges" + (f" ({en_kinds})." if en_kinds else "."),
    )


def _missing(out: LeftOut) -> Wording:
    zh, en = [], []
    if out.centre_edges:
        zh.append(f"中心主体关系过多，略去其中 {out.centre_edges:,} 条")
        en.append(f"{out.centre_edges:,} edges of the centre, which is a hub")
    for ring in out.rings:
        zh.append(f"第 {ring.hop} 步略去 {ring.parties:,} 个主体、{ring.edges:,} 条关系")
        en.append(f"{ring.parties:,} parties and {ring.edges:,} edges at step {ring.hop}")
    if out.hubs:
        listed = ", ".join(f"{party} ({edges:,})" for party, edges in sorted(out.hubs.items()))
        zh.append(f"未展开 {len(out.hubs):,} 个关系过多的主体：{listed}")
        en.append(f"the edges of {len(out.hubs):,} hubs: {listed}")
    if not zh:
        return Wording(zh="没有略去内容。", en=" Nothing is left out.")
    return Wording(zh="；".join(zh) + "。", en=f" Left out: {'; '.join(en)}.")
