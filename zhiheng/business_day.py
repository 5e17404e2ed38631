"""The day of the business, as the service counts it, for commands that ask what is in force today."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from serving.moments import local_day
from zhiheng.settings import load_settings

__all__ = ["business_day", "business_zone"]


def business_zone() -> ZoneInfo:
    """Return the time zone of the setting ZHIHENG_WORK_ZONE."""
    from serving.settings import read_settings

    return ZoneInfo(read_settings(load_settings().home).work_zone)


def business_day() -> date:
    """Return today in it."""
    return local_day(datetime.now(UTC), business_zone())
