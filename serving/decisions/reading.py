"""Read decisions as they are kept: who may see which, one by its id, many from the newest back."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, or_, select

from serving.access.caller import Caller
from serving.access.roles import Role
from serving.decisions.errors import UnknownDecisionError
from serving.ledger.chain import Decision, Json, Ledger
from serving.ledger.database import Database
from serving.ledger.json_text import text_of
from serving.ledger.listing import is_visible, read_decision
from serving.ledger.tables import decision_scopes, decisions
from serving.listing import Span

__all__ = ["Asked", "DecisionReader", "Found", "sees", "subject_of"]

_WINDOW: Final = 5_000  # rows looked at in one query
_MOST_WINDOWS: Final = 20  # then the page ends, with a cursor to go on from
_OFFICERS_ROUTES: Final = ("credit/", "appeals", "decisions/")


@dataclass(frozen=True)
class Asked:
    """What the records looked for have in common; None is any. `fields` are those of the answer."""

    span: Span = field(default_factory=Span)
    route: str | None = None
    subject: str | None = None
    company: str | None = None
    key_id: str | None = None
    fields: Mapping[str, str] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what is asked as conditions on the rows; those on fields of the answer are necessary, not sufficient."""
        columns = {"route": self.route, "subject": self.subject, "key_id": self.key_id}
        found = [decisions.c[name] == value for name, value in columns.items() if value is not None]
        if self.company is not None:
            found.append(decisions.c.companies.contains(_quoted(self.company), autoescape=True))
        # Records are written in one form, without spaces, so that a pair is found as text wherever it stands.
        pairs = [f'"{name}":{_quoted(value)}' for name, value in (self.fields or {}).items()]
        return [*found, *(decisions.c.record.contains(pair, autoescape=True) for pair in pairs)]

    def fits(self, record: Mapping[str, Json]) -> bool:
        """Tell whether a record's answer has the fields asked for."""
        given = record.get("answer")
        answer = given if isinstance(given, Mapping) else {}
        return all(answer.get(name) == wanted for name, wanted in (self.fields or {}).items())


@dataclass(frozen=True)
class Found:
    """A page of decisions, newest first; `cursor` is where to go on, None where all was looked at."""

    decisions: list[Decision]
    cursor: int | None


class DecisionReader:
    """Reads the chain for callers; what a caller may not see is unknown to it."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database, self._ledger = database, ledger

    def get(self, decision_id: str, caller: Caller) -> Decision:
        """Return a decision that the caller may see. Raises UnknownDecisionError, also where it may not."""
        found = self._ledger.get(decision_id)
        if not sees(caller, found.record):
            raise UnknownDecisionError(decision_id)
        return found

    def newest(self, asked: Asked, caller: Caller, *, before: int | None, limit: int) -> Found:
        """Return the newest decisions that fit, may be seen by the caller and come before a place in the chain."""
        found: list[Decision] = []
        with self._database.reading() as connection:
            scope = _may_see(connection, caller)
            span = asked.span.conditions(decisions.c.recorded_at)
            lowest, top = _bounds(connection, [*span, *scope])
            top = top if before is None else min(top, before - 1)
            conditions = [*span, *asked.conditions(), *scope]
            for _ in range(_MOST_WINDOWS):
                if top < lowest:
                    return Found(found, None)
                bottom = max(lowest, top - _WINDOW + 1)
                for one in _rows(connection, conditions, bottom, top):
                    if asked.fits(one.record):
                        if len(found) == limit:
                            return Found(found, found[-1].seq)
                        found.append(one)
                top = bottom - 1
        return Found(found, top + 1 if top >= lowest else None)

    def oldest(self, span: Span, caller: Caller, *, after: int, up_to: int, limit: int) -> list[Decision]:
        """Return decisions that the caller may see in the order of the chain, from behind a place up to another."""
        with self._database.reading() as connection:
            conditions = [
                decisions.c.seq > after,
                decisions.c.seq <= up_to,
                *span.conditions(decisions.c.recorded_at),
                *_may_see(connection, caller),
            ]
            wanted = select(decisions).where(*conditions).order_by(decisions.c.seq).limit(limit)
            rows = connection.execute(wanted).all()
        return [read_decision(row) for row in rows]

    def head(self) -> tuple[int, str]:
        """Return number and hash of the newest decision."""
        with self._database.reading() as connection:
            newest = select(decisions.c.seq, decisions.c.hash).order_by(decisions.c.seq.desc()).limit(1)
            row = connection.execute(newest).first()
        return (row.seq, row.hash) if row is not None else (0, "")


def sees(caller: Caller, record: Mapping[str, Json]) -> bool:
    """Tell whether a caller may see a record: all of its companies are the caller's, and an auditor sees every route."""
    if Role.AUDITOR not in caller.call.roles and not str(record.get("route", "")).startswith(
        _OFFICERS_ROUTES
    ):
        return False
    return is_visible(record, caller.companies)


def subject_of(record: Mapping[str, Json]) -> str:
    """Return whom a record is about, empty where it is about nobody."""
    given = record.get("subject")
    if given is None:
        answer = record.get("answer")
        given = answer.get("party_id") if isinstance(answer, Mapping) else None
    return text_of(given)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _may_see(connection: Connection, caller: Caller) -> list[ColumnElement[bool]]:
    """Return `sees` as conditions on the rows: the sets of companies that occur are few and kept apart."""
    found: list[ColumnElement[bool]] = []
    if Role.AUDITOR not in caller.call.roles:
        found.append(or_(*(decisions.c.route.startswith(route) for route in _OFFICERS_ROUTES)))
    if not caller.sees_all:
        scopes = connection.execute(select(decision_scopes.c.companies)).scalars()
        seen = [one for one in scopes if is_visible({"companies": json.loads(one)}, caller.companies)]
        found.append(decisions.c.companies.in_(seen))
    return found


def _bounds(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> tuple[int, int]:
    wanted = select(func.min(decisions.c.seq), func.max(decisions.c.seq)).where(*conditions)
    first, last = connection.execute(wanted).one()
    return (first, last) if first is not None else (1, 0)


def _rows(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], bottom: int, top: int
) -> Iterator[Decision]:
    wanted = select(decisions).where(decisions.c.seq.between(bottom, top), *conditions)
    for row in connection.execute(wanted.order_by(decisions.c.seq.desc())):
        yield read_decision(row)
