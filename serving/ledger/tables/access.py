"""API keys, the rows they had scored, and what stood out in their use."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from serving.ledger.tables.metadata import METADATA

__all__ = ["api_keys", "key_rows", "risk_events"]

api_keys: Final = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("secret_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("companies", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("revoked_at", Text),
    Column("expires_at", Text),
    Column("rotated_at", Text),
    Column("previous_hash", Text),  # the secret before the last rotation, valid until `previous_until`
    Column("previous_until", Text),
    Column("made_by", Text, nullable=False, server_default=""),
    Column("combination_reason", Text, nullable=False, server_default=""),
    Column("limits", Text, nullable=False, server_default="{}"),
)

# Rows of books that a key had scored, by clock hour: a budget that holds for all workers and after a restart.
key_rows: Final = Table(
    "key_rows",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("hour", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False),
)

risk_events: Final = Table(
    "risk_events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("decision_id", Text, nullable=False, unique=True),  # its record in the chain
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("key_name", Text, nullable=False),
    Column("companies", Text, nullable=False),
    Column("rows", BigInteger),
    Column("said", Text, nullable=False),  # JSON: counts and limits, nothing of what was asked about whom
)
Index("risk_events_kind", risk_events.c.kind, risk_events.c.seq)
Index("risk_events_key_id", risk_events.c.key_id, risk_events.c.seq)
