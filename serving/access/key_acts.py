"""What is done to keys, in the chain: who made, rotated, limited or withdrew which key; never a secret or its hash."""

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection

from serving.access.identity import Identity
from serving.ledger.json_text import Json
from serving.ledger.writing import batch_of, write_batches

__all__ = ["COMMAND_LINE", "KeyAct", "KeyVerb", "TellAct", "acts_of_user", "system_user", "unrecorded"]

COMMAND_LINE = "cli"
"""What stands where records of requests have the caller's key: commands have none, and no role."""


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


def acts_of_user(user: str, *, made_by: str = "", new_id: Callable[[], str]) -> TellAct:
    """Return what writes the acts of a system user into the chain; `made_by` is in whose name, where that is another."""

    def write(connection: Connection, act: KeyAct) -> None:
        record = _record(act, user, made_by or user, new_id())
        write_batches(connection, [batch_of([record], None)], set())

    return write


def system_user() -> str:
    """Return who runs this process."""
    return getpass.getuser()


def _record(act: KeyAct, user: str, made_by: str, record_id: str) -> Mapping[str, Json]:
    key = act.key
    return {
        "decision_id": record_id,
        "recorded_at": act.at.astimezone(UTC).isoformat(),
        "route": f"keys/{act.verb}",
        "request_id": "",
        "trace_id": "",
        "key_id": COMMAND_LINE,
        "roles": [],
        # Those of the key: who audits one company sees who got a key to it.
        "companies": list(key.companies),
        "subject": "",
        "request": {"of_key": key.key_id, "os_user": user, "made_by": made_by},
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
