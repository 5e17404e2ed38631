"""Jobs that take longer than a request may: kept in the service's database, run once, by one worker of any process."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Connection, Row, Select, Update, func, insert, select, update

from serving.access.caller import Call, Caller
from serving.jobs.errors import JobQueueFullError, JobStoppedError, UnknownJobError
from serving.jobs.files import JobFile, JobFiles
from serving.jobs.lookout import Lookout
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.tables import jobs
from serving.listing import Page
from serving.moments import moment_of, moment_text

__all__ = ["Job", "JobLimits", "JobState", "JobStore", "NewJob"]


class JobState(StrEnum):
    """Where a job stands; the last four are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


_OPEN: Final = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True)
class JobLimits:
    """How many jobs may wait or run at a time, how long a worker may be silent, and how long files of no job are kept."""

    waiting: int
    silence_seconds: float
    orphan_days: float = 1.0


@dataclass(frozen=True)
class NewJob:
    """What is asked for, and by whom; `request` is JSON that the job's kind can read, `files` are sealed inputs."""

    job_id: str
    kind: str
    planner: Caller
    request: str
    files: tuple[JobFile, ...] = ()


@dataclass(frozen=True)
class Job:
    """A job as it stands; `problem` holds the problem+json of a failure by language."""

    job_id: str
    decision_id: str
    kind: str
    planner: Caller
    request: str
    state: JobState
    progress: float
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    answer_id: str | None
    problem: Mapping[str, Mapping[str, Json]] | None


class JobStore:
    """Submit, claim and end jobs; every change holds under several threads and processes."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        limits: JobLimits,
        *,
        files: JobFiles,
        clock: Callable[[], datetime],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take `steady`, which counts seconds and is never set."""
        self._database, self._ledger, self.limits = database, ledger, limits
        self.files, self._clock = files, clock
        self._lookout = Lookout(limits.silence_seconds, clock=clock, steady=steady)

    def submit(self, new: NewJob, record: Mapping[str, Json]) -> None:
        """Queue a job; it is durable, and its submission in the chain, when this returns. Raises JobQueueFullError."""

        def insert_job(connection: Connection) -> None:
            count = connection.execute(_COUNT_OPEN).scalar_one()
            if count >= self.limits.waiting:
                raise JobQueueFullError(self.limits.waiting)
            connection.execute(insert(jobs).values(self._values(connection, new, record) | placed))
            self.files.keep(connection, new.job_id, new.files)

        placed = {"place": self.files.place() if new.files else None}
        self.sweep()
        self._ledger.append([record], beside=insert_job)

    def claim(self, worker: str, kinds: Collection[str]) -> Job | None:
        """Take the job of these kinds that has waited longest, None where none waits.

        No other worker can take the same one; a job with files is taken where its files are.
        """
        oldest = self._oldest(kinds)
        with self._database.writing() as connection:
            row = connection.execute(oldest).first()
            if row is None:
                return None
            taken = (
                update(jobs)
                .where(jobs.c.job_id == row.job_id, jobs.c.state == JobState.QUEUED)
                .values(state=JobState.RUNNING, worker=worker, started_at=self._now(), alive_at=self._now())
            )
            if connection.execute(taken).rowcount != 1:
                return None
            return _job(connection.execute(select(jobs).where(jobs.c.job_id == row.job_id)).one())

    def waiting(self, kinds: Collection[str]) -> bool:
        """Tell whether a job of these kinds waits, without taking the write lock."""
        oldest = self._oldest(kinds)
        with self._database.reading() as connection:
            return connection.execute(oldest).first() is not None

    def heard(self, job_id: str, worker: str, progress: float | None = None) -> bool:
        """Note that the worker lives, and how far it is; False where the job is no longer its own or shall stop."""
        values: dict[str, object] = {"alive_at": self._now()}
        if progress is not None:
            values["progress"] = progress
        with self._database.writing() as connection:
            mine = _running(job_id, worker).where(jobs.c.cancelled_at.is_(None))
            return connection.execute(mine.values(values)).rowcount == 1

    def done(self, connection: Connection, job_id: str, worker: str, answer_id: str) -> None:
        """End a job well inside a transaction. Raises JobStoppedError where it was cancelled or given up meanwhile."""
        values = {"state": JobState.DONE, "progress": 1.0, "answer_id": answer_id, "ended_at": self._now()}
        ended = _running(job_id, worker).where(jobs.c.cancelled_at.is_(None)).values(values)
        if connection.execute(ended).rowcount != 1:
            raise JobStoppedError(job_id)

    def failed(self, job_id: str, worker: str, problem: Mapping[str, Mapping[str, Json]]) -> None:
        """End a job with the problem that stopped it; one that was asked to stop ends as cancelled."""
        text = json.dumps(problem, ensure_ascii=False)
        with self._database.writing() as connection:
            connection.execute(
                _running(job_id, worker)
                .where(jobs.c.cancelled_at.is_(None))
                .values(state=JobState.FAILED, problem=text, ended_at=self._now())
            )
            connection.execute(
                _running(job_id, worker).values(state=JobState.CANCELLED, ended_at=self._now())
            )

    def release(self, worker: str) -> None:
        """Mark what a worker that ends still runs as interrupted."""
        with self._database.writing() as connection:
            connection.execute(
                update(jobs)
                .where(jobs.c.worker == worker, jobs.c.state == JobState.RUNNING)
                .values(state=JobState.INTERRUPTED, ended_at=self._now())
            )

    def look(self) -> bool:
        """Look at the clocks, more often than every half of the silence allowed; tell whether workers may be judged by it."""
        return self._lookout.may_judge()

    def sweep(self) -> int:
        """Mark the jobs of workers that fell silent (a crash, a power cut) as interrupted; return how many.

        None is where this process was away itself, or the clock was set: see Lookout.
        """
        if not self.look():
            return 0
        silence = timedelta(seconds=self.limits.silence_seconds)
        silent = jobs.c.alive_at < moment_text(self._clock() - silence)
        gone = (jobs.c.state == JobState.RUNNING) & silent
        with self._database.reading() as connection:
            if connection.execute(select(jobs.c.job_id).where(gone).limit(1)).first() is None:
                return 0
        ended = update(jobs).where(gone).values(state=JobState.INTERRUPTED, ended_at=self._now())
        with self._database.writing() as connection:
            return connection.execute(ended).rowcount

    def expire(self) -> int:
        """Remove old files that belong to no job; return of how many. Those of jobs go with the ledger's pruning."""
        return self.files.expire(self._clock() - timedelta(days=self.limits.orphan_days))

    def cancel(self, job_id: str, planner: Caller, record: Mapping[str, Json]) -> Job:
        """Stop a job: one that waits ends now, one that runs at its next step, one that has ended stays as it is.

        Raises UnknownJobError.
        """
        self.get(job_id, planner)

        def stop(connection: Connection) -> None:
            waits = update(jobs).where(jobs.c.job_id == job_id, jobs.c.state == JobState.QUEUED)
            at = self._now()
            connection.execute(waits.values(state=JobState.CANCELLED, cancelled_at=at, ended_at=at))
            runs = update(jobs).where(jobs.c.job_id == job_id, jobs.c.state == JobState.RUNNING)
            connection.execute(runs.where(jobs.c.cancelled_at.is_(None)).values(cancelled_at=at))

        self._ledger.append([record], beside=stop)
        return self.get(job_id, planner)

    def get(self, job_id: str, planner: Caller) -> Job:
        """Return a job of the caller's, any job to a key for the whole group. Raises UnknownJobError.

        A person's companies change with the single sign-on: a job of companies that are lost is another's.
        """
        self.sweep()
        wanted = select(jobs).where(jobs.c.job_id == job_id)
        if not planner.sees_all:
            wanted = wanted.where(jobs.c.key_id == planner.call.key_id)
        with self._database.reading() as connection:
            row = connection.execute(wanted).first()
        if row is None or not planner.covers(json.loads(row.companies)):
            raise UnknownJobError(job_id)
        return _job(row)

    def page(self, planner: Caller, kinds: Collection[str], page: Page) -> tuple[list[Job], int | None]:
        """Return the caller's jobs of `kinds`, newest first, for a group-wide key those that others submitted, too.

        With them comes what continues the list, None at its end.
        """
        self.sweep()
        wanted = select(jobs).where(jobs.c.kind.in_(kinds), *page.span.conditions(jobs.c.submitted_at))
        if page.before is not None:
            wanted = wanted.where(jobs.c.seq < page.before)
        limit = page.limit
        with self._database.reading() as connection:
            if not planner.sees_all:
                wanted = wanted.where(*_own(connection, planner))
            rows = connection.execute(wanted.order_by(jobs.c.seq.desc()).limit(limit + 1)).all()
        return [_job(row) for row in rows[:limit]], rows[limit - 1].seq if len(rows) > limit else None

    def open_jobs(self) -> int:
        """Return how many jobs wait or run."""
        with self._database.reading() as connection:
            return int(connection.execute(_COUNT_OPEN).scalar_one())

    def position(self, job: Job) -> int | None:
        """Return how many jobs are before a waiting one, None for one that does not wait."""
        if job.state is not JobState.QUEUED:
            return None
        seq = select(jobs.c.seq).where(jobs.c.job_id == job.job_id).scalar_subquery()
        before = select(func.count()).where(jobs.c.state.in_(_OPEN), jobs.c.seq < seq)
        with self._database.reading() as connection:
            return int(connection.execute(before).scalar_one())

    def _now(self) -> str:
        return moment_text(self._clock())

    def _oldest(self, kinds: Collection[str]) -> Select[tuple[str]]:
        here = jobs.c.place.is_(None) | (jobs.c.place == self.files.place())
        waiting = select(jobs.c.job_id).where(jobs.c.state == JobState.QUEUED, jobs.c.kind.in_(kinds), here)
        return waiting.order_by(jobs.c.seq).limit(1)

    def _values(self, connection: Connection, new: NewJob, record: Mapping[str, Json]) -> dict[str, object]:
        newest = connection.execute(select(func.max(jobs.c.seq))).scalar_one()
        return {
            "job_id": new.job_id,
            "seq": int(newest or 0) + 1,
            "decision_id": record["decision_id"],
            "kind": new.kind,
            "key_id": new.planner.call.key_id,
            "key_name": new.planner.name,
            "roles": json.dumps(list(new.planner.call.roles)),
            "companies": json.dumps(list(new.planner.companies)),
            "request_id": new.planner.call.request_id,
            "trace_id": new.planner.call.trace_id,
            "request": new.request,
            "state": JobState.QUEUED,
            "progress": 0.0,
            "submitted_at": self._now(),
        }


_COUNT_OPEN: Final = select(func.count()).where(jobs.c.state.in_(_OPEN))


def _own(connection: Connection, planner: Caller) -> list[ColumnElement[bool]]:
    """Return as conditions what `get` asks of a caller's jobs: their sets of companies are few."""
    mine = jobs.c.key_id == planner.call.key_id
    scopes = connection.execute(select(jobs.c.companies).where(mine).distinct()).scalars()
    return [mine, jobs.c.companies.in_([one for one in scopes if planner.covers(json.loads(one))])]


def _running(job_id: str, worker: str) -> Update:
    return update(jobs).where(
        jobs.c.job_id == job_id, jobs.c.worker == worker, jobs.c.state == JobState.RUNNING
    )


def _job(row: Row[tuple[object, ...]]) -> Job:
    call = Call(row.request_id, row.key_id, tuple(json.loads(row.roles)), row.trace_id)
    return Job(
        job_id=row.job_id,
        decision_id=row.decision_id,
        kind=row.kind,
        planner=Caller(call, row.key_name, tuple(json.loads(row.companies))),
        request=row.request,
        state=JobState(row.state),
        progress=row.progress,
        submitted_at=datetime.fromisoformat(row.submitted_at),
        started_at=moment_of(row.started_at),
        ended_at=moment_of(row.ended_at),
        answer_id=row.answer_id,
        problem=None if row.problem is None else json.loads(row.problem),
    )
