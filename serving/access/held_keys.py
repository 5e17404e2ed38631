"""Rows of keys as this process read them less than a second ago: a withdrawn key is refused within that time."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

__all__ = ["HeldRows"]

HELD_SECONDS: Final = 1.0
_MOST: Final = 4096
Held = TypeVar("Held")


class HeldRows(Generic[Held]):
    """Answers by id, none older than `seconds`; the one read longest ago goes first where there are too many."""

    def __init__(
        self, *, timer: Callable[[], float], seconds: float = HELD_SECONDS, most: int = _MOST
    ) -> None:
        self._timer, self._seconds, self._most = timer, seconds, most
        self._held: OrderedDict[str, tuple[float, Held]] = OrderedDict()
        self._turn = threading.Lock()

    def get(self, name: str) -> Held | None:
        """Return what is held and young enough, else None."""
        found = self._held.get(name)
        return found[1] if found is not None and self._timer() - found[0] < self._seconds else None

    def put(self, name: str, held: Held, *, since: float) -> None:
        """Hold what was read; `since` is when reading began, as what changed meanwhile may not be in it."""
        with self._turn:
            self._held[name] = (since, held)
            self._held.move_to_end(name)
            while len(self._held) > self._most:
                self._held.popitem(last=False)

    def forget(self, name: str) -> None:
        """Drop what is held under a name."""
        with self._turn:
            self._held.pop(name, None)

    def __len__(self) -> int:
        return len(self._held)
