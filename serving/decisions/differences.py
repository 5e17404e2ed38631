"""Compare two records field by field, to the last bit of a number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from serving.ledger.chain import Json, canonical_json

__all__ = ["Differing", "differing"]


@dataclass(frozen=True)
class Differing:
    """A field and its two values as JSON text, None where it is not there."""

    field: str
    then: str | None
    now: str | None


def differing(then: Json, now: Json) -> list[Differing]:
    """Return every field that differs, by the path of its name; equal values give equal text, also of numbers."""
    first, second = dict(_leaves(then)), dict(_leaves(now))
    # Numbers are written in the shortest form that reads back as the same bits, so text tells them apart exactly.
    return [
        Differing(path, first.get(path), second.get(path))
        for path in dict.fromkeys([*first, *second])
        if first.get(path) != second.get(path)
    ]


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for place, part in enumerate(value):
            yield from _leaves(part, f"{path}.{place}" if path else str(place))
    else:
        yield path or ".", canonical_json(value)
