"""What BentoML's supervisor is told beside its own ways: a worker that died or hangs is replaced, an end takes bounded time."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from serving.heartbeats import Heartbeats

__all__ = ["end_without_supervisor", "hung_before", "in_worker", "supervise"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
_IN_WORKERS_ALONE: Final = "BENTOML_RUNNER_MAP"
_SUPERVISOR: Final = "ZHIHENG_SUPERVISOR"
_HUNG_BEFORE: Final = "ZHIHENG_HUNG_BEFORE"
_LOOK_SECONDS: Final = 1
# Workers look for their signal every tenth of a second; the door is closed when they have let go of it.
_DOOR_SECONDS: Final = 1.0
_GRACE: Final = "--timeout-graceful-shutdown"
_LAST_SECONDS: Final = 10


class _Arbiter(Protocol):
    sockets: Mapping[str, socket.socket]


class _Process(Protocol):
    pid: int


class _Watcher(Protocol):
    processes: Mapping[int, _Process]
    respawn: bool
    graceful_timeout: float
    env: dict[str, str] | None
    hooks: dict[str, Callable[..., bool]]
    manage_processes: Callable[[], object]

    def is_stopping(self) -> bool:
        """Say whether the workers are being ended."""

    def send_signal_process(self, process: _Process, signum: int, recursive: bool) -> None:  # noqa: FBT001 - circus' own
        """Send a signal to a worker and what it started."""


def in_worker() -> bool:
    """Tell whether this process was started as a worker."""
    return _IN_WORKERS_ALONE in os.environ


def supervise(answer_seconds: int, hung_seconds: float) -> None:
    """Change how this process starts, watches and stops workers; does nothing in a worker.

    BentoML replaces no worker inside a container and ends the service with the last one, looks for dead ones every
    ten seconds and never for one that hangs, waits a day for a worker to end, and lets new connections wait for nobody
    while it does.
    """
    if in_worker():
        return
    import bentoml.serving as starting  # noqa: PLC0415 - not in a worker's memory
    from bentoml._internal.utils import circus  # noqa: PLC0415 - as above

    make_watcher, make_arbiter = starting.create_watcher, circus.create_standalone_arbiter

    def create_watcher(name: str, args: list[str], **given: object) -> _Watcher:
        grace = [] if _GRACE in args else [_GRACE, str(answer_seconds)]
        watcher: _Watcher = make_watcher(name, [*args, *grace], **given)
        watcher.env = {**(watcher.env or {}), _SUPERVISOR: str(os.getpid())}
        watcher.respawn = True
        # Then it is killed: one that hangs must not keep the service from ending.
        watcher.graceful_timeout = float(answer_seconds + _LAST_SECONDS)
        watcher.hooks["before_stop"] = _close_the_door
        _end_the_hung(watcher, hung_seconds)
        return watcher

    def create_standalone_arbiter(watchers: list[_Watcher], **given: object) -> object:
        return make_arbiter(watchers, **{"check_delay": _LOOK_SECONDS, **given})

    starting.create_watcher = create_watcher
    circus.create_standalone_arbiter = create_standalone_arbiter


def end_without_supervisor() -> bool:
    """End this worker as if it was told to, where the process that started it is gone; tell whether it is.

    A worker that outlives its supervisor holds the port, and the service could not be started again.
    """
    supervisor = os.environ.get(_SUPERVISOR)
    if supervisor is None or int(supervisor) == os.getppid():
        return False
    os.kill(os.getpid(), signal.SIGTERM)
    return True


def hung_before() -> int:
    """Return how many workers hung and were ended since the service was started, as known when this worker was."""
    return int(os.environ.get(_HUNG_BEFORE, "0"))


def _end_the_hung(watcher: _Watcher, hung_seconds: float) -> None:
    """Have each look at the workers begin with an end for those that hang; what is gone is replaced by the looks as ever."""
    heartbeats, manage = Heartbeats(hung_seconds), watcher.manage_processes
    watcher.env = {**(watcher.env or {}), **heartbeats.environment, _HUNG_BEFORE: "0"}
    ended = 0

    def look() -> object:
        nonlocal ended
        # One that is being stopped has a time limit of its own, and says nothing once its loop has ended.
        for pid in [] if watcher.is_stopping() else heartbeats.silent(watcher.processes):
            ended += 1
            watcher.env = {**(watcher.env or {}), _HUNG_BEFORE: str(ended)}
            _LOG.error("worker %d said nothing for %g s: it hangs, is killed and replaced", pid, hung_seconds)
            watcher.send_signal_process(watcher.processes[pid], signal.SIGKILL, recursive=True)
        return manage()

    watcher.manage_processes = look


def _close_the_door(*, arbiter: _Arbiter, **_: object) -> bool:
    """Refuse new connections while what was taken in is finished: nobody would ever accept them."""
    doors = list(arbiter.sockets.values())

    def close() -> None:
        for door in doors:
            try:
                door.shutdown(socket.SHUT_RDWR)
            except OSError:  # it was closed in the meantime
                continue

    closing = threading.Timer(_DOOR_SECONDS, close)
    closing.daemon = True
    closing.start()
    return True
