"""What is done to keys, in the chain: who made, rotated, limited or withdrew which key; never a secret or its hash."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection

from serving.access.caller import Caller
from serving.access.identity import Identity
from serving.ledger.json_text import Json
from serving.ledger.writing import batch_of, write_batches

__all__ = ["KeyAct", "KeyVerb", "TellAct", "acts_of", "unrecorded"]


class KeyVerb(StrEnum):
    """What was done."""

    CREATE = "create"
    ROTATE = "rotate"
    LIMIT = "limit"
    REVOKE = "revoke"


@dataclass(frozen=True)
class KeyAct:
    """One act: the key as it is after it, and what else is known of it (`moments`, such as when it ends)."""

    verb: KeyVerb
    key: Identity
    at: datetime
    moments: Mapping[str, str | None]
    combination_reason: str = ""


TellAct = Callable[[Connection, KeyAct], None]
"""Told of each act inside its transaction: both are there afterwards, or neither."""


def unrecorded(_connection: Connection, _act: KeyAct) -> None:
    """Tell nobody: for stores that only check keys."""


def acts_of(caller: Caller, *, new_id: Callable[[], str]) -> TellAct:
    """Return what writes the acts of who runs a command into the chain."""

    def write(connection: Connection, act: KeyAct) -> None:
        record = _record(act, caller, new_id())
        write_batches(connection, [batch_of([record], None)], set())

    return write


def _record(act: KeyAct, caller: Caller, record_id: str) -> Mapping[str, Json]:
    key = act.key
    return {
        "decision_id": record_id,
        "recorded_at": act.at.astimezone(UTC).isoformat(),
        "route": f"keys/{act.verb}",
        **caller.recorded,
        # Those of the key: who audits one company sees who got a key to it.
        "companies": list(key.companies),
        "subject": "",
        "request": {"of_key": key.key_id},
        "answer": {
            "of_key": key.key_id,
            "name": key.name,
            "roles": sorted(key.roles),
            "companies": list(key.companies),
            "limits": key.limits.model_dump(mode="json", exclude_none=True),
            "combination_reason": act.combination_reason,
            **act.moments,
        },
    }
