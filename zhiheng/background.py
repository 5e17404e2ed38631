"""Programs that the demo leaves running: started apart from the terminal, found again, ended by their own id."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from zhiheng.errors import BackgroundError

__all__ = ["Background"]

_POLL_SECONDS: Final = 0.2
_GRACE_SECONDS: Final = 10
_CLOCK_SECONDS: Final = (
    2.0  # the start time is reckoned from the boot time, which the clock service may shift
)


@dataclass(frozen=True)
class Background:
    """A program known by name; its process id, start time and purpose stand in folder/<name>.json."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """Where the program's output goes."""
        return self.folder / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.folder / f"{self.name}.json"

    def running(self, purpose: str) -> bool:
        """Tell whether the program runs for this purpose (a text that changes when it must start anew)."""
        record = self._read()
        return record is not None and record["purpose"] == purpose and self._process(record) is not None

    def start(self, command: Sequence[str], *, purpose: str, environment: Mapping[str, str]) -> None:
        """Start the program in a session of its own, so that Ctrl-C in the terminal does not reach it."""
        self.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        output = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.log), output, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # not subprocess.Popen: it complains of a child that outlives it, which is the purpose here
        pid = os.posix_spawn(
            command[0], list(command), {**os.environ, **environment}, file_actions=actions, setsid=True
        )
        record = {"pid": pid, "started": psutil.Process(pid).create_time(), "purpose": purpose}
        self._record.write_text(json.dumps(record), encoding="utf-8")

    def wait(self, url: str, *, seconds: float) -> float:
        """Wait until the address answers with success and return the seconds it took. Raises BackgroundError."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            record = self._read()
            if record is None or self._process(record) is None:
                raise BackgroundError(
                    self.name, self.log, reason_zh="程序已退出", reason_en="the program ended"
                )
            if _answers(url):
                return time.monotonic() - begun
            time.sleep(_POLL_SECONDS)
        raise BackgroundError(
            self.name,
            self.log,
            reason_zh=f"{seconds:.0f} 秒内没有应答 {url}",
            reason_en=f"no answer from {url} within {seconds:.0f} seconds",
        )

    def stop(self) -> bool:
        """End the program and its children; return whether there was one. A reused process id is left alone."""
        record = self._read()
        process = self._process(record) if record is not None else None
        if process is not None:
            family = [*process.children(recursive=True), process]
            _signal(family, psutil.Process.terminate)
            _, alive = psutil.wait_procs(family, timeout=_GRACE_SECONDS)
            _signal(alive, psutil.Process.kill)
        self._record.unlink(missing_ok=True)
        return process is not None

    def _read(self) -> dict[str, str] | None:
        try:
            record: dict[str, str] = json.loads(self._record.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return record

    @staticmethod
    def _process(record: Mapping[str, str]) -> psutil.Process | None:
        try:
            process = psutil.Process(int(record["pid"]))
            same = abs(process.create_time() - float(record["started"])) < _CLOCK_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of ours on loopback
            return bool(answer.status == 200)  # noqa: PLR2004
    except (URLError, OSError):
        return False


def _signal(processes: Sequence[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            send(process)
