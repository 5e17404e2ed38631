"""The trace of the request that a job came with, for the record of what it computes."""

from alembic import op
from sqlalchemy import Column, Text

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0007_trace_of_jobs"
down_revision = "0006_books_and_intake"


def upgrade() -> None:
    """Add the trace; jobs of before have none."""
    op.add_column("jobs", Column("trace_id", Text, nullable=False, server_default=""))
