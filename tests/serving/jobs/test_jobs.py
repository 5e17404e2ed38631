"""Jobs run once, survive a restart, say where they stand, and belong to the key that submitted them."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from serving.access.caller import Call, Caller
from serving.access.roles import Role
from serving.errors import FieldProblem, InvalidRequestError
from serving.jobs.desk import JobDesk
from serving.jobs.errors import JobQueueFullError, JobStoppedError, NoJobFileError, UnknownJobError
from serving.jobs.files import JobFiles
from serving.jobs.kinds import JobKind, Outcome, Progress, RunJob
from serving.jobs.schemas import JobList
from serving.jobs.store import Job, JobLimits, JobState, JobStore, NewJob
from serving.jobs.worker import JobWorker
from serving.ledger.chain import Json, Ledger
from serving.ledger.errors import UnknownAnswerError
from serving.ledger.kept_answers import KeptAnswer, KeptAnswers
from serving.listing import Page, Span
from tests.serving.databases import OPEN, Place

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SILENCE = 30.0


class House:
    """One process: its own connection to the database, its own clock."""

    def __init__(self, place: Place, *, waiting: int = 3) -> None:
        self.now = START
        self.set_forward = 0.0
        self.database = place.database()
        self.database.open()
        self.ledger = Ledger(self.database)
        self.kept = KeptAnswers(self.database)
        self.files = JobFiles(self.database, place.path.with_name("jobs"))
        self.jobs = JobStore(
            self.database,
            self.ledger,
            JobLimits(waiting, SILENCE),
            files=self.files,
            clock=lambda: self.now,
            steady=lambda: self.ticks,
        )

    @property
    def ticks(self) -> float:
        """Return the seconds of a clock that is never set."""
        return (self.now - START).total_seconds() - self.set_forward

    def passes(self, seconds: float) -> None:
        """Let time pass in which this process looks at the clock, as its worker does."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now = min(end, self.now + timedelta(seconds=SILENCE / 4))
            self.jobs.look()

    def submit(self, asker: Caller | None = None, *, kind: str = "double", request: str = "21") -> str:
        job_id = uuid.uuid4().hex
        self.jobs.submit(NewJob(job_id, kind, asker or planner(), request), record_of(job_id))
        return job_id

    def state(self, job_id: str) -> JobState:
        return self.jobs.get(job_id, planner("*")).state

    def worker(self, name: str = "one", **runs: RunJob) -> JobWorker:
        return JobWorker(self.jobs, self.ledger, kinds_of(**{"double": self.double, **runs}), name=name)

    def double(self, job: Job, progress: Progress) -> Outcome:
        progress(0.5)
        body = str(2 * int(job.request))
        return self.outcome(job, body)

    def outcome(self, job: Job, body: str) -> Outcome:
        answer = KeptAnswer(f"of-{job.job_id}", "double", "all", ("ORG-07",), "k", self.now, body)
        return Outcome(answer.answer_id, record_of(f"end-{job.job_id}"), lambda c: self.kept.keep(c, answer))


def kinds_of(**runs: RunJob) -> Mapping[str, JobKind]:
    return {
        name: JobKind(run, "/v1/doubles/{answer_id}", roles=frozenset({Role.PLANNER}))
        for name, run in runs.items()
    }


def record_of(decision_id: str) -> Mapping[str, Json]:
    return {"decision_id": decision_id, "recorded_at": START.isoformat()}


def planner(*companies: str, key: str = "key-1", role: str = "planner") -> Caller:
    return Caller(Call("request-1", key, (role,)), "王计划", companies or ("ORG-07",))


@pytest.fixture
def house(place: Place) -> Iterator[House]:
    found = House(place)
    yield found
    found.database.close()


def test_job_is_run_and_its_answer_kept_with_its_record(house: House) -> None:
    job_id = house.submit()
    assert house.state(job_id) is JobState.QUEUED
    assert house.worker().run_next() is True
    job = house.jobs.get(job_id, planner())
    assert (job.state, job.progress, job.answer_id) == (JobState.DONE, 1.0, f"of-{job_id}")
    assert house.kept.get(f"of-{job_id}", "double", planner()).body == "42"
    assert house.ledger.get(f"end-{job_id}").seq == 2
    assert house.ledger.verify().broken is None
    assert house.worker().run_next() is False


def test_jobs_run_in_the_order_of_submission(house: House) -> None:
    first, second = house.submit(), house.submit()
    waits = house.jobs.get(second, planner())
    assert house.jobs.position(waits) == 1
    house.worker().run_next()
    assert (house.state(first), house.state(second)) == (JobState.DONE, JobState.QUEUED)


def test_failure_leaves_its_problem_in_both_languages_and_the_worker_goes_on(house: House) -> None:
    def refuse(_job: Job, _progress: Progress) -> Outcome:
        raise InvalidRequestError([FieldProblem("weeks", "too_many", "超过上限", "are too many")])

    refused, after = house.submit(kind="refuse"), house.submit()
    worker = house.worker(refuse=refuse)
    assert worker.run_next()
    assert worker.run_next()
    job = house.jobs.get(refused, planner())
    assert job.state is JobState.FAILED
    assert job.answer_id is None
    assert job.problem is not None
    assert job.problem["en"]["errors"] == [{"field": "weeks", "rule": "too_many", "message": "are too many"}]
    assert (job.problem["zh"]["status"], job.problem["zh"]["title"]) == (422, "请求不符合要求")
    assert house.state(after) is JobState.DONE


def test_unexpected_failure_tells_nothing_of_its_inside(house: House) -> None:
    def burst(_job: Job, _progress: Progress) -> Outcome:
        raise ZeroDivisionError("secret of the programmer")

    job_id = house.submit(kind="burst")
    house.worker(burst=burst).run_next()
    problem = house.jobs.get(job_id, planner()).problem
    assert problem is not None
    assert problem["en"]["type"] == "urn:zhiheng:problem:unexpected"
    assert "secret" not in str(problem)


def test_full_queue_takes_nothing_and_records_nothing(house: House) -> None:
    for _ in range(3):
        house.submit()
    with pytest.raises(JobQueueFullError, match="3 jobs"):
        house.submit()
    assert house.ledger.probe()[0] == 3
    house.worker().run_next()
    house.submit()


def test_two_processes_never_run_the_same_job(place: Place) -> None:
    houses = [House(place, waiting=100) for _ in range(2)]
    ids = {houses[0].submit() for _ in range(12)}
    ran: list[str] = []

    def run(house: House, name: str) -> None:
        def note(job: Job, progress: Progress) -> Outcome:
            ran.append(job.job_id)
            return house.double(job, progress)

        worker = house.worker(name, double=note)
        while house.jobs.waiting(["double"]):
            worker.run_next()

    threads = [threading.Thread(target=run, args=(house, f"w{n}")) for n, house in enumerate(houses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == sorted(ids)
    assert {houses[1].state(job_id) for job_id in ids} == {JobState.DONE}
    assert houses[0].ledger.verify().broken is None
    for house in houses:
        house.database.close()


def test_waiting_jobs_survive_a_restart(place: Place) -> None:
    before = House(place)
    job_id = before.submit()
    before.database.close()
    after = House(place)
    after.worker("two").run_next()
    assert after.state(job_id) is JobState.DONE
    after.database.close()


def test_job_of_a_dead_process_is_interrupted_and_can_be_submitted_again(place: Place) -> None:
    before, after = House(place), House(place)
    job_id = before.submit()
    claimed = before.jobs.claim("dead", ["double"])
    assert claimed is not None
    after.passes(SILENCE)
    assert after.state(job_id) is JobState.RUNNING
    after.passes(1)
    assert after.state(job_id) is JobState.INTERRUPTED
    assert after.worker().run_next() is False, "nobody runs it again unasked"
    again = after.submit()
    assert after.worker().run_next()
    assert after.state(again) is JobState.DONE
    # The process was not dead after all: what it brings now is dropped, the record too.
    with pytest.raises(JobStoppedError), before.database.writing() as connection:
        before.jobs.done(connection, job_id, "dead", "late")
    assert not before.jobs.heard(job_id, "dead")
    assert after.state(job_id) is JobState.INTERRUPTED
    for house in (before, after):
        house.database.close()


VICTIM = (
    OPEN
    + """
from datetime import UTC, datetime
from serving.jobs.files import JobFiles
from serving.jobs.store import JobLimits, JobStore
files = JobFiles(database, place.with_name("jobs"))
store = JobStore(database, ledger, JobLimits(3, 30.0), files=files, clock=lambda: datetime.now(UTC))
print(store.claim("victim", ["double"]).job_id, flush=True)
time.sleep(600)
"""
)


def test_killed_process_leaves_a_job_that_is_interrupted_and_a_database_that_works(
    place: Place, house: House
) -> None:
    job_id = house.submit()
    command = [sys.executable, "-c", VICTIM]
    with subprocess.Popen(command, env=place.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == job_id
        assert house.worker().run_next() is False, "another process has it"
        process.kill()
    house.now = datetime.now(UTC)  # the victim's clock is the machine's
    house.jobs.look()
    house.passes(SILENCE + 1)
    assert house.state(job_id) is JobState.INTERRUPTED
    again = house.submit()
    assert house.worker().run_next() is True
    assert house.state(again) is JobState.DONE
    assert house.ledger.verify().broken is None


def test_living_worker_keeps_its_job(house: House) -> None:
    job_id = house.submit()
    house.jobs.claim("one", ["double"])
    house.now = START + timedelta(seconds=SILENCE)
    assert house.jobs.heard(job_id, "one", 0.3)
    house.now = START + timedelta(seconds=2 * SILENCE)
    job = house.jobs.get(job_id, planner())
    assert (job.state, job.progress) == (JobState.RUNNING, 0.3)


@pytest.mark.parametrize("clock_set", [True, False], ids=["clock-set-forward", "process-away"])
def test_who_was_away_or_whose_clock_was_set_waits_before_others_count_as_dead(
    house: House, *, clock_set: bool
) -> None:
    healthy, gap = house.submit(), timedelta(hours=1)
    house.jobs.claim("one", ["double"])
    house.now += gap
    house.set_forward = gap.total_seconds() if clock_set else 0.0
    assert house.state(healthy) is JobState.RUNNING
    assert house.jobs.heard(healthy, "one"), "it beats again, and by the new time"
    house.passes(SILENCE)
    assert house.state(healthy) is JobState.RUNNING
    house.passes(1)
    assert house.state(healthy) is JobState.INTERRUPTED, "it said nothing since"


def test_beat_outlives_any_error(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fails, again = iter([ZeroDivisionError("of a driver"), None]), threading.Event()

    def look() -> bool:
        error = next(fails, None)
        if error is not None:
            raise error
        again.set()
        return True

    monkeypatch.setattr(house.jobs, "look", look)
    monkeypatch.setattr(house.jobs, "limits", JobLimits(3, 0.04))
    worker = house.worker()
    worker.start()
    assert again.wait(20)
    worker.stop()


def test_stopped_worker_leaves_its_job_interrupted(house: House) -> None:
    started, release = threading.Event(), threading.Event()

    def wait(job: Job, _progress: Progress) -> Outcome:
        started.set()
        release.wait(20)
        return house.outcome(job, "too late")

    job_id = house.submit(kind="wait")
    worker = house.worker(wait=wait)
    worker.start()
    worker.wake()
    assert started.wait(20)
    threading.Timer(0.05, release.set).start()
    worker.stop()
    assert house.state(job_id) is JobState.INTERRUPTED
    with pytest.raises(UnknownAnswerError):
        house.kept.get(f"of-{job_id}", "double", planner("*"))


def test_cancelled_jobs_end_without_an_answer(house: House) -> None:
    waits = house.submit()
    assert house.jobs.cancel(waits, planner(), record_of("c1")).state is JobState.CANCELLED
    assert house.worker().run_next() is False

    def cancelled(job: Job, progress: Progress) -> Outcome:
        house.jobs.cancel(job.job_id, planner(), record_of("c2"))
        progress(0.7)
        return house.double(job, progress)

    runs = house.submit(kind="cancelled")
    house.worker(cancelled=cancelled).run_next()
    job = house.jobs.get(runs, planner())
    assert (job.state, job.problem) == (JobState.CANCELLED, None)

    def cancelled_late(job: Job, _progress: Progress) -> Outcome:
        outcome = house.outcome(job, "84")
        house.jobs.cancel(job.job_id, planner(), record_of("c3"))
        return outcome

    late = house.submit(kind="late")
    house.worker(late=cancelled_late).run_next()
    assert house.state(late) is JobState.CANCELLED
    with pytest.raises(UnknownAnswerError):
        house.kept.get(f"of-{late}", "double", planner("*"))


def test_ended_job_cannot_be_cancelled(house: House) -> None:
    job_id = house.submit()
    house.worker().run_next()
    assert house.jobs.cancel(job_id, planner(), record_of("c1")).state is JobState.DONE


def test_job_belongs_to_its_key_and_to_readers_of_the_whole_group(house: House) -> None:
    job_id = house.submit(planner(key="key-1"))
    assert house.jobs.get(job_id, planner("*", key="key-9")).job_id == job_id
    for other in (planner(key="key-2"), planner("ORG-08", key="key-3")):
        with pytest.raises(UnknownJobError):
            house.jobs.get(job_id, other)
        with pytest.raises(UnknownJobError):
            house.jobs.cancel(job_id, other, record_of("c1"))
    assert house.state(job_id) is JobState.QUEUED


@pytest.mark.parametrize(
    ("today", "seen"),
    [
        (planner("ORG-07", "ORG-08"), True),
        (planner("ORG-08", "ORG-07", "ORG-09"), True),
        (planner("*"), True),
        (planner("ORG-07"), False),
        (planner("ORG-07", "ORG-08", role="risk_officer"), False),
        (planner("*", role="risk_officer"), False),
    ],
    ids=[
        "as then",
        "more companies",
        "the group",
        "a company lost",
        "the role lost",
        "the group by another role",
    ],
)
def test_own_job_is_held_against_the_companies_and_roles_of_today(
    house: House, today: Caller, *, seen: bool
) -> None:
    job_id = house.submit(planner("ORG-07", "ORG-08"))
    house.worker().run_next()
    desk = JobDesk(
        house.jobs,
        kinds_of(double=house.double),
        wake=lambda: None,
        clock=lambda: START,
        new_id=lambda: "new",
    )
    listed = desk.list(today, "en", Page(Span(), before=None, limit=10)).body
    assert isinstance(listed, JobList)
    assert [job.job_id for job in listed.jobs] == ([job_id] if seen else [])
    if seen:
        assert desk.status(job_id, today, "en").body.job_id == job_id  # type: ignore[attr-defined]
        with pytest.raises(NoJobFileError):  # the answer of this kind is no file
            desk.fetch(job_id, today)
        desk.cancel(job_id, today, "en")
        return
    before = house.ledger.probe()
    for refused in (desk.status, desk.cancel):
        with pytest.raises(UnknownJobError):
            refused(job_id, today, "en")
    with pytest.raises(UnknownJobError):
        desk.fetch(job_id, today)
    assert house.ledger.probe() == before


def test_kept_answer_goes_to_keys_for_all_of_its_companies(house: House) -> None:
    def keep(answer_id: str, *companies: str) -> None:
        answer = KeptAnswer(answer_id, "plan", "scope", companies, "k", START, answer_id)
        with house.database.writing() as connection:
            house.kept.keep(connection, answer)

    keep("one", "ORG-07")
    keep("two", "ORG-07", "ORG-08")
    keep("group", "*")
    assert house.kept.get("one", "plan", planner()).body == "one"
    assert house.kept.get("two", "plan", planner("ORG-08", "ORG-07")).body == "two"
    for refused, asker in (
        ("two", planner()),
        ("group", planner("ORG-07", "ORG-08")),
        ("none", planner("*")),
    ):
        with pytest.raises(UnknownAnswerError):
            house.kept.get(refused, "plan", asker)
    with pytest.raises(UnknownAnswerError):
        house.kept.get("one", "scenario", planner())
    newest = house.kept.newest("scope")
    assert newest is not None
    assert newest.answer_id == "group"
    assert house.kept.newest("other") is None


def test_failed_write_of_the_record_keeps_no_answer(house: House) -> None:
    def twice(job: Job, _progress: Progress) -> Outcome:
        def keep(connection: Connection) -> None:
            house.outcome(job, "x").keep(connection)
            raise OSError(28, "No space left on device")

        return Outcome("a", record_of("r1"), keep)

    job_id = house.submit(kind="twice")
    house.worker(twice=twice).run_next()
    job = house.jobs.get(job_id, planner())
    assert job.state is JobState.FAILED
    assert job.problem is not None
    assert job.problem["en"]["type"] == "urn:zhiheng:problem:ledger-unavailable"
    assert house.ledger.probe()[0] == 1
