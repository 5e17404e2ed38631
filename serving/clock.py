"""The clock that the service goes by where nobody sets another."""

from datetime import UTC, datetime

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)
