"""A worker that hangs: each says once a second that its event loop turns; one that was silent too long is ended.

What is said goes through a pipe that the supervisor opened, so that neither a full disk nor a clock that is set silences a
worker that is well.
"""

import asyncio
import contextlib
import os
import struct
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

__all__ = ["Heartbeats", "beat"]

_PIPE: Final = "ZHIHENG_HEARTBEATS"
_PID: Final = struct.Struct("=q")
_BEAT_SECONDS: Final = 1.0
_READ_BYTES: Final = 1 << 16
# A worker that imports and loads has no event loop yet; numba may compile meanwhile, on a machine that does other work.
_STARTING_SECONDS: Final = 600.0
# The supervisor looks once a second. Where it did not for so long it was stopped or starved itself, as the workers may
# have been: what it did not hear then says nothing of them.
_SLEPT_SECONDS: Final = 10.0


class Heartbeats:
    """What the supervisor heard of its workers; `clock` counts seconds and is never set."""

    def __init__(self, silent_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._silent_seconds, self._clock = silent_seconds, clock
        self._hear, self._say = os.pipe()
        os.set_blocking(self._hear, False)
        os.set_blocking(self._say, False)
        os.set_inheritable(self._say, True)  # noqa: FBT003 - by position alone
        self._until: dict[int, float] = {}
        self._any_heard = False
        self._looked_at = clock()

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what a worker has to be told to be heard."""
        return {_PIPE: str(self._say)}

    def silent(self, pids: Collection[int]) -> list[int]:
        """Return which of the living workers said nothing for too long; each is named once."""
        now, heard = self._clock(), self._heard()
        away, self._looked_at = now - self._looked_at, now
        slept = away if away > _SLEPT_SECONDS else 0.0
        self._until = {pid: self._silent_until(pid, now, anew=pid in heard, slept=slept) for pid in pids}
        self._any_heard = self._any_heard or bool(heard)
        # Where nobody was ever heard the pipe may be at fault, and killing every worker every ten minutes helps nobody.
        found = [pid for pid, until in self._until.items() if until <= now and self._any_heard]
        for pid in found:  # it is ended now, and may take long to go where the kernel holds it
            self._until[pid] = float("inf")
        return found

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._hear)
        os.close(self._say)

    def _silent_until(self, pid: int, now: float, *, anew: bool, slept: float) -> float:
        """Return until when a worker may say nothing more."""
        before = self._until.get(pid)
        if anew:
            return now + self._silent_seconds
        if before is None:
            return now + max(_STARTING_SECONDS, self._silent_seconds)
        return max(before + slept, now + self._silent_seconds) if slept else before

    def _heard(self) -> set[int]:
        said = b""
        with contextlib.suppress(BlockingIOError):
            while block := os.read(self._hear, _READ_BYTES):
                said += block
        return {pid for (pid,) in _PID.iter_unpack(said)}


async def beat() -> None:
    """Say that the event loop turns, once a second, to the supervisor that started this worker; without one say nothing."""
    pipe = os.environ.get(_PIPE)
    if pipe is None:
        return
    os.set_inheritable(int(pipe), False)  # noqa: FBT003 - by position alone
    while True:
        # Full where the supervisor is stopped, broken where it is gone: both are seen elsewhere, and neither stops answers.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(int(pipe), _PID.pack(os.getpid()))
        await asyncio.sleep(_BEAT_SECONDS)
