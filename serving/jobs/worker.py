"""The thread of a process that runs jobs, one after the other, and the one that says it lives."""

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from graph.errors import UserError
from serving.http.problems import known_error, problem_body
from serving.jobs.errors import JobStoppedError
from serving.jobs.kinds import JobKind
from serving.jobs.store import Job, JobStore
from serving.ledger.chain import Json, Ledger
from serving.ledger.errors import LedgerUnavailableError

__all__ = ["JobWorker"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
_BEATS_PER_SILENCE: Final = 4
_LOOK_SECONDS: Final = 1.0
_LAST_WAIT_SECONDS: Final = 5.0
_TIDY_SECONDS: Final = 600.0


class JobWorker:
    """Takes waiting jobs of any process; a job that fails leaves its problem, and the worker goes on."""

    def __init__(self, store: JobStore, ledger: Ledger, kinds: Mapping[str, JobKind], *, name: str) -> None:
        self._store, self._ledger, self._kinds, self._name = store, ledger, kinds, name
        self._wake, self._ended = threading.Event(), threading.Event()
        self._current: str | None = None
        self._held = False
        self._threads = [
            threading.Thread(target=target, name=f"jobs-{target.__name__}", daemon=True)
            for target in (self._work, self._beat)
        ]

    def start(self) -> None:
        """Look for jobs from now on."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look now instead of in a second."""
        self._wake.set()

    def hold(self) -> None:
        """Begin no more jobs; safe inside a signal handler."""
        self._held = True

    def stop(self) -> None:
        """Take no more jobs; one that runs is marked as interrupted, and what it finds is dropped."""
        self._ended.set()
        self._wake.set()
        with contextlib.suppress(
            LedgerUnavailableError
        ):  # others mark it, when it was silent for long enough
            self._store.release(self._name)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_LAST_WAIT_SECONDS)

    def run_next(self) -> bool:
        """Run the job that has waited longest; tell whether there was one."""
        job = self._store.claim(self._name, self._kinds) if self._store.waiting(self._kinds) else None
        if job is None:
            return False
        self._current = job.job_id
        try:
            self._run(job)
        finally:
            self._current = None
        return True

    def _run(self, job: Job) -> None:
        try:
            outcome = self._kinds[job.kind].run(job, lambda share: self._progress(job, share))

            def end(connection: Connection) -> None:
                self._store.done(connection, job.job_id, self._name, outcome.answer_id)
                self._store.files.keep(connection, job.job_id, outcome.files)
                outcome.keep(connection)

            self._ledger.append([outcome.record], beside=end)
        except Exception as error:  # noqa: BLE001 - a job's failure is its result; the worker goes on
            told = known_error(error, job.planner.call.request_id)
            self._store.failed(job.job_id, self._name, _problems(told, job.planner.call.request_id))

    def _progress(self, job: Job, share: float) -> None:
        if not self._store.heard(job.job_id, self._name, min(max(share, 0.0), 1.0)):
            raise JobStoppedError(job.job_id)

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                if not self._held and self.run_next():
                    continue
            except UserError as error:
                _LOG.warning("jobs cannot be looked for: %s", error.en)
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                known_error(error, "jobs")
            self._wake.wait(_LOOK_SECONDS)
            self._wake.clear()

    def _beat(self) -> None:
        tidy_at = 0.0
        while not self._ended.wait(self._store.limits.silence_seconds / _BEATS_PER_SILENCE):
            try:
                self._say()
                if time.monotonic() >= tidy_at:
                    tidy_at = time.monotonic() + _TIDY_SECONDS
                    self._store.sweep()
                    self._store.expire()
            except UserError as error:
                _LOG.warning("jobs cannot be told of: %s", error.en)
            except Exception as error:  # noqa: BLE001 - without the next beat others would call a healthy job interrupted
                known_error(error, "jobs")

    def _say(self) -> None:
        self._store.look()
        current = self._current
        if current is not None:
            self._store.heard(current, self._name)


def _problems(error: UserError, request_id: str) -> Mapping[str, Mapping[str, Json]]:
    """Write a failure down in both languages: who asks later may read either."""
    return {
        language: problem_body(error, request_id=request_id, language=language).model_dump(
            mode="json", exclude_none=True
        )
        for language in ("zh", "en")
    }
