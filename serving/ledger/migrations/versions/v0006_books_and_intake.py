"""Books of scores and taken-in data."""

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0006_books_and_intake"
down_revision = "0005_champions"


def upgrade() -> None:
    """Change nothing yet."""
