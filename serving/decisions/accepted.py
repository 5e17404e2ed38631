"""Which of the offered media types a caller accepts (RFC 9110, 12.5.1)."""

from serving.http.errors import NotAcceptableError

__all__ = ["accepted_type"]


def accepted_type(accept: str | None, offered: tuple[str, ...]) -> str:
    """Return the offered type with the highest weight, the first of equals. Raises NotAcceptableError."""
    ranges = [_range(entry) for entry in (accept or "*/*").split(",") if entry.strip()]
    weights = [
        (max(_fits(media, ranges), default=(0, 0.0))[1], -place) for place, media in enumerate(offered)
    ]
    weight, place = max(weights)
    if weight <= 0:
        raise NotAcceptableError(offered)
    return offered[-place]


def _fits(media: str, ranges: list[tuple[str, float]]) -> list[tuple[int, float]]:
    """Return the ranges that a type fits with their weights; the most specific one counts."""
    names = {media: 2, f"{media.partition('/')[0]}/*": 1, "*/*": 0}
    return [(names[name], weight) for name, weight in ranges if name in names]


def _range(entry: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in entry.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, min(max(float(value), 0.0), 1.0)
            except ValueError:
                return name, 0.0
    return name, 1.0
