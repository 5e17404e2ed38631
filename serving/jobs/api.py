"""HTTP of jobs, whatever they compute: list, look, cancel, fetch what they ended with."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import ConfigDict
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from serving.access.roles import Role
from serving.http.answering import AnswerApi, read_query
from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.jobs.desk import JobDesk
from serving.jobs.schemas import JobAnswer, JobFileQuery, JobList, JobListQuery
from serving.schemas import NoQuery, StrictModel

__all__ = ["JobsApi", "jobs_handlers"]

_EVERYBODY: Final = frozenset(Role)
_MEDIA_TYPES: Final = (
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.file",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/json",
)


class JobFileBody(StrictModel):
    """结果文件，格式见其 media_type；JSON 同立即作答时的结果。 / The file in its media type; JSON is as if answered at once."""

    model_config = ConfigDict(extra="allow")


JOBS: Final = Endpoint(
    path="/v1/jobs",
    method="GET",
    summary="本密钥提交的作业，最新的在前 / Jobs of this key, newest first",
    roles=_EVERYBODY,
    query=JobListQuery,
    answer=JobList,
    statuses=(422, 500, 503, 504),
)
JOB: Final = Endpoint(
    path="/v1/jobs/{job_id}",
    method="GET",
    summary="作业进展；只对提交它的密钥，以及有相应角色的全集团密钥 / Where a job stands; "
    "for the key that submitted it, and for group-wide keys with a role of its kind",
    roles=_EVERYBODY,
    query=NoQuery,
    answer=JobAnswer,
    statuses=(404, 422, 500, 503, 504),
)
CANCEL: Final = Endpoint(
    path="/v1/jobs/{job_id}/cancel",
    method="POST",
    summary="取消作业 / Cancel a job",
    roles=_EVERYBODY,
    answer=JobAnswer,
    statuses=(404, 422, 500, 503, 504),
)
RESULT: Final = Endpoint(
    path="/v1/jobs/{job_id}/result",
    method="GET",
    summary="取回作业的结果文件 / Fetch the file that a job ended with",
    roles=_EVERYBODY,
    query=JobFileQuery,
    answer=JobFileBody,
    statuses=(404, 409, 410, 422, 500, 503, 504),
    slow=True,
    produces=_MEDIA_TYPES,
)


class JobsApi(AnswerApi):
    """The handlers of jobs."""

    def __init__(self, api: Api, desk: JobDesk) -> None:
        super().__init__(api)
        self._desk = desk

    async def list(self, request: Request, request_id: str) -> Response:
        """List jobs."""
        caller = self._caller(request, request_id, JOBS)
        query, language = read_query(request, JobListQuery), self._api.language(request)
        page = query.page(ZoneInfo(self._api.settings.work_zone))
        return await self._answer(lambda: self._desk.list(caller, language, page), kept=True)

    async def job(self, request: Request, request_id: str) -> Response:
        """Say where a job stands."""
        caller = self._caller(request, request_id, JOB)
        read_query(request, NoQuery)
        job_id, language = request.path_params["job_id"], self._api.language(request)
        return await self._answer(lambda: self._desk.status(job_id, caller, language), kept=True)

    async def cancel(self, request: Request, request_id: str) -> Response:
        """Stop a job."""
        caller = self._caller(request, request_id, CANCEL)
        job_id, language = request.path_params["job_id"], self._api.language(request)
        return await self._answer(lambda: self._desk.cancel(job_id, caller, language), kept=True)

    async def result(self, request: Request, request_id: str) -> Response:
        """Send a file; that it was fetched is in the ledger before."""
        caller = self._caller(request, request_id, RESULT)
        query, job_id = read_query(request, JobFileQuery), request.path_params["job_id"]
        fetched = await self._api.in_slow_thread(lambda: self._desk.fetch(job_id, caller, query.name))
        await self._api.parts.ledger.commit([fetched.record])
        headers = {
            "Cache-Control": "no-store",
            "X-Request-ID": request_id,
            "ETag": f'"{fetched.file.sha256}"',
        }
        return FileResponse(
            fetched.path, headers=headers, media_type=fetched.file.media_type, filename=fetched.file.name
        )


def jobs_handlers(jobs: JobsApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {JOBS: jobs.list, JOB: jobs.job, CANCEL: jobs.cancel, RESULT: jobs.result}
