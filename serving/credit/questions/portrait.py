"""Answer with the portrait of a party: the relations around it, what was cut off, how trouble could reach it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from features.credit.standing import Standing
from features.failures import MASK
from graph.ontology import RELATIONS, PartyKind, Wording
from graph.sentences import edge_sentence
from serving.access.caller import Caller
from serving.credit.questions.desk import QuestionDesk
from serving.credit.questions.portrait_graph import Drawn, GraphSource
from serving.credit.questions.portrait_schemas import (
    Hub,
    LeftOut,
    PathStep,
    PortraitAnswer,
    PortraitEdge,
    PortraitNode,
    PortraitQuery,
    RingLeftOut,
    RiskPath,
)
from serving.credit.questions.portrait_scope import ScopedView
from serving.credit.questions.schemas import QuestionQuality
from serving.ledger.answered import Answered
from serving.ledger.quality_codes import quality_codes
from serving.schemas import Note, QualityLevel

if TYPE_CHECKING:
    from graph.paths import RiskPath as Found
    from graph.portrait import Portrait
    from graph.store import GraphView

__all__ = ["PortraitDesk"]

_FREE_TEXT: Final = "reason"
_DATES: Final = ("valid_from", "valid_to", "known_at")


@dataclass(frozen=True)
class _Around:
    """What one look at the graph gave."""

    portrait: "Portrait"
    paths: "tuple[Found, ...]"
    hid: bool


class PortraitDesk:
    """Draws portraits from a source of the graph."""

    def __init__(
        self,
        desk: QuestionDesk,
        source: GraphSource,
        *,
        most_nodes: int,
    ) -> None:
        self._desk, self._source, self._most_nodes = desk, source, most_nodes

    def portrait(self, party_id: str, query: PortraitQuery, caller: Caller) -> Answered:
        """Draw the portrait of a party that the caller may ask about.

        Raises OutsideScopeError, UnknownPartyError, NotReadyError and StaleGraphError.
        """
        self._desk.require_party(caller, party_id)
        companies = {} if caller.sees_all else self._desk.exposures().basis.companies

        def look(view: "GraphView") -> _Around:
            return self._around(ScopedView(view, caller, companies), party_id, query, caller)

        drawn = self._source.ask(look)
        quality = self._quality(drawn)
        answer = self._answer(drawn, party_id, query, caller, quality)
        said = {
            "nodes": [node.party_id for node in answer.nodes],
            "edges": [edge.edge_id for edge in answer.edges],
            "risk_paths": [path.from_party for path in answer.risk_paths],
            "store": answer.store,
            "graph_as_of": str(answer.graph_as_of),
            "quality": quality_codes(quality),
        }
        asked = {"party_id": party_id, **query.model_dump(mode="json", exclude_none=True)}
        return self._desk.write("credit/portrait", answer, asked, caller, said=said, subject=party_id)

    def _around(self, view: ScopedView, party_id: str, query: PortraitQuery, caller: Caller) -> _Around:
        from graph.paths import riskiest_paths  # noqa: PLC0415 - both import networkx or SciPy
        from graph.portrait import portrait  # noqa: PLC0415

        nodes = min(query.nodes, self._most_nodes)
        drawn = portrait(
            view, party_id, hops=query.hops, hub=query.hub, max_nodes=nodes, kinds=query.wanted_kinds
        )
        near = [node for node in drawn.graph.nodes if node != party_id]
        standings = self._desk.standings(near, caller)
        failed = [party for party in near if standings.get(party) is Standing.IN_DEFAULT]
        found = [
            path
            for party in failed
            for path in riskiest_paths(view, party, party_id, max_hops=query.hops, top=1, hub=query.hub)
        ]
        worst = sorted(found, key=lambda path: (-path.strength, path.parties))[: query.paths]
        return _Around(drawn, tuple(worst), view.hid)

    def _quality(self, drawn: Drawn[_Around]) -> QuestionQuality:
        notes = self._desk.age_notes(data_as_of=self._desk.data_as_of(), graph_as_of=drawn.as_of)
        if drawn.problem is not None:
            notes.append(
                Note(
                    code="graph_server_away",
                    text_zh=f"图数据库没有作答，改用本地副本（{drawn.as_of}）：{drawn.problem.zh}",
                    text_en=f"The graph server did not answer, so the local copy of {drawn.as_of} did: "
                    f"{drawn.problem.en}",
                )
            )
        if drawn.copy_problem is not None:
            notes.append(
                Note(
                    code="graph_copy_broken",
                    text_zh=f"新的本地副本无法读取，沿用 {drawn.as_of} 的副本：{drawn.copy_problem.zh}",
                    text_en=f"The newer local copy cannot be read, so that of {drawn.as_of} answers: "
                    f"{drawn.copy_problem.en}",
                )
            )
        level = QualityLevel.FALLBACK if notes else QualityLevel.FULL
        return QuestionQuality(level=level, notes=notes)

    def _answer(
        self,
        drawn: Drawn[_Around],
        party_id: str,
        query: PortraitQuery,
        caller: Caller,
        quality: QuestionQuality,
    ) -> PortraitAnswer:
        picture = drawn.answer.portrait
        names = _names(picture)
        whole = caller.sees_all
        nodes = [
            _node(party, data, scored=whole or party == party_id, whole=whole)
            for party, data in picture.graph.nodes(data=True)
        ]
        edges = [
            _edge({"edge_id": edge_id, "src": src, "dst": dst, **data}, names)
            for src, dst, edge_id, data in picture.graph.edges(keys=True, data=True)
        ]
        left_out = _left_out(picture, drawn.answer.hid, whole=whole)
        shown = _shown(picture, names)
        return PortraitAnswer(
            request_id=caller.call.request_id,
            decision_id=self._desk.new_id(),
            answered_at=self._desk.now(),
            model_version=None,
            data_as_of=self._desk.data_as_of(),
            graph_as_of=drawn.as_of,
            quality=quality,
            party_id=party_id,
            valid_on=drawn.valid_on,
            hops=query.hops,
            store=drawn.store,
            nodes=nodes,
            edges=edges,
            risk_paths=[_path(path, names) for path in drawn.answer.paths],
            left_out=left_out,
            text_zh=shown.zh,
            text_en=shown.en,
        )


def _names(picture: "Portrait") -> dict[str, str]:
    """Return the names of those parties that are no natural persons."""
    return {
        party: str(data["name"])
        for party, data in picture.graph.nodes(data=True)
        if data["name"] and not _is_person(data)
    }


def _is_person(data: Mapping[str, object]) -> bool:
    # A record without a kind may be of a person.
    return data["kind"] is None or data["kind"] == PartyKind.PERSON


def _node(party: str, data: Mapping[str, object], *, scored: bool, whole: bool) -> PortraitNode:
    person, hub = _is_person(data), data["hub"]
    scores = data["scores"] if scored else {}
    return PortraitNode.model_validate(
        {
            "party_id": party,
            "kind": data["kind"],
            "name": (MASK if data["name"] else None) if person else data["name"],
            "credit_code": None if person else data["credit_code"],
            "masked": person and bool(data["name"]),
            "hop": data["hop"],
            "followed": hub is None,
            "edges": hub if whole else None,
            "scores": scores,
        }
    )


def _edge(edge: Mapping[str, object], names: Mapping[str, str]) -> PortraitEdge:
    kind = RELATIONS[str(edge["kind"])]
    properties = edge["properties"]
    said = dict(properties) if isinstance(properties, Mapping) else {}
    text = edge_sentence({**edge, **_without_free_text(said)}, names)
    return PortraitEdge.model_validate(
        {
            **{
                name: edge[name]
                for name in ("edge_id", "src", "dst", "kind", *_DATES, "source", "confidence")
            },
            "label_zh": kind.label.zh,
            "label_en": kind.label.en,
            "symmetric": kind.symmetric,
            "text_zh": text.zh,
            "text_en": text.en,
            **{name: said.get(name) for name in ("share", "amount", "role")},
        }
    )


def _without_free_text(properties: Mapping[str, object]) -> dict[str, object]:
    """Leave out what somebody wrote by hand, which may name persons."""
    return {name: value for name, value in properties.items() if name != _FREE_TEXT}


def _path(path: "Found", names: Mapping[str, str]) -> RiskPath:
    steps = []
    for row, factor in zip(path.edges.iter_rows(named=True), path.factors, strict=True):
        text = edge_sentence(_without_free_text(row), names)
        steps.append(
            PathStep(
                **{name: row[name] for name in ("edge_id", "src", "dst", "kind", *_DATES)},
                factor=factor,
                text_zh=text.zh,
                text_en=text.en,
            )
        )
    start = names.get(path.parties[0], path.parties[0])
    return RiskPath(
        from_party=path.parties[0],
        why="in_default",
        strength=path.strength,
        parties=list(path.parties),
        steps=steps,
        text_zh=f"“{start}”已违约：" + "；".join(step.text_zh for step in steps) + "。",
        text_en=f"'{start}' is in default: " + "; ".join(step.text_en for step in steps) + ".",
    )


def _left_out(picture: "Portrait", hid: bool, *, whole: bool) -> LeftOut:  # noqa: FBT001
    out = picture.left_out
    zh, en = [], []
    if out.centre_edges:
        zh.append(f"中心主体关系过多，略去 {out.centre_edges:,} 条")
        en.append(f"{out.centre_edges:,} edges of the centre, which is a hub")
    for ring in out.rings:
        zh.append(f"第 {ring.hop} 步略去 {ring.parties:,} 个主体、{ring.edges:,} 条关系")
        en.append(f"{ring.parties:,} parties and {ring.edges:,} edges at step {ring.hop}")
    if out.hubs:
        zh.append(f"未展开 {len(out.hubs):,} 个关系过多的主体")
        en.append(f"the edges of {len(out.hubs):,} hubs")
    if hid:
        zh.append("略去其他企业的业务关系")
        en.append("business relations of other companies of the group")
    return LeftOut(
        hubs=[
            Hub(party_id=party, edges=edges if whole else None) for party, edges in sorted(out.hubs.items())
        ],
        centre_edges=out.centre_edges,
        rings=[RingLeftOut(hop=ring.hop, parties=ring.parties, edges=ring.edges) for ring in out.rings],
        other_companies=hid,
        text_zh="；".join(zh) + "。" if zh else "没有略去内容。",
        text_en=f"Left out: {'; '.join(en)}." if en else "Nothing is left out.",
    )


def _shown(picture: "Portrait", names: Mapping[str, str]) -> Wording:
    name = names.get(picture.centre, picture.centre)
    others, edges = picture.graph.number_of_nodes() - 1, picture.graph.number_of_edges()
    return Wording(
        zh=f"“{name}”{picture.hops} 步之内（{picture.as_of} 已知）有 {others:,} 个其他主体、{edges:,} 条关系。",
        en=f"Within {picture.hops} steps of '{name}' (known on {picture.as_of}): {others:,} other parties, {edges:,} edges.",
    )
