"""A row of the ledger as a decision, and whether a key for some companies may see it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Row

from serving.access.roles import covers
from serving.ledger.json_text import Json
from serving.ledger.verification import chain_hash

__all__ = ["Decision", "is_visible", "read_decision"]


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


def is_visible(record: Mapping[str, Json], companies: Sequence[str]) -> bool:
    """Tell whether a key for these companies may see a record: all of the record's companies are its own."""
    named = record.get("companies")
    return covers(companies, named if isinstance(named, list | tuple) else ())


def read_decision(row: Row[tuple[object, ...]]) -> Decision:
    """Return a row of the table as a decision."""
    return Decision(
        row.seq, row.decision_id, row.recorded_at, json.loads(row.record), row.prev_hash, row.hash, row.record
    )
