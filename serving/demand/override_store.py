"""Planners' overrides: kept in the ledger's database, added to and never changed; an act is in the chain with its row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import polars as pl
from sqlalchemy import Connection, Row, func, insert, or_, select

from models.demand.ledger.planner_overrides import OVERRIDES
from serving.demand.errors import UnknownOverrideError
from serving.demand.override_schemas import OverrideKind, OverrideStatus, StoredOverride
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.tables import decisions, planner_overrides
from serving.moments import moment_text

__all__ = ["NewOverride", "OverrideStore"]

_SET: Final = "set"
_WITHDRAWN: Final = "withdraw"


@dataclass(frozen=True)
class NewOverride:
    """An override that has been checked, and who makes it."""

    override_id: str
    decision_id: str
    unique_id: str
    org_id: str | None
    level: str | None
    freq: str
    periods: tuple[str, ...]
    kind: OverrideKind
    value: float
    reason: str
    until: date
    made_by: str
    key_id: str
    made_at: datetime
    run_id: str
    model_figures: tuple[float, ...]


class OverrideStore:
    """Add, withdraw and list overrides."""

    def __init__(self, database: Database, ledger: Ledger, *, before: int | None = None) -> None:
        self._database, self._ledger, self._before = database, ledger, before

    def as_before(self, seq: int) -> "OverrideStore":
        """Return the overrides as they stood before a place in the chain: clocks may agree or differ, its order does not."""
        return OverrideStore(self._database, self._ledger, before=seq)

    def add(self, new: NewOverride, record: Mapping[str, Json]) -> None:
        """Keep an override and the record of the act, both or none. Raises LedgerUnavailableError."""
        values = {
            "action": _SET,
            "override_id": new.override_id,
            "decision_id": new.decision_id,
            "unique_id": new.unique_id,
            "org_id": new.org_id,
            "level": new.level,
            "freq": new.freq,
            "periods": json.dumps(list(new.periods)),
            "kind": str(new.kind),
            "value": new.value,
            "reason": new.reason,
            "until": new.until.isoformat(),
            "name": new.made_by,
            "key_id": new.key_id,
            "at": moment_text(new.made_at),
            "run_id": new.run_id,
            "model_figures": json.dumps(list(new.model_figures)),
        }
        self._ledger.append([record], beside=lambda connection: _insert(connection, values))

    def withdraw(
        self,
        held: StoredOverride,
        record: Mapping[str, Json],
        *,
        by: str,
        key_id: str,
        reason: str,
        at: datetime,
    ) -> None:
        """Withdraw an override: a row of its own, which leaves the first one as it was."""
        values = {
            "action": _WITHDRAWN,
            "override_id": held.override_id,
            "decision_id": record["decision_id"],
            "unique_id": held.unique_id,
            "org_id": held.org_id,
            "level": held.level,
            "freq": held.freq,
            "reason": reason,
            "name": by,
            "key_id": key_id,
            "at": moment_text(at),
        }
        self._ledger.append([record], beside=lambda connection: _insert(connection, values))

    def version(self) -> int:
        """Return how many rows there are: when it has not grown, nothing changed."""
        with self._database.reading() as connection:
            return int(connection.execute(_NEWEST).scalar_one() or 0)

    def all(self, now: datetime) -> list[StoredOverride]:
        """Return every override with what became of it as of now, newest first."""
        return [one for _, one in self.numbered(now)]

    def numbered(self, now: datetime) -> list[tuple[int, StoredOverride]]:
        """Return what `all` does, each with its number, which falls from row to row."""
        rows = self._rows()
        withdrawn = {row.override_id: row for row in rows if row.action == _WITHDRAWN}
        made = [row for row in rows if row.action == _SET]
        taken: set[tuple[str, str, str]] = set()
        found = []
        for row in reversed(made):
            gone = withdrawn.get(row.override_id)
            found.append((row.seq, _stored(row, gone, _status(row, gone, taken, now))))
            if found[-1][1].status is OverrideStatus.ACTIVE:
                taken.update((row.freq, row.unique_id, ds) for ds in json.loads(row.periods))
        return found

    def get(self, override_id: str, now: datetime) -> StoredOverride:
        """Return one override. Raises UnknownOverrideError."""
        for found in self.all(now):
            if found.override_id == override_id:
                return found
        raise UnknownOverrideError(override_id)

    def frame(self) -> pl.DataFrame:
        """Return all overrides as the models read them, one row a period."""
        rows = self._rows()
        withdrawn = {
            row.override_id: datetime.fromisoformat(row.at) for row in rows if row.action == _WITHDRAWN
        }
        return pl.DataFrame(
            [
                (
                    row.seq,
                    row.override_id,
                    row.freq,
                    row.unique_id,
                    ds,
                    row.kind,
                    row.value,
                    datetime.fromisoformat(row.at),
                    date.fromisoformat(row.until),
                    withdrawn.get(row.override_id),
                )
                for row in rows
                if row.action == _SET
                for ds in json.loads(row.periods)
            ],
            schema=OVERRIDES,
            orient="row",
        )

    def _rows(self) -> Sequence[Row[tuple[object, ...]]]:
        wanted = select(planner_overrides).order_by(planner_overrides.c.seq)
        if self._before is not None:
            # An act whose record was pruned is older than every record that is still there.
            acts = decisions.c.decision_id == planner_overrides.c.decision_id
            then = or_(decisions.c.seq.is_(None), decisions.c.seq < self._before)
            wanted = wanted.outerjoin(decisions, acts).where(then)
        with self._database.reading() as connection:
            return connection.execute(wanted).all()


_NEWEST: Final = select(func.max(planner_overrides.c.seq))


def _insert(connection: Connection, values: Mapping[str, object]) -> None:
    seq = int(connection.execute(_NEWEST).scalar_one() or 0) + 1
    connection.execute(insert(planner_overrides).values({"seq": seq, **values}))


def _status(
    row: Row[tuple[object, ...]],
    gone: Row[tuple[object, ...]] | None,
    taken: set[tuple[str, str, str]],
    now: datetime,
) -> OverrideStatus:
    """Say whether an override counts now; `taken` are the periods that newer ones have."""
    if gone is not None:
        return OverrideStatus.WITHDRAWN
    if date.fromisoformat(row.until) < now.astimezone(UTC).date():
        return OverrideStatus.LAPSED
    periods = {(row.freq, row.unique_id, ds) for ds in json.loads(row.periods)}
    return OverrideStatus.SUPERSEDED if periods <= taken else OverrideStatus.ACTIVE


def _stored(
    row: Row[tuple[object, ...]], gone: Row[tuple[object, ...]] | None, status: OverrideStatus
) -> StoredOverride:
    return StoredOverride(
        override_id=row.override_id,
        decision_id=row.decision_id,
        unique_id=row.unique_id,
        org_id=row.org_id,
        level=row.level,
        freq=row.freq,
        periods=json.loads(row.periods),
        kind=OverrideKind(row.kind),
        value=row.value,
        reason=row.reason,
        until=date.fromisoformat(row.until),
        made_by=row.name,
        key_id=row.key_id,
        made_at=datetime.fromisoformat(row.at),
        run_id=row.run_id,
        model_figures=json.loads(row.model_figures),
        status=status,
        withdrawn_at=datetime.fromisoformat(gone.at) if gone is not None else None,
        withdrawn_by=gone.name if gone is not None else None,
        withdrawn_reason=gone.reason if gone is not None else None,
    )
