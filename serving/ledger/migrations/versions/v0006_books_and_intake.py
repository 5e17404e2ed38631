"""Books of scores and taken-in data."""

from alembic import op
from sqlalchemy import Column, Integer, Text, UniqueConstraint

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0006_books_and_intake"
down_revision = "0005_champions"


def upgrade() -> None:
    """Make the table of uploads that were taken; one file is taken once for a table."""
    op.create_table(
        "intake_uploads",
        Column("upload_id", Text, primary_key=True),
        Column("table_name", Text, nullable=False),
        Column("sha256", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("taken_at", Text, nullable=False),
        Column("taken_by", Text, nullable=False),
        Column("companies", Text, nullable=False),
        Column("rows", Integer, nullable=False),
        Column("good", Integer, nullable=False),
        Column("failed", Integer, nullable=False),
        Column("good_sha256", Text, nullable=False),
        Column("failed_sha256", Text),
        UniqueConstraint("table_name", "sha256", name="intake_uploads_once"),
    )
    op.create_index("intake_uploads_taken", "intake_uploads", ["taken_at"])
