"""Find decisions: newest first, a page at a time, and only those the caller may see."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, Select, select

from serving.access.roles import ALL_COMPANIES
from serving.ledger.json_text import Json
from serving.ledger.tables import decision_scopes, decisions
from serving.ledger.verification import chain_hash

__all__ = ["Decision", "DecisionPage", "Wanted", "find_decisions", "is_visible", "read_decision"]


@dataclass(frozen=True)
class Decision:
    """One row of the ledger; `text` is the record as it was hashed."""

    seq: int
    decision_id: str
    recorded_at: str
    record: Mapping[str, Json]
    prev_hash: str
    hash: str
    text: str

    @property
    def intact(self) -> bool:
        """Whether the content fits its hash."""
        return chain_hash(self.prev_hash, self.text) == self.hash


@dataclass(frozen=True)
class Wanted:
    """Which decisions are looked for; None is no matter. `since` and `until` are both included.

    `before` continues a list: the `next_before` of the page before.
    """

    since: datetime | None = None
    until: datetime | None = None
    route: str | None = None
    subject: str | None = None
    key_id: str | None = None
    before: int | None = None


@dataclass(frozen=True)
class DecisionPage:
    """Decisions, newest first; `next_before` is None where there are no older ones."""

    decisions: tuple[Decision, ...]
    next_before: int | None


def is_visible(record: Mapping[str, Json], companies: Sequence[str]) -> bool:
    """Tell whether a key for these companies may see a record: all of the record's companies are its own."""
    named = record.get("companies")
    return _covers(companies, named if isinstance(named, list | tuple) else ())


def find_decisions(
    connection: Connection, wanted: Wanted, *, companies: Sequence[str], limit: int
) -> DecisionPage:
    """Return the newest decisions that a key for `companies` may see."""
    query = _filtered(wanted)
    if ALL_COMPANIES not in companies:
        scopes = connection.execute(select(decision_scopes.c.companies)).scalars()
        seen = [scope for scope in scopes if _covers(companies, json.loads(scope))]
        query = query.where(decisions.c.companies.in_(seen))
    rows = connection.execute(query.order_by(decisions.c.seq.desc()).limit(limit + 1)).all()
    found = tuple(read_decision(row) for row in rows[:limit])
    return DecisionPage(found, found[-1].seq if len(rows) > limit else None)


def read_decision(row: Row[tuple[object, ...]]) -> Decision:
    """Return a row of the table as a decision."""
    return Decision(
        row.seq, row.decision_id, row.recorded_at, json.loads(row.record), row.prev_hash, row.hash, row.record
    )


def _covers(companies: Sequence[str], named: Sequence[object]) -> bool:
    """Tell whether all that is named is covered; a record of nobody in particular is the whole group's."""
    return ALL_COMPANIES in companies or (bool(named) and all(one in companies for one in named))


def _filtered(wanted: Wanted) -> Select[tuple[object, ...]]:
    query: Select[tuple[object, ...]] = select(decisions)
    for column, value in (
        (decisions.c.route, wanted.route),
        (decisions.c.subject, wanted.subject),
        (decisions.c.key_id, wanted.key_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.before is not None:
        query = query.where(decisions.c.seq < wanted.before)
    if wanted.since is not None:
        query = query.where(decisions.c.recorded_at >= _text(wanted.since))
    if wanted.until is not None:
        query = query.where(decisions.c.recorded_at <= _text(wanted.until))
    return query


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
