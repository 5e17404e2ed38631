"""Keep what was worked out of values that are never altered, such as the facts of a party that is asked about again."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

__all__ = ["MOST_KEPT", "KeptByIdentity"]

MOST_KEPT: Final = 8192
"""Of how many parties what was read is kept at most: some 8 KB each."""
Value = TypeVar("Value")
Found = TypeVar("Found")


class KeptByIdentity(Generic[Value, Found]):
    """A function whose answers are kept, the oldest going first; a value is known by identity, as hashing it costs more.

    Several threads may call it: at worst two of them work the same thing out.
    """

    def __init__(self, work: Callable[[Value], Found], *, most: int = MOST_KEPT) -> None:
        self._work, self._most = work, most
        self._kept: dict[int, tuple[Value, Found]] = {}

    def __call__(self, value: Value) -> Found:
        """Return the answer for a value."""
        kept = self._kept.get(id(value))
        if kept is not None:  # the value is held here, so that nothing else can have its identity
            return kept[1]
        found = self._work(value)
        self._kept[id(value)] = (value, found)
        while len(self._kept) > self._most:
            self._kept.pop(next(iter(self._kept), 0), None)
        return found

    def __len__(self) -> int:
        return len(self._kept)
