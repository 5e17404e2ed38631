"""Keys that end and rotate, limits of keys, rows they used, and risky use."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

from serving.ledger.append_only import forbid_changes

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0003_access"
down_revision = "0002_ledger"


def upgrade() -> None:
    """Give keys their new columns and make the two tables; what was noted cannot be changed."""
    for name in ("expires_at", "rotated_at", "previous_hash", "previous_until"):
        op.add_column("api_keys", Column(name, Text))
    for name, default in (("made_by", ""), ("combination_reason", ""), ("limits", "{}")):
        op.add_column("api_keys", Column(name, Text, nullable=False, server_default=default))
    op.create_table(
        "key_rows",
        Column("key_id", Text, primary_key=True),
        Column("hour", Text, primary_key=True),
        Column("rows", BigInteger, nullable=False),
    )
    op.create_table(
        "risk_events",
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("decision_id", Text, nullable=False, unique=True),
        Column("at", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("key_id", Text, nullable=False),
        Column("key_name", Text, nullable=False),
        Column("companies", Text, nullable=False),
        Column("rows", BigInteger),
        Column("said", Text, nullable=False),
    )
    op.create_index("risk_events_kind", "risk_events", ["kind", "seq"])
    op.create_index("risk_events_key_id", "risk_events", ["key_id", "seq"])
    forbid_changes(op.get_bind(), "risk_events")
