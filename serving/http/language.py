"""Which language a caller reads: Accept-Language (RFC 9110, 12.5.4) cut down to Chinese and English."""

from typing import Final, Literal

__all__ = ["Language", "preferred_language"]

Language = Literal["zh", "en"]
_LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")


def preferred_language(header: str | None, default: Language) -> Language:
    """Return the language with the highest weight; the default where none or anything is asked for."""
    best: Language = default
    best_weight = 0.0
    for entry in (header or "").split(","):
        tag, _, parameters = entry.strip().partition(";")
        weight = _weight(parameters)
        for language in _LANGUAGES:
            if tag.lower().split("-")[0] == language and weight > best_weight:
                best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
