"""JSON in the one form that is hashed."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import orjson

__all__ = ["Json", "canonical_json", "text_of"]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"


def canonical_json(value: Json) -> str:
    """Write JSON with sorted keys and no spaces. Raises ValueError for NaN and infinity, which JSON cannot say."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # for example whole numbers beyond 64 bits
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if "null" in text:  # orjson writes NaN as null and says nothing
        _refuse_nan(value)
    return text


def text_of(value: Json) -> str:
    """Return a text, empty for what is none."""
    return value if isinstance(value, str) else ""


def _seen_through(value: object) -> object:
    """Return what the encoder should look at in place of a mapping of another kind; what was written already it need not."""
    return dict(value) if isinstance(value, Mapping) else None


# Written in C, unlike a walk of our own, which took longer than the score.
_REFUSING: Final = json.JSONEncoder(
    allow_nan=False, ensure_ascii=False, check_circular=False, default=_seen_through
)


def _refuse_nan(value: Json) -> None:
    _REFUSING.encode(value)
