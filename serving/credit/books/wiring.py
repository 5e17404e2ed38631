"""Put those who score books together; what reads spreadsheets is imported when the first book comes."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from serving.access.roles import Role
from serving.clock import utc_now
from serving.credit.books.api import BooksApi
from serving.http.api import Api
from serving.jobs.kinds import RESULT, JobKind, Outcome, Progress
from serving.jobs.store import Job
from serving.jobs.wiring import Jobs
from serving.random_bytes import new_id
from serving.uploads.limits import TableLimits

if TYPE_CHECKING:
    from serving.credit.books.desk import BookDesk

__all__ = ["make_books"]


def make_books(api: Api, jobs: Jobs) -> BooksApi:
    """Return the handlers of books, and register their jobs."""
    desk = _desk_when_needed(api, jobs)

    def run(job: Job, progress: Progress) -> Outcome:
        return desk().run_job(job, progress)

    roles = frozenset({Role.RISK_OFFICER})
    jobs.kinds.register("credit/scores", JobKind(run, RESULT, roles))
    return BooksApi(api, jobs, desk)


def _desk_when_needed(api: Api, jobs: Jobs) -> "Callable[[], BookDesk]":
    settings = api.settings

    @cache
    def desk() -> "BookDesk":
        from serving.credit.books.desk import BookDesk, BookLimits  # noqa: PLC0415 - see the module's docstring

        return BookDesk(
            api.parts.answerer,
            api.parts.ledger,
            jobs.files,
            settings.books,
            limits=BookLimits(
                now_rows=settings.book_now_rows,
                table=TableLimits(rows=settings.book_rows),
                chunk_rows=settings.book_chunk_rows,
                num_threads=settings.book_threads,
            ),
            outside=lambda caller, party: api.access.watch.refused(caller, party, outside=True),
            clock=utc_now,
            new_id=new_id,
        )

    return desk
