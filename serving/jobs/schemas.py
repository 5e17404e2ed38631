"""Shapes of answers about jobs, whatever they compute."""

from datetime import datetime

from pydantic import Field

from serving.jobs.store import JobState
from serving.schemas import ProblemBody, StrictModel

__all__ = ["JobAnswer", "JobReceipt"]


class JobReceipt(StrictModel):
    """已作为作业受理；请按 poll 查询。 / Taken as a job; ask at `poll` where it stands."""

    request_id: str
    decision_id: str = Field(description="受理记录的台账编号 / the submission's record in the ledger")
    job_id: str
    state: JobState
    ahead: int = Field(description="排在前面的作业数 / jobs before it")
    submitted_at: datetime
    poll: str = Field(description="查询地址 / where to ask")


class JobAnswer(StrictModel):
    """作业进展；failed 附原因，interrupted 可重新提交。 / Where a job stands; `failed` says why, `interrupted` may be submitted again."""

    request_id: str
    job_id: str
    kind: str
    state: JobState
    progress: float = Field(description="0 至 1 / from 0 to 1")
    ahead: int | None = Field(description="排队时前面的作业数 / jobs before one that waits")
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    answer: str | None = Field(description="done 时结果的地址 / where the result is, once done")
    problem: ProblemBody | None = Field(description="failed 时的 problem+json / of a failure")
    text_zh: str
    text_en: str
