"""Import of the Beneficial Ownership Data Standard 0.4: statements become party records and bitemporal edges."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from graph.credit_code import is_identifying_code
from graph.errors import InterchangeFileError
from graph.interchange.bods_interests import Ends, claims_of
from graph.interchange.bods_revisions import Version, edge_rows
from graph.interchange.imported import Imported, LeftOut, NotCarriedError, imported
from graph.interchange.json_documents import Document, read_documents
from graph.interchange.partial_dates import first_day

__all__ = ["read_bods"]

_NODE_KINDS: Final = {
    "registeredEntity": "company",
    "legalEntity": "company",
    "unknownEntity": "company",
    "anonymousEntity": "company",
    "arrangement": "fund",
    "state": "government",
    "stateBody": "government",
}
_RECORD_TYPES: Final = ("entity", "person", "relationship")
_TRUST: Final = {
    "verified": 1.0,
    "officialRegister": 1.0,
    "primaryResearch": 0.9,
    "selfDeclaration": 0.9,
    "thirdParty": 0.8,
}
_UNKNOWN_SOURCE: Final = 0.8


@dataclass(frozen=True)
class _Statement:
    line: int
    id: str
    record: str
    type: str
    status: str
    said_on: date
    known_at: date
    source: str
    trust: float
    details: Document


def read_bods(path: Path, *, prefix: str = "") -> Imported:
    """Read statements of BODS 0.4 from a JSON array or JSON lines.

    Parties carry the `recordId` as party_id, with `prefix` before it where ids of several publishers could meet; an
    edge_id is the relationship's recordId, the kind and the interest. A statement is known from the day it was
    published (`publicationDetails.publicationDate`, else `statementDate`). An interest holds from its `startDate`,
    else from the `statementDate`; a month or year counts from its first day. A statement that updates a record
    retracts what it contradicts and leaves what held before; one that closes it ends its interests. Confidence is that
    of the source (verified or official register 1, research or self-declaration 0.9, others 0.8) times the certainty
    of the share (`read_share`). Arrangements such as trusts become funds.

    Raises InterchangeFileError for a file that is no JSON, is empty, or is of BODS 0.3 or older. Everything else that
    cannot be carried is in `left_out`: unspecified parties, unknown recordIds, bad dates and shares, repeated ids.
    """
    left_out = LeftOut()
    statements = sorted(
        _statements(path, left_out), key=lambda said: (said.known_at, said.said_on, said.line)
    )
    parties = _parties(statements, left_out)
    kinds = {str(row["party_id"]): str(row["kind"]) for row in parties}
    rows = edge_rows(_versions(statements, kinds, left_out), left_out)
    named = ({**row, "party_id": f"{prefix}{row['party_id']}"} for row in parties)
    ends = ("edge_id", "src", "dst")
    return imported(
        named, ({**row, **{end: f"{prefix}{row[end]}" for end in ends}} for row in rows), left_out
    )


def _statements(path: Path, left_out: LeftOut) -> Iterable[_Statement]:
    seen: set[str] = set()
    for line, document in read_documents(path):
        if "recordType" not in document and "statementType" in document:
            raise InterchangeFileError(
                path,
                line,
                "为 BODS 0.3 或更早版本。请向发布者索取 0.4 版，或先行转换。",
                "is a statement of BODS 0.3 or older. Ask the publisher for 0.4, or convert it first.",
            )
        try:
            statement = _statement(line, document)
            _check_new(statement.id, seen)
            seen.add(statement.id)
            yield statement
        except NotCarriedError as problem:
            left_out.add(line, _text(document.get("statementId")), problem)


def _check_new(statement_id: str, seen: set[str]) -> None:
    if statement_id in seen:
        raise NotCarriedError(
            "repeated_statement",
            zh=f"陈述编号“{statement_id}”重复，只采用第一次出现的内容。",
            en=f"statement id '{statement_id}' is given again; its first content was taken.",
        )


def _statement(line: int, document: Document) -> _Statement:
    details = document.get("recordDetails")
    kind, status = document.get("recordType"), document.get("recordStatus", "new")
    if kind not in _RECORD_TYPES or not isinstance(details, dict):
        raise _missing(f"recordType {'/'.join(_RECORD_TYPES)} + recordDetails")
    if status not in ("new", "updated", "closed"):
        raise _missing("recordStatus new/updated/closed")
    ids = {name: _text(document.get(name)) for name in ("statementId", "recordId")}
    for name, found in ids.items():
        if not found:
            raise _missing(name)
    publication, source = _object(document.get("publicationDetails")), _object(document.get("source"))
    said_on = _date(document, "statementDate")
    known_at = _date(publication, "publicationDate") or said_on
    if known_at is None:
        raise _missing("publicationDetails.publicationDate / statementDate")
    publisher = _object(publication.get("publisher"))
    return _Statement(
        line=line,
        id=str(ids["statementId"]),
        record=str(ids["recordId"]),
        type=str(kind),
        status=str(status),
        said_on=said_on or known_at,
        known_at=known_at,
        source=_text(publisher.get("name")) or _text(publisher.get("url")) or "bods",
        trust=_trust(source.get("type")),
        details=details,
    )


def _trust(types: object) -> float:
    return max((_TRUST.get(str(kind), _UNKNOWN_SOURCE) for kind in _list(types)), default=_UNKNOWN_SOURCE)


def _missing(name: str) -> NotCarriedError:
    return NotCarriedError(
        "missing_field",
        zh=f"缺少 {name} 或其值无效，该陈述未导入。请补全后重新导入。",
        en=f"{name} is missing or invalid; the statement was left out. Complete it and import again.",
    )


def _date(holder: Document, name: str) -> date | None:
    written = holder.get(name)
    day = first_day(written)
    if written is not None and day is None:
        raise NotCarriedError(
            "bad_date",
            zh=f"{name} 的日期“{written}”无法识别，应为 YYYY-MM-DD，该陈述未导入。",
            en=f"{name} '{written}' is no date (YYYY-MM-DD); the statement was left out.",
        )
    return day


def _parties(statements: Iterable[_Statement], left_out: LeftOut) -> list[Mapping[str, object]]:
    rows: dict[tuple[str, date, date], Mapping[str, object]] = {}
    for said in statements:
        if said.type == "relationship":
            continue
        for problem in _unsaid(said):
            left_out.add(said.line, said.id, problem)
        rows[said.record, said.said_on, said.known_at] = _party(said)  # the last of a day speaks
    return list(rows.values())


def _unsaid(said: _Statement) -> Iterable[NotCarriedError]:
    """Yield what a statement about a party says that a party record has no room for."""
    unspecified = _object(said.details.get(f"unspecified{said.type.capitalize()}Details"))
    if unspecified:
        reason = unspecified.get("reason")
        yield NotCarriedError(
            "unspecified_party",
            zh=f"主体“{said.record}”身份未披露（{reason}），只导入编号，没有名称。",
            en=f"party '{said.record}' is not identified ({reason}); carried by its id, without a name.",
        )
    if said.status == "closed":
        yield NotCarriedError(
            "closed_party",
            zh=f"主体“{said.record}”的记录已关闭；主体表不记录终止日期，其关系须由各关系记录关闭。",
            en=f"the record of party '{said.record}' is closed; party records have no end, its edges end by their own records.",
        )


def _party(said: _Statement) -> Mapping[str, object]:
    person = said.type == "person"
    form = _object(said.details.get("entityType")).get("type")
    return {
        "party_id": said.record,
        "kind": "person" if person else _NODE_KINDS.get(str(form), "company"),
        "name": _person_name(said.details) if person else _text(said.details.get("name")),
        "credit_code": None if person else _credit_code(said.details),
        "valid_from": said.said_on,
        "known_at": said.known_at,
    }


def _person_name(details: Document) -> str | None:
    names = [name for name in _list(details.get("names")) if isinstance(name, dict)]
    names.sort(key=lambda name: name.get("type") != "legal")
    return next((_text(name.get("fullName")) for name in names), None)


def _credit_code(details: Document) -> str | None:
    """Return the first identifier that is a unified social credit code by its form and check character."""
    found = (_text(_object(given).get("id")) for given in _list(details.get("identifiers")))
    codes = (text.strip().upper() for text in found if text)
    return next((code for code in codes if is_identifying_code(code)), None)


def _versions(
    statements: Iterable[_Statement], kinds: Mapping[str, str], left_out: LeftOut
) -> Iterable[Version]:
    for said in statements:
        if said.type != "relationship":
            continue
        try:
            ends = _ends(said.details, kinds)
        except NotCarriedError as problem:
            left_out.add(said.line, said.id, problem)
            continue
        # A closing statement may list no interest; then it only ends those of the record.
        interests = _list(said.details.get("interests"))
        silent = said.status == "closed" and not interests
        claims, problems = ([], []) if silent else claims_of(interests, ends)
        for lost in problems:
            left_out.add(said.line, said.id, lost)
        yield Version(
            line=said.line,
            statement_id=said.id,
            record=said.record,
            closed=said.status == "closed",
            said_on=said.said_on,
            known_at=said.known_at,
            source=said.source,
            ends=ends,
            claims=tuple(
                claim._replace(certainty=round(said.trust * claim.certainty, 6)) for claim in claims
            ),
        )


def _ends(details: Document, kinds: Mapping[str, str]) -> Ends:
    ids = {name: details.get(name) for name in ("interestedParty", "subject")}
    for name, found in ids.items():
        if isinstance(found, dict):
            reason = found.get("reason")
            raise NotCarriedError(
                "unspecified_party",
                zh=f"{name} 未指明（{reason}），该关系没有可连接的主体，未导入。",
                en=f"{name} is unspecified ({reason}); the relationship has no party to join and was left out.",
            )
        if str(found) not in kinds:
            raise NotCarriedError(
                "unknown_party",
                zh=f"{name} 引用的“{found}”在文件中没有主体记录，该关系未导入。请一并导出该主体。",
                en=f"{name} refers to '{found}', of which the file has no record; left out. Export that party too.",
            )
    src, dst = str(ids["interestedParty"]), str(ids["subject"])
    if src == dst:
        raise NotCarriedError(
            "self_loop",
            zh=f"“{src}”与自身的关系未导入。",
            en=f"a relationship of '{src}' with itself was left out.",
        )
    return Ends(src=src, dst=dst, src_kind=kinds[src], dst_kind=kinds[dst])


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _object(value: object) -> Document:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
