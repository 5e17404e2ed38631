"""One follower a host: whoever holds the lock follows MLflow, in a thread that no answer waits for."""

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Final

from serving.champions.families import FAMILIES, Alias
from serving.champions.follower import Follower
from serving.operations.metrics import follows

__all__ = ["FollowThread", "holding"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
_LOCK: Final = ".following.lock"


@contextmanager
def holding(models: Path) -> Iterator[bool]:
    """Hold the right to follow below a home; yields whether it is ours. The system takes it back when the process ends."""
    models.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(models / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


class FollowThread:
    """Follows while it holds the lock, and waits for it while another process does."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow-mlflow", daemon=True)

    def start(self) -> None:
        """Begin."""
        for family, alias in product(FAMILIES, Alias):
            follows(family, alias)
        self._thread.start()

    def stop(self) -> None:
        """End; a download under way is left alone, its folder is a staging one."""
        self._stop.set()
        self._thread.join(timeout=1)

    def _run(self) -> None:
        seconds = self._follower.poll.total_seconds()
        while not self._stop.is_set():
            try:
                with holding(self._follower.models) as ours:
                    while ours and not self._stop.is_set():
                        self._follower.look()
                        self._stop.wait(seconds)
            except Exception as error:  # noqa: BLE001 - a full disk today must not end following for good
                _LOG.error("following MLflow failed, trying again: %s", type(error).__name__)
            self._stop.wait(seconds)
