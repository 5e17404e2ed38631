"""Which of the offered media types a caller accepts (RFC 9110, 12.5.1)."""

from collections.abc import Sequence

from serving.http.errors import NotAcceptableError

__all__ = ["accepted_type"]


def accepted_type(accept: str | None, offered: Sequence[str]) -> str:
    """Return the offered type with the highest weight, the first offered among equals.

    The most specific range that fits a type gives its weight, so that `text/csv;q=0, */*` is anything but CSV. Raises
    NotAcceptableError.
    """
    ranges = [_range(entry) for entry in (accept or "").split(",") if entry.strip()]
    if not ranges:
        return offered[0]
    best, place = max((_weight_of(media, ranges), -place) for place, media in enumerate(offered))
    if best <= 0:
        raise NotAcceptableError(offered)
    return offered[-place]


def _weight_of(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    ranks = {media: 2, f"{media.partition('/')[0]}/*": 1, "*/*": 0}
    return max(((ranks[name], weight) for name, weight in ranges if name in ranks), default=(0, 0.0))[1]


def _range(entry: str) -> tuple[str, float]:
    """Return a media range and its weight; parameters beside q are left aside."""
    name, *parameters = (part.strip().lower() for part in entry.split(";"))
    weight = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            weight = _number(value)
    return name, weight


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0
