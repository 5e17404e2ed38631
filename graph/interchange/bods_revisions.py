"""How the statements about one relationship, in the order they became known, become rows of the edge table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

from graph.interchange.bods_interests import Claim, Ends
from graph.interchange.imported import LeftOut, NotCarriedError

__all__ = ["Version", "edge_rows"]


@dataclass(frozen=True)
class Version:
    """What one statement claims of a relationship."""

    line: int
    statement_id: str
    record: str
    closed: bool
    said_on: date
    known_at: date
    source: str
    ends: Ends
    claims: tuple[Claim, ...]


@dataclass
class _Row:
    edge_id: str
    claim: Claim
    valid_from: date
    valid_to: date | None
    said: Version
    retracted_at: date | None = None

    def as_mapping(self) -> Mapping[str, object]:
        return {
            "edge_id": self.edge_id,
            "src": self.said.ends.src,
            "dst": self.said.ends.dst,
            "kind": self.claim.kind,
            "share": self.claim.share,
            "role": self.claim.role,
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
            "known_at": self.said.known_at,
            "retracted_at": self.retracted_at,
            "source": self.said.source,
            "confidence": self.claim.certainty,
            "voting": self.claim.voting,
            "direct": self.claim.direct,
            "basis": self.claim.basis,
            "reason": self.claim.reason,
        }


@dataclass
class _Edge:
    """The rows of one claim of a relationship: those retracted, and those believed, by their beginning."""

    name: str
    retracted: list[_Row] = field(default_factory=list)
    believed: list[_Row] = field(default_factory=list)

    def state(self, claim: Claim, said: Version, valid_from: date, valid_to: date | None) -> None:
        """Believe a claim from the statement on: retract what it contradicts, keep what held before it begins."""
        for row in [row for row in self.believed if row.valid_from >= valid_from]:
            self.believed.remove(row)
            if row.said.known_at < said.known_at:
                row.retracted_at = said.known_at
                self.retracted.append(row)
        if valid_to is not None and valid_to <= valid_from:
            return
        edge_id = self.name
        if self.believed:
            before = self.believed[-1]
            edge_id = before.edge_id
            if before.said.known_at == said.known_at:
                # One edge has one statement a day, so what followed is an edge of its own.
                before.valid_to = min(before.valid_to or valid_from, valid_from)
                edge_id = f"{self.name}~{valid_from}"
        self.believed.append(_Row(edge_id, claim, valid_from, valid_to, said))


def edge_rows(versions: Iterable[Version], left_out: LeftOut) -> list[Mapping[str, object]]:
    """Return the rows of the edge table [EDGE_SCHEMA without what is always null] for versions in the order they became known.

    A claim that a later statement repeats stays as it is; one that it changes from a later day on is kept for the
    days before; one that it changes from the same or an earlier day is retracted; one that it no longer makes, or
    that its closing makes without an end, ends on the day of that statement.
    """
    rows: list[_Row] = []
    for _, history in groupby(sorted(versions, key=lambda said: said.record), key=lambda said: said.record):
        edges: dict[tuple[str, str, str, str], _Edge] = {}
        for said in history:
            _apply(said, edges, left_out)
        for edge in edges.values():
            rows += [*edge.retracted, *edge.believed]
    return [row.as_mapping() for row in rows]


def _apply(said: Version, edges: dict[tuple[str, str, str, str], _Edge], left_out: LeftOut) -> None:
    ends = (said.ends.src, said.ends.dst)
    claims = {(claim.kind, claim.detail, *ends): claim for claim in said.claims}
    for key, claim in claims.items():
        if key not in edges:
            first = next(iter(edges), key)
            edges[key] = _Edge(_edge_name(said, claim, moved=ends != first[2:]))
        _restate(edges[key], claim, said, left_out)
    for key, edge in edges.items():
        if key not in claims or (said.closed and claims[key].ended is None):
            _end(edge, said)


def _edge_name(said: Version, claim: Claim, *, moved: bool) -> str:
    """Name an edge; a record that turns to other parties goes on under another name, for an edge keeps its ends."""
    name = f"{said.record}#{claim.kind}:{claim.detail}"
    return f"{name}@{said.ends.src}>{said.ends.dst}" if moved else name


def _restate(edge: _Edge, claim: Claim, said: Version, left_out: LeftOut) -> None:
    last = edge.believed[-1] if edge.believed else None
    same = last is not None and _content(last.claim) == _content(claim)
    undated = last is not None and claim.started is None and (same or said.closed)
    valid_from = last.valid_from if last and undated else claim.started or said.said_on
    valid_to = claim.ended or (said.said_on if said.closed else None)
    if last and same and (last.valid_from, last.valid_to) == (valid_from, valid_to):
        return
    if claim.ended is not None and claim.ended <= valid_from:
        left_out.add(
            said.line,
            said.statement_id,
            NotCarriedError(
                "empty_period",
                zh=f"{claim.detail} 的结束日 {claim.ended} 不晚于开始日 {valid_from}，该项权益未导入。",
                en=f"{claim.detail} ends on {claim.ended}, not after its beginning {valid_from}; it was left out.",
            ),
        )
        return
    edge.state(claim, said, valid_from, valid_to)


def _end(edge: _Edge, said: Version) -> None:
    """End what is still believed of a claim that is no longer made; what had not begun by then is retracted."""
    while edge.believed:
        last = edge.believed[-1]
        if last.valid_to is not None and last.valid_to <= said.said_on:
            return
        edge.state(last.claim, replace(said, ends=last.said.ends), last.valid_from, said.said_on)


def _content(claim: Claim) -> Claim:
    return claim._replace(started=None, ended=None)
