"""Errors of jobs that only their own routes can give, and how each is shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = [
    "PROBLEMS",
    "JobFileError",
    "JobFileGoneError",
    "JobNotDoneError",
    "JobQueueFullError",
    "JobStoppedError",
    "NoJobFileError",
    "UnknownJobError",
]


class UnknownJobError(ServingError):
    """There is no such job, or it is not the caller's."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(
            zh=f"没有编号为“{job_id}”的作业，或它不是用该密钥提交的。请核对提交时得到的 job_id。",
            en=f"There is no job '{job_id}', or it was not submitted with this key. Check the job_id of its submission.",
        )


class JobQueueFullError(ServingError):
    """As many jobs wait or run as may."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            zh=f"已有 {limit} 个作业在排队或运行，达到上限，本次未接收。请等前面的结束后再提交，或取消不再需要的作业。",
            en=f"{limit} jobs wait or run already, as many as may; this one was not taken. Submit it again when some "
            "have ended, or cancel those no longer needed.",
        )


class JobStoppedError(ServingError):
    """The job was cancelled, or its worker was given up: what it computed is dropped."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(
            zh=f"作业“{job_id}”已停止，其结果不保留。需要时请重新提交。",
            en=f"Job '{job_id}' was stopped and its result is not kept. Submit it again where it is needed.",
        )


class JobNotDoneError(ServingError):
    """The result of a job was asked for that has none yet, or will never have one."""

    def __init__(self, job_id: str, state: str) -> None:
        self.job_id, self.state = job_id, state
        super().__init__(
            zh=f"作业 {job_id} 的状态为 {state}，没有可取回的结果。请先查询 /v1/jobs/{job_id}，待状态为 done 后再取。",
            en=f"Job {job_id} is {state} and has no result to fetch. Ask /v1/jobs/{job_id} first, and fetch when it is done.",
        )


class NoJobFileError(ServingError):
    """The job has a result, but none that is a file."""

    def __init__(self, job_id: str, name: str | None = None) -> None:
        self.job_id, self.name = job_id, name
        super().__init__(
            zh=f"作业 {job_id} 没有这个结果文件。结果地址见 /v1/jobs/{job_id} 的 answer 字段。",
            en=f"Job {job_id} has no such file. The field `answer` of /v1/jobs/{job_id} says where its result is.",
        )


class JobFileGoneError(ServingError):
    """The file is not here any more, or on another host."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(
            zh=f"作业 {job_id} 的文件已过保存期，或在另一台主机上。请重新提交；多台主机须共用 jobs 目录。",
            en=f"The files of job {job_id} were kept long enough and removed, or lie on another host. Submit it again; "
            "several hosts have to share the folder jobs.",
        )


class JobFileError(ServingError):
    """A file differs from the hash that was written down."""

    def __init__(self, job_id: str, name: str) -> None:
        self.job_id, self.name = job_id, name
        super().__init__(
            zh=f"作业 {job_id} 的文件 {name} 与登记的哈希不符，不予提供。请重新提交，并告知运维检查磁盘。",
            en=f"File {name} of job {job_id} differs from the hash noted for it and is not given. Submit the job again and "
            "have the disk checked.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UnknownJobError: Problem("unknown-job", 404, "没有该作业", "Unknown job"),
        NoJobFileError: Problem("no-job-file", 404, "作业没有该文件", "No such file of the job"),
        JobNotDoneError: Problem("job-not-done", 409, "作业尚无结果", "Job has no result"),
        JobFileGoneError: Problem("job-file-gone", 410, "作业文件已不在", "Files of the job are gone"),
        JobFileError: Problem("job-file", 500, "作业文件不一致", "File of the job is damaged"),
        JobQueueFullError: Problem("job-queue-full", 503, "作业队列已满", "Too many jobs"),
        JobStoppedError: Problem("job-stopped", 503, "作业已停止", "Job was stopped"),
    }
)
