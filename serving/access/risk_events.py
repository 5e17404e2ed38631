"""Risky use, each with its record in the chain; auditors read it page by page."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Row, Select, func, insert, select

from serving.access.caller import Caller
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.tables import risk_events
from serving.listing import Page
from serving.moments import moment_text
from serving.random_bytes import new_id

__all__ = ["RiskEvent", "RiskEvents", "RiskFilter", "RiskKind"]

_PAGE: Final = 200


class RiskKind(StrEnum):
    """What stood out."""

    BULK_EXPORT = "bulk_export"
    MASS_SCORING_OFF_HOURS = "mass_scoring_off_hours"
    MANY_PARTIES_OFF_HOURS = "many_parties_off_hours"
    MANY_REFUSALS = "many_refusals"
    MANY_OUT_OF_SCOPE = "many_out_of_scope"
    WITHDRAWN_KEY_USED = "withdrawn_key_used"
    EXPIRED_KEY_USED = "expired_key_used"
    ROTATED_KEY_USED = "rotated_key_used"


@dataclass(frozen=True)
class RiskEvent:
    """One thing that stood out; `said` holds counts and limits."""

    seq: int
    decision_id: str
    at: datetime
    kind: RiskKind
    key_id: str
    key_name: str
    companies: tuple[str, ...]
    rows: int | None
    said: Mapping[str, Json]


@dataclass(frozen=True)
class RiskFilter:
    """Which events are wanted; None is any."""

    page: Page
    kind: RiskKind | None = None
    key_id: str | None = None


class RiskEvents:
    """Write and read what stood out."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str] = new_id,
    ) -> None:
        self._database, self._ledger = database, ledger
        self._clock, self._new_id = clock, new_id

    def note(
        self,
        kind: RiskKind,
        caller: Caller,
        *,
        rows: int | None = None,
        said: Mapping[str, Json] | None = None,
    ) -> str:
        """Write an event with its record, both or none, and return the record's id. Raises LedgerUnavailableError."""
        decision_id, at, said = self._new_id(), moment_text(self._clock()), dict(said or {})
        record: dict[str, Json] = {
            "decision_id": decision_id,
            "recorded_at": at,
            "route": "access/risky-use",
            **caller.recorded,
            "subject": "",
            "request": {},
            "answer": {"kind": kind.value, "rows": rows, "said": said},
        }
        event: dict[str, object] = {
            "decision_id": decision_id,
            "at": at,
            "kind": kind.value,
            "key_id": caller.call.key_id,
            "key_name": caller.name,
            "companies": json.dumps(sorted(caller.companies)),
            "rows": rows,
            "said": json.dumps(said, ensure_ascii=False),
        }
        self._ledger.append([record], beside=lambda connection: _insert(connection, event))
        return decision_id

    def page(self, wanted: RiskFilter, reader: Caller) -> tuple[list[RiskEvent], int | None]:
        """Return the newest events that fit and that the reader may see, and the number to go on before, if any."""
        found: list[RiskEvent] = []
        before, most = wanted.page.before, wanted.page.limit
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(_query(wanted, before)).all()
            for row in rows:
                event = _event(row)
                if reader.covers(event.companies):  # of the key that it is about
                    if len(found) == most:
                        return found, found[-1].seq
                    found.append(event)
            if len(rows) < _PAGE:
                return found, None
            before = rows[-1].seq


def _insert(connection: Connection, event: Mapping[str, object]) -> None:
    """Write an event behind the newest one, inside the transaction of its record."""
    newest = connection.execute(select(func.max(risk_events.c.seq))).scalar_one()
    connection.execute(insert(risk_events).values({"seq": int(newest or 0) + 1, **event}))


def _query(wanted: RiskFilter, before: int | None) -> Select[tuple[object, ...]]:
    query = select(risk_events).order_by(risk_events.c.seq.desc()).limit(_PAGE)
    if before is not None:
        query = query.where(risk_events.c.seq < before)
    if wanted.kind is not None:
        query = query.where(risk_events.c.kind == wanted.kind.value)
    if wanted.key_id is not None:
        query = query.where(risk_events.c.key_id == wanted.key_id)
    return query.where(*wanted.page.span.conditions(risk_events.c.at))


def _event(row: Row[tuple[object, ...]]) -> RiskEvent:
    return RiskEvent(
        seq=row.seq,
        decision_id=row.decision_id,
        at=datetime.fromisoformat(row.at),
        kind=RiskKind(row.kind),
        key_id=row.key_id,
        key_name=row.key_name,
        companies=tuple(json.loads(row.companies)),
        rows=row.rows,
        said=json.loads(row.said),
    )
