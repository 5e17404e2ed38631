"""Keys, limits and risky use."""

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0003_access"
down_revision = "0002_ledger"


def upgrade() -> None:
    """Change nothing yet."""
