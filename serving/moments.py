"""Moments as the database and kept answers write them, so that the order of texts is that of time, and the day they lie in."""

from datetime import UTC, date, datetime, tzinfo

__all__ = ["local_day", "moment_of", "moment_text"]


def moment_text(moment: datetime) -> str:
    """Write a moment in UTC, always with its microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment_of(text: str | None) -> datetime | None:
    """Read a moment, None where none is written."""
    return None if text is None else datetime.fromisoformat(text)


def local_day(moment: datetime, zone: tzinfo | None) -> date:
    """Return the calendar day of a moment in a time zone, None for that of the process.

    The zone is the setting ZHIHENG_WORK_ZONE; None is for records that were made before they named it.
    """
    return moment.astimezone(zone).date()
