"""Columns to list decisions by, checkpoints of what was pruned, files of jobs."""

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0002_ledger"
down_revision = "0001_baseline"


def upgrade() -> None:
    """Change nothing yet."""
