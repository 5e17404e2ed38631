"""Shapes of answers about jobs, whatever they compute."""

from datetime import datetime

from pydantic import Field

from serving.jobs.store import JobState
from serving.listing import ListQuery
from serving.schemas import ProblemBody, StrictModel

__all__ = ["JobAnswer", "JobFileAnswer", "JobFileQuery", "JobList", "JobListQuery", "JobReceipt"]


class JobReceipt(StrictModel):
    """已作为作业受理；请按 poll 查询。 / Taken as a job; ask at `poll` where it stands."""

    request_id: str
    decision_id: str = Field(description="受理记录的台账编号 / the submission's record in the ledger")
    job_id: str
    state: JobState
    ahead: int = Field(description="排在前面的作业数 / jobs before it")
    submitted_at: datetime
    poll: str = Field(description="查询地址 / where to ask")


class JobFileAnswer(StrictModel):
    """结果文件；内容的 SHA-256 也在台账里。 / A file of the result; the SHA-256 of its content is in the ledger too."""

    name: str
    media_type: str
    bytes: int
    sha256: str


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
    files: list[JobFileAnswer] = Field(description="结果文件 / files it ended with")
    problem: ProblemBody | None = Field(description="failed 时的 problem+json / of a failure")
    text_zh: str
    text_en: str


class JobList(StrictModel):
    """作业列表，最新的在前。 / Jobs, newest first."""

    request_id: str
    jobs: list[JobAnswer]
    cursor: int | None = Field(
        description="下一页的 cursor；没有更早的则为空 / `cursor` of the next page, null where there are no older ones"
    )


class JobListQuery(ListQuery):
    """哪些作业，按提交时刻。 / Which jobs to list, by when they were submitted."""


class JobFileQuery(StrictModel):
    """取哪个结果文件。 / Which file of the result."""

    name: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="文件名；只有一个文件时可省 / name of the file; not needed where there is one",
    )
