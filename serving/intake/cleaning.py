"""Clean up what intake left behind when a process was killed: bodies on their way in, files without a record."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final

from serving.intake.uploads import UploadStore
from serving.ledger.errors import LedgerUnavailableError
from serving.random_bytes import new_id

__all__ = ["IntakeCleaning"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
_LOOK_EVERY: Final = timedelta(hours=1)
_KEEP_ASIDE: Final = timedelta(days=30)


class IntakeCleaning:
    """Looks at the start and once an hour; several workers may look at the same time.

    A body that was cut off goes. Good or failed rows that no row of the database names are set aside first and go a month
    later: with the wrong database in the settings every upload would look like that.
    """

    def __init__(
        self, uploads: UploadStore, spool: Path, *, after: timedelta, clock: Callable[[], float]
    ) -> None:
        """Take `after`, longer than any upload and its check last: what is younger may be somebody's."""
        self._uploads, self._spool, self._after, self._clock = uploads, spool, after, clock
        self._aside = uploads.folder / "unrecorded"
        self._next: float | None = None

    def look(self) -> None:
        """Clean up, if an hour has passed since the last time; what cannot be cleaned keeps nobody from answering."""
        now = self._clock()
        if self._next is None or now >= self._next:
            try:
                self._clean(now)
            except OSError as error:
                _LOG.error("intake: what was cut off cannot be removed: %s", type(error).__name__)

    def _clean(self, now: float) -> None:
        cut_off = _older(self._spool.glob("*"), now - self._after.total_seconds())
        for path in [*cut_off, *_older(self._aside.glob("*"), now - _KEEP_ASIDE.total_seconds())]:
            path.unlink(missing_ok=True)
        with contextlib.suppress(
            LedgerUnavailableError
        ):  # without the rows nobody knows which files are wanted
            unrecorded = self._unrecorded(now)
            for path in unrecorded:
                self._set_aside(path, now)
            self._next = now + _LOOK_EVERY.total_seconds()
            if cut_off or unrecorded:
                _LOG.warning(
                    "intake: %d bodies that were cut off are removed, %d files without a record set aside",
                    len(cut_off),
                    len(unrecorded),
                )

    def _unrecorded(self, now: float) -> list[Path]:
        """Return the files of uploads that no row names. They are listed before the rows are read, never after."""
        old = _older(self._uploads.folder.glob("*/*"), now - self._after.total_seconds())
        found = [path for path in old if path.parent not in (self._spool, self._aside)]
        known = self._uploads.ids() if found else frozenset()
        return [path for path in found if path.name.split(".")[0] not in known]

    def _set_aside(self, path: Path, now: float) -> None:
        self._aside.mkdir(mode=0o700, exist_ok=True)
        target = self._aside / f"{new_id()}-{path.name}"
        with contextlib.suppress(FileNotFoundError):  # another worker was faster
            path.rename(target)
            os.utime(target, (now, now))


def _older(paths: Iterable[Path], than: float) -> list[Path]:
    found = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < than:
                found.append(path)
    return found
