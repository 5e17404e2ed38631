"""What all lists of the API share: pages by `cursor` and `limit`, and a span of time by `since` and `until`."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import Field, PlainSerializer, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement

from serving.schemas import StrictModel

__all__ = ["Cursor", "DayOrMoment", "ListQuery", "Page", "Span", "SpanQuery"]

MOST_ON_A_PAGE: Final = 200
_LARGEST_CURSOR: Final = 2**53  # beyond it JSON's numbers are no longer exact
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # beyond them the day after, or the same moment in UTC, may have no date
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAYS: Final = TypeAdapter(date)
_MOMENTS: Final = TypeAdapter(datetime)


def _day_or_moment(given: object) -> date | datetime:
    """Read a day or a moment with its offset; a text without a time is a day."""
    found: date | None = given if isinstance(given, date) else None
    try:
        if isinstance(given, str):
            kind = _DAYS if _DAY.fullmatch(given) else _MOMENTS
            found = kind.validate_strings(given) if _DAY.match(given) else None
    except ValidationError:
        found = None
    if (
        found is None
        or not _FIRST_YEAR <= found.year <= _LAST_YEAR
        or (isinstance(found, datetime) and found.tzinfo is None)
    ):
        raise PydanticCustomError(
            "day_or_moment",
            "neither a day nor a moment with its offset",
            {
                "zh": "须为日期（如 2026-12-31）或带时区的时刻（如 2026-12-31T08:00:00Z；地址中的 + 须写作 %2B）",
                "en": "must be a date such as 2026-12-31, or a moment with its offset such as 2026-12-31T08:00:00Z (in an address "
                "write + as %2B)",
            },
        )
    return found


DayOrMoment: TypeAlias = Annotated[
    date | datetime,
    PlainValidator(_day_or_moment),
    PlainSerializer(lambda given: given.isoformat(), return_type=str, when_used="json"),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
    ),
]
Cursor: TypeAlias = Annotated[int, Field(ge=1, le=_LARGEST_CURSOR)]


@dataclass(frozen=True)
class Span:
    """From a moment on, up to and without another; None is open."""

    since: datetime | None = None
    before: datetime | None = None

    @classmethod
    def of(cls, since: date | None, until: date | None, zone: ZoneInfo) -> "Span":
        """Return the span of two days or moments: it holds both days whole, and begins with the one moment and ends
        before the other.
        """
        return cls(
            None if since is None else _begin(since, zone),
            None
            if until is None
            else _begin(until if isinstance(until, datetime) else until + timedelta(days=1), zone),
        )

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment lies in it."""
        return (self.since is None or moment >= self.since) and (self.before is None or moment < self.before)

    def conditions(self, column: ColumnElement[str]) -> list[ColumnElement[bool]]:
        """Return it as conditions on a column of moments: texts in UTC, whose order is that of time."""
        found: list[ColumnElement[bool]] = []
        if self.since is not None:
            found.append(column >= self.since.isoformat())
        if self.before is not None:
            found.append(column < self.before.isoformat())
        return found


@dataclass(frozen=True)
class Page:
    """Which rows are wanted, newest first: those of a span, behind a cursor, so many."""

    span: Span
    before: int | None
    limit: int


class SpanQuery(StrictModel):
    """自何时、至何时、从哪里接着看，所有清单相同。 / From when, until when, where to go on: the same for all lists."""

    since: DayOrMoment | None = Field(
        default=None,
        description="自该日（含，按业务时区 ZHIHENG_WORK_ZONE）或该时刻（含，须带时区） / from this day on, in the business time zone "
        "(ZHIHENG_WORK_ZONE), or from this moment on, which needs its offset",
    )
    until: DayOrMoment | None = Field(
        default=None,
        description="至该日终了（含该日，按业务时区 ZHIHENG_WORK_ZONE），或该时刻之前（不含） / through the end of this day in the "
        "business time zone (ZHIHENG_WORK_ZONE), or before this moment",
    )
    cursor: Cursor | None = Field(
        default=None,
        description="上一页的 cursor，其余条件不变 / the cursor of the page before, with the same conditions",
    )

    def span(self, zone: ZoneInfo) -> Span:
        """Return the span asked for, days in the business time zone."""
        return Span.of(self.since, self.until, zone)


class ListQuery(SpanQuery):
    """一页的范围与条数，所有清单相同。 / The span and the page, the same for all lists."""

    limit: int = Field(
        default=50, ge=1, le=MOST_ON_A_PAGE, description="每页最多多少条 / how many on a page at most"
    )

    def page(self, zone: ZoneInfo) -> Page:
        """Return the page asked for, days in the business time zone."""
        return Page(self.span(zone), self.cursor, self.limit)


def _begin(given: date, zone: ZoneInfo) -> datetime:
    moment = given if isinstance(given, datetime) else datetime.combine(given, time(), zone)
    return moment.astimezone(UTC)
