"""Import of FollowTheMoney entities: things become party records, intervals between them edges."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from pathlib import Path

from graph.credit_code import is_identifying_code
from graph.interchange.followthemoney_entities import Entity, read_entities
from graph.interchange.followthemoney_schemata import EDGES, PARTIES, EdgeSchema, role_of
from graph.interchange.followthemoney_values import amount_in_cny, dates, number, ratio, year_after
from graph.interchange.imported import Imported, LeftOut, NotCarriedError, imported
from graph.ontology import RELATIONS

__all__ = ["read_followthemoney"]

Row = dict[str, object]


def read_followthemoney(path: Path, *, known_at: date | None = None, prefix: str = "") -> Imported:
    """Read FollowTheMoney entities from JSON lines (or a JSON array); fragments of one id are joined.

    Parties carry the entity's id as party_id, edges that of the interval entity, with `prefix` before it. An entity is
    known from the latest of its `retrievedAt`, `modifiedAt` and `last_change`, so that nothing is seen too early, else
    from `known_at`. An edge holds from the earliest `startDate`, else `date`, else the day it is known, to the latest
    `endDate`; a month or year counts from its first day; a dated payment without an end counts for a year, because
    `pays` is an amount a year. Percentages become ratios, a range "25-50" its lower bound; amounts are taken in CNY
    only. Persons, companies, organisations, public bodies and legal entities are parties, the last as companies.

    Raises InterchangeFileError for a file that is no JSON or is empty. Everything else that cannot be carried is in
    `left_out`: other schemata, ends that are missing, unknown or no party, bad dates, shares above 100 %.
    """
    left_out = LeftOut()
    reader = _Reader(read_entities(path, left_out), known_at, left_out)
    reader.read()
    ends = ("edge_id", "src", "dst")
    return imported(
        ({**row, "party_id": f"{prefix}{row['party_id']}"} for row in reader.parties.values()),
        ({**row, **{end: f"{prefix}{row[end]}" for end in ends}} for row in reader.edges),
        left_out,
    )


@dataclass
class _Reader:
    entities: Mapping[str, Entity]
    known_at: date | None
    left_out: LeftOut
    parties: dict[str, Row] = field(default_factory=dict)
    edges: list[Row] = field(default_factory=list)

    def read(self) -> None:
        """Read the parties first, for an edge may stand before its ends."""
        intervals = []
        for entity in self.entities.values():
            if entity.schema in PARTIES:
                self._take(entity)
            elif entity.schema in EDGES:
                intervals.append(entity)
            else:
                self.left_out.add(entity.line, entity.id, _unknown_schema(entity.schema))
        for entity in intervals:
            self._take(entity)

    def _take(self, entity: Entity) -> None:
        try:
            if entity.schema in PARTIES:
                self.parties[entity.id] = _party(entity, self._known(entity))
                if entity.first("parent"):
                    self.left_out.add(entity.line, entity.id, _parent(entity))
            else:
                self._take_edges(entity, EDGES[entity.schema])
        except NotCarriedError as problem:
            self.left_out.add(entity.line, entity.id, problem)

    def _known(self, entity: Entity) -> date:
        known = dates(entity.all("retrievedAt", "modifiedAt"), "retrievedAt/modifiedAt")
        if known:
            return known[-1]
        if self.known_at is None:
            raise NotCarriedError(
                "unknown_since_when",
                zh="没有 retrievedAt 或 modifiedAt，不知何时获知，该实体未导入。请在导入时给出获知日期（known_at）。",
                en="there is neither retrievedAt nor modifiedAt, so it is not known since when; the entity was left out. "
                "Give the day you received the file as known_at.",
            )
        return self.known_at

    def _take_edges(self, entity: Entity, schema: EdgeSchema) -> None:
        sources, targets = (self._ends(entity, name) for name in (schema.src, schema.dst))
        content = {**_period(entity, self._known(entity)), **self._measures(entity, schema)}
        for src, dst in product(sources, targets):
            if src == dst:
                self.left_out.add(entity.line, entity.id, _self_loop(src))
                continue
            sole = len(sources) == len(targets) == 1
            row: Row = {"edge_id": entity.id if sole else f"{entity.id}@{src}>{dst}", "src": src, "dst": dst}
            kind = self._kind(entity, schema, src, dst)
            if kind != schema.kind:
                said = " ".join(
                    filter(None, (entity.schema.lower(), _said(entity), entity.first("percentage")))
                )
                row |= {**content, "share": None, "role": None, "kind": kind, "reason": said}
            else:
                row |= {**content, "kind": kind}
            self.edges.append(row)

    def _ends(self, entity: Entity, name: str) -> list[str]:
        named = entity.all(name)
        if not named:
            raise NotCarriedError(
                "missing_end",
                zh=f"缺少 {name}，该关系未导入。请补全后重新导入。",
                en=f"{name} is missing; the edge was left out. Complete it and import again.",
            )
        for party in named:
            if party not in self.parties:
                self.left_out.add(entity.line, entity.id, self._no_party(name, party))
        return [party for party in named if party in self.parties]

    def _no_party(self, name: str, end: str) -> NotCarriedError:
        if end in self.entities:
            schema = self.entities[end].schema
            return NotCarriedError(
                "not_a_party",
                zh=f"{name} 引用的“{end}”（{schema}）没有作为主体导入，该关系未导入。",
                en=f"{name} refers to '{end}' ({schema}), which was not taken in as a party; the edge was left out.",
            )
        return NotCarriedError(
            "unknown_party",
            zh=f"{name} 引用的“{end}”不在文件中，该关系未导入。请一并导出该主体。",
            en=f"{name} refers to '{end}', which the file does not hold; the edge was left out. Export it too.",
        )

    def _kind(self, entity: Entity, schema: EdgeSchema, src: str, dst: str) -> str:
        """Return the relation kind, related_to where the ontology does not let the kind join these ends."""
        relation = RELATIONS[schema.kind]
        kinds = [str(self.parties[end]["kind"]) for end in (src, dst)]
        if kinds[0] in relation.source and kinds[1] in relation.target:
            return schema.kind
        problem = NotCarriedError(
            "carried_as_related",
            zh=f"{entity.schema} 不能连接 {kinds[0]} 与 {kinds[1]}，只作为“关联”导入，原类型写在 reason 中。",
            en=f"{entity.schema} cannot join a {kinds[0]} and a {kinds[1]}; carried as related_to, its type as reason.",
        )
        self.left_out.add(entity.line, entity.id, problem)
        return "related_to"

    def _measures(self, entity: Entity, schema: EdgeSchema) -> Row:
        said = _said(entity) or schema.unsaid
        source = entity.first("publisher") or entity.source or "followthemoney"
        row: Row = {"source": source, "confidence": schema.certainty}
        if schema.kind == "owns":
            share, certainty = ratio(entity.first("percentage"))
            return {**row, "share": share, "confidence": certainty}
        if schema.kind == "holds_position":
            role = role_of(said or "")
            return {**row, "role": role, "reason": said if role != said else None}
        if schema.kind in ("pays", "lends_to"):
            return {**row, "amount": self._amount(entity)}
        if schema.kind == "suspected_link":
            score = number(entity.first("confidenceScore"))
            return {**row, "reason": said, "score": score if score is not None and score <= 1 else None}
        return {**row, "reason": said}

    def _amount(self, entity: Entity) -> float | None:
        try:
            return amount_in_cny(entity.first("amount"), entity.first("currency"))
        except NotCarriedError as problem:
            self.left_out.add(entity.line, entity.id, problem)
            return None


def _party(entity: Entity, known_at: date) -> Row:
    names = entity.all("name")
    kind = PARTIES[entity.schema]
    codes = (code.upper() for code in entity.all("uscCode", "registrationNumber", "taxNumber", "idNumber"))
    return {
        "party_id": entity.id,
        "kind": kind,
        # The values stand in no order; the Chinese name is the one our users look for.
        "name": next((name for name in names if _is_chinese(name)), next(iter(names), None)),
        "credit_code": None if kind == "person" else next(filter(is_identifying_code, codes), None),
        "valid_from": known_at,
        "known_at": known_at,
    }


def _is_chinese(name: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in name)


def _said(entity: Entity) -> str | None:
    return entity.first("role", "relationship", "summary")


def _period(entity: Entity, known_at: date) -> Row:
    started = dates(entity.all("startDate"), "startDate") or dates(entity.all("date"), "date")
    ended = dates(entity.all("endDate"), "endDate")
    valid_from = started[0] if started else known_at
    valid_to = ended[-1] if ended else None
    if valid_to is None and started and entity.schema == "Payment":
        valid_to = year_after(started[-1])
    if valid_to is not None and valid_to <= valid_from:
        raise NotCarriedError(
            "empty_period",
            zh=f"结束日 {valid_to} 不晚于开始日 {valid_from}，该关系未导入。请核对日期。",
            en=f"it ends on {valid_to}, not after its beginning {valid_from}; the edge was left out. Check the dates.",
        )
    return {"valid_from": valid_from, "valid_to": valid_to, "known_at": known_at}


def _unknown_schema(schema: str) -> NotCarriedError:
    return NotCarriedError(
        "unknown_schema",
        zh=f"图中没有与类型“{schema}”对应的主体或关系，该实体未导入。",
        en=f"the graph has no party or relation for schema '{schema}'; the entity was left out.",
    )


def _parent(entity: Entity) -> NotCarriedError:
    return NotCarriedError(
        "undated_parent",
        zh=f"“{entity.id}”的 parent 没有日期和比例，未作为关系导入。请改用 Ownership 实体。",
        en=f"the parent of '{entity.id}' has neither date nor share and was not taken as an edge. Use an Ownership entity.",
    )


def _self_loop(party: str) -> NotCarriedError:
    return NotCarriedError(
        "self_loop", zh=f"“{party}”与自身的关系未导入。", en=f"an edge of '{party}' with itself was left out."
    )
