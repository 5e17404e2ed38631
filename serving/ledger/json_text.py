"""JSON in the one form that is hashed."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson

__all__ = ["Json", "canonical_json"]

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


def _refuse_nan(value: Json) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("JSON has no NaN and no infinity")
    elif isinstance(value, Mapping):
        for item in value.values():
            _refuse_nan(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            _refuse_nan(item)
