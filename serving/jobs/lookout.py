"""Whether the silence of others may be judged: not by one who was away himself, or whose clock was set."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

__all__ = ["Lookout"]


class Lookout:
    """Looks at two clocks: `clock` is the one by which others say that they live, `steady` counts seconds and is never set.

    Workers say so every quarter of the silence that they are allowed. Where more than half of it passed since the last look,
    by either clock, this process was stopped or starved, as they may have been, or the clock was set: they then get one full
    silence, counted by `steady`, to be heard anew.
    """

    def __init__(
        self, silence_seconds: float, *, clock: Callable[[], datetime], steady: Callable[[], float]
    ) -> None:
        self._silence, self._clock, self._steady = silence_seconds, clock, steady
        self._looking = threading.Lock()
        self._seen = (clock(), steady())
        self._from = self._seen[1]

    def may_judge(self) -> bool:
        """Look at the clocks; tell whether a worker that was not heard for the silence allowed may be called silent.

        Has to be asked more often than every half of that silence, else the answer stays no.
        """
        with self._looking:
            (wall, ticks), now = self._seen, (self._clock(), self._steady())
            self._seen = now
            passed = max(now[0] - wall, timedelta(seconds=now[1] - ticks))
            if passed > timedelta(seconds=self._silence / 2):
                self._from = now[1] + self._silence
            return now[1] >= self._from
