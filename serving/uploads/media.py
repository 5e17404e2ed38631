"""Kinds of tables over HTTP: their media types, what a body is, and which kind a caller accepts (RFC 9110, 12.5.1)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from serving.uploads.errors import NotAcceptableError, UploadTypeError

__all__ = ["MEDIA_TYPES", "TableKind", "accepted_kind", "sent_kind"]


class TableKind(StrEnum):
    """A kind of table, called by the ending of its files."""

    JSON = "json"
    PARQUET = "parquet"
    ARROW = "arrow"
    ARROWS = "arrows"
    CSV = "csv"
    XLSX = "xlsx"

    @property
    def media_type(self) -> str:
        """Return the media type that it is sent under."""
        return _OF_KIND[self]


_OF_KIND: Final = {
    TableKind.JSON: "application/json",
    TableKind.PARQUET: "application/vnd.apache.parquet",
    TableKind.ARROW: "application/vnd.apache.arrow.file",
    TableKind.ARROWS: "application/vnd.apache.arrow.stream",
    TableKind.CSV: "text/csv",
    TableKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MEDIA_TYPES: Final = tuple(_OF_KIND.values())
_KINDS: Final = {media: kind for kind, media in _OF_KIND.items()}


def sent_kind(content_type: str | None, allowed: Sequence[TableKind] = tuple(TableKind)) -> TableKind:
    """Return what a body is announced as; what it really is shows when it is read. Raises UploadTypeError."""
    kind = _KINDS.get((content_type or "").split(";")[0].strip().lower())
    if kind is None or kind not in allowed:
        raise UploadTypeError([one.media_type for one in allowed])
    return kind


def accepted_kind(accept: str | None, offered: Sequence[TableKind] = tuple(TableKind)) -> TableKind:
    """Return the offered kind with the highest weight, the first offered among equals.

    The most specific range that fits a kind gives its weight, so that `text/csv;q=0, */*` is anything but CSV. Raises
    NotAcceptableError.
    """
    ranges = [_range(entry) for entry in (accept or "").split(",") if entry.strip()]
    if not ranges:
        return offered[0]
    weights = [(_weight_of(kind, ranges), -place) for place, kind in enumerate(offered)]
    best, place = max(weights)
    if best <= 0:
        raise NotAcceptableError([kind.media_type for kind in offered])
    return offered[-place]


def _weight_of(kind: TableKind, ranges: Sequence[tuple[str, float]]) -> float:
    media = kind.media_type
    fitting = ((media, 2), (f"{media.split('/')[0]}/*", 1), ("*/*", 0))
    found = [(rank, weight) for name, weight in ranges for wanted, rank in fitting if name == wanted and name]
    return max(found, default=(0, 0.0))[1]


def _range(entry: str) -> tuple[str, float]:
    """Return a media range and its weight; parameters beside q are left aside."""
    name, *parameters = (part.strip() for part in entry.split(";"))
    weight = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            weight = _number(value)
    return name.lower(), weight


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0
