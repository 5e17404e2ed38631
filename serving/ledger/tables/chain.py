"""The chain of records: its rows, the companies they are about, what was cut off its beginning."""

from typing import Final

from sqlalchemy import Column, Index, Integer, Table, Text

from serving.ledger.tables.metadata import METADATA

__all__ = ["decision_scopes", "decisions", "ledger_checkpoints"]

decisions: Final = Table(
    "decisions",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("decision_id", Text, nullable=False, unique=True),
    Column("recorded_at", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    # Said in the record too; columns only to list by.
    Column("route", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
    Column("key_id", Text, nullable=False, server_default=""),
    Column("companies", Text, nullable=False, server_default=""),
)
Index("decisions_recorded_at", decisions.c.recorded_at)
Index("decisions_route", decisions.c.route, decisions.c.seq)
Index("decisions_subject", decisions.c.subject, decisions.c.seq)
Index("decisions_key_id", decisions.c.key_id, decisions.c.seq)
Index("decisions_companies", decisions.c.companies, decisions.c.seq)

# Every set of companies that decisions were made for: few, so that those a caller may see are found among them.
decision_scopes: Final = Table("decision_scopes", METADATA, Column("companies", Text, primary_key=True))

# What was cut off the beginning of the chain, so that the rest can still be proved.
ledger_checkpoints: Final = Table(
    "ledger_checkpoints",
    METADATA,
    Column("last_seq", Integer, primary_key=True, autoincrement=False),
    Column("first_seq", Integer, nullable=False),
    Column("first_hash", Text, nullable=False),
    Column("last_hash", Text, nullable=False),
    Column("oldest_at", Text, nullable=False),
    Column("newest_at", Text, nullable=False),
    Column("pruned_at", Text, nullable=False),
    Column("pruned_by", Text, nullable=False),
    Column("archive", Text, nullable=False),  # the file's name, without its folder
    Column("archive_sha256", Text, nullable=False),
    Column("decision_id", Text, nullable=False, unique=True),  # the prune's own record in the chain
)
