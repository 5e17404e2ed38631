"""Kinds of tables over HTTP: their media types, what a body is, and which kind a caller accepts."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from serving.http.accept import accepted_type
from serving.uploads.errors import UploadTypeError

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
    """Return the offered kind that the caller likes best. Raises NotAcceptableError."""
    return _KINDS[accepted_type(accept, [kind.media_type for kind in offered])]
