"""How often and how many at once a key may ask, counted in this process."""

import math
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from serving.access.errors import LimitExceededError, OverloadedError
from serving.access.identity import Identity
from serving.access.limits import Limits

__all__ = ["Limiter"]

_MINUTE: Final = 60.0
_MOST: Final = 4096
_CONCURRENT_WAIT: Final = 1.0


@dataclass(slots=True)
class _Use:
    tokens: float
    at: float
    running: int = 0


class Limiter:
    """Requests per minute (a token bucket of one minute) and requests at once, by key.

    Each of the workers gives out its share, one at least, so that all of them together keep a limit that is no less than
    they are many; requests that the system deals out unevenly may meet a share before the whole limit is used. A second
    host counts for itself.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        workers: int = 1,
        at_once: int = sys.maxsize,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits, self._workers, self._timer = limits, workers, timer
        self._at_once, self._running = at_once, 0
        self._uses: OrderedDict[str, _Use] = OrderedDict()

    def limits_of(self, caller: Identity) -> Limits:
        """Return the limits that hold for a caller."""
        return self._limits.of(caller.limits)

    @contextmanager
    def entered(self, caller: Identity) -> Iterator[None]:
        """Count a request while it is answered. Must be used in one thread.

        Raises LimitExceededError, and OverloadedError where this process answers as many of all keys as it takes.
        """
        if self._running >= self._at_once:
            raise OverloadedError(self._at_once)
        limits, use = self.limits_of(caller), self._use(caller)
        most = self._share(limits.concurrent)
        if use.running >= most:
            raise _too_many_at_once(limits.concurrent)
        self._take(use, limits.requests_per_minute)
        use.running += 1
        self._running += 1
        try:
            yield
        finally:
            use.running -= 1
            self._running -= 1

    def _share(self, limit: int) -> int:
        return max(1, limit // self._workers)

    def _use(self, caller: Identity) -> _Use:
        use = self._uses.get(caller.key_id)
        if use is None:
            full = float(self._share(self.limits_of(caller).requests_per_minute))
            use = self._uses[caller.key_id] = _Use(full, self._timer())
            self._drop_idle()
        else:
            self._uses.move_to_end(caller.key_id)
        return use

    def _take(self, use: _Use, per_minute: int) -> None:
        now, most = self._timer(), self._share(per_minute)
        use.tokens = min(float(most), use.tokens + (now - use.at) * most / _MINUTE)
        use.at = now
        if use.tokens < 1:
            raise _too_often(per_minute, wait=(1 - use.tokens) * _MINUTE / most)
        use.tokens -= 1

    def _drop_idle(self) -> None:
        """Forget the key that was idle longest: one that asks nothing for a minute has its whole limit again anyway."""
        while len(self._uses) > _MOST:
            oldest = next((name for name, use in self._uses.items() if use.running == 0), None)
            if oldest is None:
                return
            del self._uses[oldest]


def _too_often(limit: int, *, wait: float) -> LimitExceededError:
    seconds = max(1, math.ceil(wait))
    return LimitExceededError(
        "requests_per_minute",
        limit=limit,
        retry_after=seconds,
        zh=f"该密钥每分钟最多 {limit} 个请求，已超出。请 {seconds} 秒后重试；成批的主体请用 /v1/credit/scores 一次提交。",
        en=f"The key may make {limit} requests a minute and made more. Try again in {seconds} s; send many parties at once "
        "to /v1/credit/scores.",
    )


def _too_many_at_once(limit: int) -> LimitExceededError:
    return LimitExceededError(
        "concurrent",
        limit=limit,
        retry_after=_CONCURRENT_WAIT,
        zh=f"该密钥同时最多 {limit} 个请求，前面的尚未答完。请等其完成后重试。",
        en=f"The key may have {limit} requests at once and earlier ones are not answered yet. Wait for them, then try again.",
    )
