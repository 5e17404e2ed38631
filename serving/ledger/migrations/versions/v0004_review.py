"""Overrides and appeals of credit decisions."""

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0004_review"
down_revision = "0003_access"


def upgrade() -> None:
    """Change nothing yet."""
