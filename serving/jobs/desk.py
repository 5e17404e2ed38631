"""Take jobs in, say where they stand and stop them, without HTTP; what they compute is others' business."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from serving.access.caller import Caller
from serving.http.language import Language
from serving.jobs.schemas import JobAnswer, JobReceipt
from serving.jobs.store import Job, JobState, JobStore, NewJob
from serving.ledger.answered import Answered, write_answer
from serving.ledger.chain import Json
from serving.schemas import ProblemBody

__all__ = ["JobDesk"]

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


class JobDesk:
    """Answers about jobs; `answers` says by kind where results lie, with `{}` for the id, `poll` where to ask."""

    def __init__(
        self,
        store: JobStore,
        *,
        wake: Callable[[], None],
        answers: Mapping[str, str],
        poll: str,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._store, self._wake, self._answers, self._poll = store, wake, answers, poll
        self._clock, self._new_id = clock, new_id

    def submit(self, kind: str, request: BaseModel, planner: Caller) -> Answered:
        """Take a job in; its record is in the chain when this returns. Raises JobQueueFullError."""
        job_id, now = self._new_id(), self._clock()
        receipt = JobReceipt(
            request_id=planner.call.request_id,
            decision_id=self._new_id(),
            job_id=job_id,
            state=JobState.QUEUED,
            ahead=self._store.open_jobs(),
            submitted_at=now,
            poll=self._poll.format(job_id),
        )
        asked = request.model_dump(mode="json", exclude_none=True)
        answered = write_answer(f"{kind}/job", receipt, asked, planner, said={"job_id": job_id}, at=now)
        self._store.submit(
            NewJob(job_id, kind, planner, request.model_dump_json(exclude_none=True)), answered.record
        )
        self._wake()
        return Answered(answered.body, answered.text, answered.record, status=202)

    def status(self, job_id: str, planner: Caller, language: Language) -> Answered:
        """Say where a job stands; no figure is in it, so no record is made. Raises UnknownJobError."""
        return self._told(self._store.get(job_id, planner), planner, language)

    def cancel(self, job_id: str, planner: Caller, language: Language) -> Answered:
        """Stop a job; the act is in the chain. Raises UnknownJobError."""
        record: dict[str, Json] = {
            "decision_id": self._new_id(),
            "recorded_at": self._clock().isoformat(),
            "route": "jobs/cancel",
            "request_id": planner.call.request_id,
            "key_id": planner.call.key_id,
            "roles": list(planner.call.roles),
            "companies": list(planner.companies),
            "request": {"job_id": job_id},
        }
        return self._told(self._store.cancel(job_id, planner, record), planner, language)

    def _told(self, job: Job, planner: Caller, language: Language) -> Answered:
        zh, en = _TEXTS[job.state]
        answer = JobAnswer(
            request_id=planner.call.request_id,
            job_id=job.job_id,
            kind=job.kind,
            state=job.state,
            progress=job.progress,
            ahead=self._store.position(job),
            submitted_at=job.submitted_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            answer=self._answers[job.kind].format(job.answer_id) if job.answer_id else None,
            problem=ProblemBody.model_validate(job.problem[language]) if job.problem else None,
            text_zh=zh,
            text_en=en,
        )
        return Answered(answer, answer.model_dump_json(), {"request_id": planner.call.request_id})
