"""Files that data stewards handed in."""

from typing import Final

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint

from serving.ledger.tables.metadata import METADATA

__all__ = ["intake_uploads"]

intake_uploads: Final = Table(
    "intake_uploads",
    METADATA,
    Column("upload_id", Text, primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("sha256", Text, nullable=False),  # of the file as it came
    Column("kind", Text, nullable=False),  # csv, xlsx, parquet
    Column("taken_at", Text, nullable=False),
    Column("taken_by", Text, nullable=False),  # id of the key
    Column("companies", Text, nullable=False),  # of the key, as a JSON list
    Column("rows", Integer, nullable=False),
    Column("good", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("good_sha256", Text, nullable=False),
    Column("failed_sha256", Text),
    UniqueConstraint("table_name", "sha256", name="intake_uploads_once"),
)
Index("intake_uploads_taken", intake_uploads.c.taken_at)
