"""Columns to list decisions by, checkpoints of what was pruned, files of jobs."""

import json

from alembic import op
from sqlalchemy import BigInteger, Column, Connection, Integer, Text

from serving.ledger.append_only import allow_changes, forbid_changes
from serving.ledger.columns import listed_by

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0002_ledger"
down_revision = "0001_baseline"

_COLUMNS = ("route", "subject", "key_id", "companies")
_PAGE = 1000


def upgrade() -> None:
    """Add columns and tables, and fill the columns from the records."""
    connection = op.get_bind()
    op.create_table("decision_scopes", Column("companies", Text, primary_key=True))
    for name in _COLUMNS:
        op.add_column("decisions", Column(name, Text, nullable=False, server_default=""))
        op.create_index(f"decisions_{name}", "decisions", [name, "seq"])
    if connection.dialect.name == "postgresql":
        # Moments are compared as text; a language's own order would skip their punctuation.
        op.execute('ALTER TABLE decisions ALTER COLUMN recorded_at TYPE text COLLATE "C"')
    op.create_table(
        "ledger_checkpoints",
        Column("last_seq", Integer, primary_key=True, autoincrement=False),
        Column("first_seq", Integer, nullable=False),
        Column("first_hash", Text, nullable=False),
        Column("last_hash", Text, nullable=False),
        Column("oldest_at", Text, nullable=False),
        Column("newest_at", Text, nullable=False),
        Column("pruned_at", Text, nullable=False),
        Column("pruned_by", Text, nullable=False),
        Column("archive", Text, nullable=False),
        Column("archive_sha256", Text, nullable=False),
        Column("decision_id", Text, nullable=False, unique=True),
    )
    op.create_table(
        "job_files",
        Column("job_id", Text, primary_key=True),
        Column("side", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("media_type", Text, nullable=False),
        Column("bytes", BigInteger, nullable=False),
        Column("sha256", Text, nullable=False),
    )
    op.add_column("jobs", Column("place", Text))
    _fill(connection)
    forbid_changes(connection, "ledger_checkpoints")
    forbid_changes(connection, "decisions", pruned_by="ledger_checkpoints")


def _fill(connection: Connection) -> None:
    """Write the columns of the decisions that are there already."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    page = f"SELECT seq, record FROM decisions WHERE seq > {mark} ORDER BY seq LIMIT {_PAGE}"  # noqa: S608
    write = f"UPDATE decisions SET {', '.join(f'{name} = {mark}' for name in _COLUMNS)} WHERE seq = {mark}"  # noqa: S608
    allow_changes(connection, "decisions")
    seq, scopes = 0, set[str]()
    while found := connection.exec_driver_sql(page, (seq,)).all():
        rows = [(*listed_by(json.loads(record)), number) for number, record in found]
        connection.exec_driver_sql(write, rows)
        scopes.update(row[3] for row in rows)
        seq = found[-1][0]
    if scopes:
        said = f"INSERT INTO decision_scopes (companies) VALUES ({mark})"  # noqa: S608
        connection.exec_driver_sql(said, [(scope,) for scope in sorted(scopes)])
