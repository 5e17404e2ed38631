"""Exports of decisions that are large, alone or with others within a window, whichever worker or command writes them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from serving.access.caller import Caller
from serving.access.risk_events import RiskEvents, RiskKind
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.tables import decisions, risk_events
from serving.listing import Span

__all__ = ["EXPORT_ROUTE", "LargeExports"]

EXPORT_ROUTE: Final = "decisions/export"


class LargeExports:
    """Writes exports down and counts them in the ledger: a command has no worker that remembers the one before."""

    def __init__(
        self, database: Database, ledger: Ledger, events: RiskEvents, *, rows: int, window: timedelta
    ) -> None:
        """Take from how many rows on exports of one key within a window stand out."""
        self._database, self._ledger, self._events = database, ledger, events
        self._rows, self._window = rows, window

    def write(self, record: Mapping[str, Json], caller: Caller, *, rows: int) -> None:
        """Write the record of an export of so many rows, and note it where it is large, alone or with those since the last one noted.

        Raises LedgerUnavailableError: what was exported is given only when both are there.
        """
        self._ledger.append([record])
        if rows == 0:
            return
        with self._database.reading() as connection:
            counts = self._rows_not_noted(connection, record, caller.call.key_id)
        if sum(counts) < self._rows:
            return
        said: dict[str, Json] = {"decision_id": record["decision_id"]}
        if len(counts) > 1:
            said |= {"exports": len(counts), "window_seconds": self._window.total_seconds()}
        self._events.note(RiskKind.BULK_EXPORT, caller, rows=sum(counts), said=said)

    def _rows_not_noted(self, connection: Connection, record: Mapping[str, Json], key_id: str) -> list[int]:
        """Return the rows of each export of the key within the window that came after the last one noted."""
        now = datetime.fromisoformat(str(record["recorded_at"])).astimezone(UTC)
        wanted = select(decisions.c.record).where(
            decisions.c.route == EXPORT_ROUTE,
            decisions.c.key_id == key_id,
            decisions.c.seq > _last_noted(connection, key_id),
            *Span(since=now - self._window).conditions(decisions.c.recorded_at),
        )
        return [json.loads(found)["answer"]["rows"] for found in connection.execute(wanted).scalars()]


def _last_noted(connection: Connection, key_id: str) -> int:
    """Return the place in the chain of the export of the key that was noted last, 0 where there is none any more."""
    same = (risk_events.c.kind == RiskKind.BULK_EXPORT.value) & (risk_events.c.key_id == key_id)
    newest = select(risk_events.c.said).where(same).order_by(risk_events.c.seq.desc()).limit(1)
    said = json.loads(connection.execute(newest).scalar_one_or_none() or "{}")
    place = select(decisions.c.seq).where(decisions.c.decision_id == said.get("decision_id", ""))
    return connection.execute(place).scalar_one_or_none() or 0
