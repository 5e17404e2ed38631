"""Moments as the database and kept answers write them, so that the order of texts is that of time."""

from datetime import UTC, datetime

__all__ = ["moment_of", "moment_text"]


def moment_text(moment: datetime) -> str:
    """Write a moment in UTC, always with its microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment_of(text: str | None) -> datetime | None:
    """Read a moment, None where none is written."""
    return None if text is None else datetime.fromisoformat(text)
