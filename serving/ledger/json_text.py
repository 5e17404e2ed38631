"""JSON in the one form that is hashed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
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
    """Look through a record; nearly all of it is made of dict and list, whose types are told apart without asking abc."""
    if isinstance(value, dict):
        items: Iterable[Json] = value.values()
    elif isinstance(value, list | tuple):
        items = value
    elif isinstance(value, Mapping):
        items = value.values()
    else:
        items = (value,)
    for item in items:
        if isinstance(item, float):
            if not isfinite(item):
                raise ValueError("JSON has no NaN and no infinity")
        elif item is not None and not isinstance(item, str | int) and isinstance(item, Mapping | Sequence):
            _refuse_nan(item)
