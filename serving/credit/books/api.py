"""HTTP of books: a table in, the same rows scored out, in the kind of table that is asked for; large ones as jobs."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from serving.access.caller import Caller
from serving.access.roles import Role
from serving.credit.books.schemas import BookAnswer, BookQuery, BookRequest, TemplateFile, TemplateQuery
from serving.http.answering import Abandoned, AnswerApi, read_query
from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.jobs.files import JobFile, Side
from serving.jobs.schemas import JobReceipt
from serving.jobs.wiring import Jobs
from serving.ledger.answered import Answered
from serving.ledger.errors import LedgerUnavailableError
from serving.random_bytes import new_id
from serving.uploads.media import MEDIA_TYPES, TableKind, accepted_kind, sent_kind
from serving.uploads.spool import Spooled, spool

if TYPE_CHECKING:
    from serving.credit.books.desk import AnsweredBook, BookDesk, BookJob

__all__ = ["BooksApi", "books_handlers"]

_OFFICER: Final = frozenset({Role.RISK_OFFICER})
_NOBODY: Final = "nobody waits for the answer any more"

SCORES: Final = Endpoint(
    path="/v1/credit/scores",
    method="POST",
    summary="为一批主体评分：好的行都有结果，失败的行逐行说明；行数多的转为作业（202） / Score a book: good rows are answered, "
    "failed ones listed with reasons; large books become a job (202)",
    roles=_OFFICER,
    request=BookRequest,
    query=BookQuery,
    answer=BookAnswer,
    accepted=JobReceipt,
    statuses=(406,),
    slow=True,
    consumes=MEDIA_TYPES,
    produces=MEDIA_TYPES,
)
TEMPLATE: Final = Endpoint(
    path="/v1/credit/scores/template",
    method="GET",
    summary="供填写的 xlsx 模板：现任模型的特征、含义、单位与取值范围 / An xlsx to fill in: features of the model, texts, units, ranges",
    roles=_OFFICER,
    query=TemplateQuery,
    answer=TemplateFile,
    statuses=(406, 422),
    slow=True,
    produces=(TableKind.XLSX.media_type,),
)


class BooksApi(AnswerApi):
    """The handlers of books; the desk is made when it is first needed: most workers never read a spreadsheet."""

    def __init__(self, api: Api, jobs: Jobs, desk: "Callable[[], BookDesk]") -> None:
        super().__init__(api)
        self._jobs, self._desk = jobs, desk

    async def scores(self, request: Request, request_id: str) -> Response:
        """Take a book in; answer it, or make it a job."""
        caller = self._caller(request, request_id, SCORES)
        query = read_query(request, BookQuery)
        kind = sent_kind(request.headers.get("content-type"))
        answer = accepted_kind(request.headers.get("accept"))
        book_id = new_id()
        try:
            spooled = await self._spooled(request, book_id, kind)
        except BaseException:
            self._jobs.files.discard(book_id)
            raise
        return await self._answered(request, caller, spooled, query=query, book=(book_id, kind, answer))

    async def template(self, request: Request, request_id: str) -> Response:
        """Send the template."""
        self._caller(request, request_id, TEMPLATE)
        query = read_query(request, TemplateQuery)
        accepted_kind(request.headers.get("accept"), (TableKind.XLSX,))
        path = self._jobs.files.new(new_id(), Side.OUTPUT, "book.xlsx")
        version = await self._api.in_slow_thread(lambda: self._desk().template(path, by=query.by))
        headers = {"X-Request-ID": request_id, "Cache-Control": "no-store", "X-Model-Version": version}
        return FileResponse(
            path,
            headers=headers,
            media_type=TableKind.XLSX.media_type,
            filename=f"book_{query.by}.xlsx",
            background=BackgroundTask(self._jobs.files.discard, path.parent.parent.name),
        )

    async def _spooled(self, request: Request, book_id: str, kind: TableKind) -> Spooled:
        limit = self._limit(kind)
        seconds = self._api.settings.book_upload_seconds
        chunks = self._api.chunks(request, limit, kinds=MEDIA_TYPES, seconds=seconds)
        path = self._jobs.files.new(book_id, Side.INPUT, f"book.{kind.value}")
        return await spool(chunks, path)

    def _limit(self, kind: TableKind) -> int:
        settings = self._api.settings
        if kind is TableKind.JSON:
            return settings.book_json_bytes
        if kind in (TableKind.CSV, TableKind.XLSX):
            return settings.book_sheet_bytes
        return settings.book_bytes

    async def _answered(
        self,
        request: Request,
        caller: Caller,
        spooled: Spooled,
        *,
        query: BookQuery,
        book: tuple[str, TableKind, TableKind],
    ) -> Response:
        book_id, kind, answer = book
        language = self._api.language(request)
        abandoned, owner = threading.Event(), threading.Lock()

        def asked() -> "BookJob":
            from serving.credit.books.desk import BookJob  # noqa: PLC0415 - reads spreadsheets: see above

            return BookJob(
                book_id=book_id,
                kind=kind,
                answer=answer,
                contributions=query.contributions,
                ignore_unknown=query.ignore_unknown,
                language=language,
            )

        def work() -> "Answered | AnsweredBook":
            if not owner.acquire(blocking=False):
                raise LedgerUnavailableError(_NOBODY)
            return self._computed(asked(), caller, spooled, abandoned.is_set)

        try:
            found = await self._api.in_slow_thread(work)
        finally:
            abandoned.set()
            # Once the work began, the upload is its own: a caller who went away knows nothing of how far it is.
            if owner.acquire(blocking=False):
                self._jobs.files.discard(book_id)
        headers = {"Cache-Control": "no-store", "X-Request-ID": caller.call.request_id}
        if isinstance(found, Answered):
            return Response(found.text, found.status, headers=headers, media_type="application/json")
        return self._file(found, answer, headers)

    def _computed(
        self, asked: "BookJob", caller: Caller, spooled: Spooled, abandoned: Abandoned
    ) -> "Answered | AnsweredBook":
        """Score a book, or make it a job where it is too large to be waited for; neither where nobody waits any more.

        The upload goes unless it was submitted with a job: from then on it is the job's.
        """
        submitting = False
        try:
            desk = self._desk()
            opened = desk.open(asked, spooled.path)
            rows = opened.table.rows
            file = None if rows <= desk.limits.now_rows else self._sealed(asked)
            if abandoned():
                raise LedgerUnavailableError(_NOBODY)
            with self._api.access.budget.taken(caller, rows):
                submitting = file is not None
                answered: Answered | AnsweredBook = (
                    desk.answer(opened, caller, abandoned=abandoned)
                    if file is None
                    else self._submitted(asked, caller, file)
                )
            self._api.access.watch.scored(caller, rows)
            return answered
        finally:
            if not submitting:
                self._jobs.files.discard(asked.book_id)

    def _sealed(self, asked: "BookJob") -> JobFile:
        media, name = asked.kind.media_type, f"book.{asked.kind.value}"
        return self._jobs.files.seal(asked.book_id, Side.INPUT, name, media)

    def _submitted(self, asked: "BookJob", caller: Caller, file: JobFile) -> Answered:
        from serving.credit.books.desk import KIND  # noqa: PLC0415 - reads spreadsheets: see above

        return self._jobs.desk.submit(KIND, asked, caller, job_id=asked.book_id, files=(file,))

    def _file(self, found: "AnsweredBook", answer: TableKind, headers: Mapping[str, str]) -> FileResponse:
        summary, path = found.summary, found.path
        told = {
            "X-Decision-ID": summary.decision_id,
            "X-Book-ID": summary.book_id,
            "X-Rows": f"{summary.rows}; answered={summary.rows_answered}; failed={summary.rows_failed}",
        }
        return FileResponse(
            path,
            headers={**headers, **told, "Vary": "Accept, Accept-Language"},
            media_type=answer.media_type,
            filename=None if answer is TableKind.JSON else path.name,
            background=BackgroundTask(_remove, path),
        )


def _remove(path: Path) -> None:
    """Remove an answer that was sent: the rows it was made of are kept."""
    path.unlink(missing_ok=True)


def books_handlers(books: BooksApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {SCORES: books.scores, TEMPLATE: books.template}
