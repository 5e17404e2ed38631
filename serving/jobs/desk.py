"""Take jobs in, say where they stand, stop them and fetch their files, without HTTP; what they compute is others' business."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from serving.access.caller import Caller
from serving.http.language import Language
from serving.jobs.errors import JobNotDoneError, JobQueueFullError, NoJobFileError, UnknownJobError
from serving.jobs.files import JobFile, Side
from serving.jobs.kinds import JobKind
from serving.jobs.schemas import JobAnswer, JobFileAnswer, JobList, JobReceipt
from serving.jobs.store import Job, JobState, JobStore, NewJob
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json
from serving.listing import Page
from serving.schemas import ProblemBody

__all__ = ["FetchedFile", "JobDesk"]

_POLL: Final = "/v1/jobs/{}"
_TEXTS: Final = {
    JobState.QUEUED: ("排队中。", "Waiting."),
    JobState.RUNNING: ("正在计算。", "Being computed."),
    JobState.DONE: ("已完成，结果在 answer 所示地址。", "Done; the result is where `answer` says."),
    JobState.FAILED: (
        "未能完成，原因见 problem；此前最后一个有效结果不受影响。",
        "Failed, see `problem`; the last good result before it stays.",
    ),
    JobState.CANCELLED: ("已取消，没有结果。", "Cancelled; there is no result."),
    JobState.INTERRUPTED: (
        "服务重启或进程中断，没有结果；需要时请重新提交。",
        "The service was restarted or its process ended, so there is no result; submit it again where it is needed.",
    ),
}


@dataclass(frozen=True)
class FetchedFile:
    """A file of a job that may be sent once its record is durable."""

    path: Path
    file: JobFile
    record: Mapping[str, Json]


class JobDesk:
    """Answers about jobs of every kind."""

    def __init__(
        self,
        store: JobStore,
        kinds: Mapping[str, JobKind],
        *,
        wake: Callable[[], None],
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._store, self._kinds, self._wake = store, kinds, wake
        self._clock, self._new_id = clock, new_id

    def submit(
        self,
        kind: str,
        request: BaseModel,
        planner: Caller,
        *,
        job_id: str | None = None,
        files: tuple[JobFile, ...] = (),
    ) -> Answered:
        """Take a job in; its record is in the chain when this returns. Raises JobQueueFullError.

        `files` are inputs that were sealed under `job_id`; they are removed where the queue is full.
        """
        job_id, now = job_id or self._new_id(), self._clock()
        receipt = JobReceipt(
            request_id=planner.call.request_id,
            decision_id=self._new_id(),
            job_id=job_id,
            state=JobState.QUEUED,
            ahead=self._store.open_jobs(),
            submitted_at=now,
            poll=_POLL.format(job_id),
        )
        asked = request.model_dump(mode="json", exclude_none=True)
        said: dict[str, Json] = {"job_id": job_id}
        if files:
            said["files"] = [file.said() for file in files]
        answered = write_answer(f"{kind}/job", receipt, asked, planner, said=said, at=now)
        new = NewJob(job_id, kind, planner, request.model_dump_json(exclude_none=True), files)
        try:
            self._store.submit(new, answered.record)
        except JobQueueFullError:
            # After any other error the job may be durable (the connection was lost while it was committed): files of no job
            # go later, with JobStore.expire.
            self._store.files.discard(job_id)
            raise
        self._wake()
        return Answered(answered.body, answered.text, answered.record, status=202)

    def status(self, job_id: str, planner: Caller, language: Language) -> Answered:
        """Say where a job stands; no figure is in it, so no record is made. Raises UnknownJobError."""
        return _answered(self._told(self._seen(job_id, planner), planner, language), planner)

    def list(self, planner: Caller, language: Language, page: Page) -> Answered:
        """List the caller's jobs of the kinds that it may read, newest first, for a group-wide key those of others, too."""
        readable = [name for name, kind in self._kinds.items() if _reads(planner, kind)]
        found, cursor = self._store.page(planner, readable, page)
        told = [self._told(job, planner, language) for job in found]
        return _answered(JobList(request_id=planner.call.request_id, jobs=told, cursor=cursor), planner)

    def cancel(self, job_id: str, planner: Caller, language: Language) -> Answered:
        """Stop a job; the act is in the chain. Raises UnknownJobError."""
        job = self._seen(job_id, planner, to_cancel=True)
        record = self._record("jobs/cancel", planner, {"job_id": job.job_id})
        return _answered(self._told(self._store.cancel(job_id, planner, record), planner, language), planner)

    def fetch(self, job_id: str, planner: Caller, name: str | None = None) -> FetchedFile:
        """Return a file that a job ended with: the one of this name, or the only one.

        Raises UnknownJobError, JobNotDoneError, NoJobFileError, JobFileGoneError, JobFileError.
        """
        job = self._seen(job_id, planner)
        if job.state is not JobState.DONE:
            raise JobNotDoneError(job_id, job.state)
        files = self._store.files.of(job_id, Side.OUTPUT)
        named = [file for file in files if file.name == name] if name is not None else files
        if len(named) != 1:
            raise NoJobFileError(job_id, name)
        path = self._store.files.checked(job_id, named[0])
        record: dict[str, Json] = {
            **self._record("jobs/fetch", planner, {"job_id": job_id}),
            "answer": {"kind": job.kind, "file": named[0].said()},
        }
        return FetchedFile(path, named[0], record)

    def _seen(self, job_id: str, planner: Caller, *, to_cancel: bool = False) -> Job:
        """Return a job of a kind that the caller's roles read (or cancel) today, whoever submitted it."""
        job = self._store.get(job_id, planner)
        kind = self._kinds.get(job.kind)
        if kind is None or not (_submits(planner, kind) if to_cancel else _reads(planner, kind)):
            raise UnknownJobError(job_id)
        return job

    def _record(self, route: str, planner: Caller, asked: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "decision_id": self._new_id(),
            "recorded_at": self._clock().isoformat(),
            "route": route,
            **planner.recorded,
            "subject": "",
            "request": asked,
        }

    def _told(self, job: Job, planner: Caller, language: Language) -> JobAnswer:
        zh, en = _TEXTS[job.state]
        return JobAnswer(
            request_id=planner.call.request_id,
            job_id=job.job_id,
            kind=job.kind,
            state=job.state,
            progress=job.progress,
            ahead=self._store.position(job),
            submitted_at=job.submitted_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            answer=self._result(job),
            files=[
                JobFileAnswer.model_validate(file.said())
                for file in self._store.files.of(job.job_id, Side.OUTPUT)
            ],
            problem=ProblemBody.model_validate(job.problem[language]) if job.problem else None,
            text_zh=zh,
            text_en=en,
        )

    def _result(self, job: Job) -> str | None:
        kind = self._kinds.get(job.kind)
        if job.answer_id is None or kind is None:
            return None
        return kind.result.format(answer_id=job.answer_id, job_id=job.job_id)


def _reads(planner: Caller, kind: JobKind) -> bool:
    return _submits(planner, kind) or not kind.readers.isdisjoint(planner.call.roles)


def _submits(planner: Caller, kind: JobKind) -> bool:
    return not kind.roles.isdisjoint(planner.call.roles)


def _answered(body: BaseModel, planner: Caller) -> Answered:
    return Answered(body, body.model_dump_json(), {"request_id": planner.call.request_id})
