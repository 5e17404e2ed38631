"""The state of all parts of a worker: those that answer, the access log, and the sign-on where one is set."""

from collections.abc import Callable
from dataclasses import dataclass

from serving.operations.access_log import AccessLog
from serving.schemas import Health, PartHealth

__all__ = ["WholeHealth"]


@dataclass(frozen=True)
class WholeHealth:
    """What /healthz and /readyz say and /metrics measures, so that none of them knows of a part that the others leave out."""

    parts: Callable[[], Health]
    access_log: AccessLog
    sign_on: Callable[[], PartHealth | None]

    def look(self) -> Health:
        """Look at every part; reads files and waits a moment for the database, so call it in a thread."""
        health = self.parts()
        # A log that cannot be written stops no answer: what was decided is in the ledger.
        found = {**health.parts, "access_log": self._log()}
        sso = self.sign_on()
        if sso is not None:  # without it keys open all the same
            found["sso"] = sso
        return health.model_copy(update={"parts": found})

    def _log(self) -> PartHealth:
        problem = self.access_log.problem
        if problem is None:
            return PartHealth(ready=True)
        return PartHealth(
            ready=False,
            problem_zh=f"访问日志无法写入（{problem}）。请检查 logs 目录的磁盘空间与权限。",
            problem_en=f"The access log cannot be written ({problem}). Check disk and rights of the folder logs.",
        )
