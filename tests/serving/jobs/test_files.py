"""Files of jobs are given as they were written or not at all, stay as long as they are promised, and no longer."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from serving.access.caller import Call, Caller
from serving.access.roles import Role
from serving.jobs.desk import JobDesk
from serving.jobs.errors import (
    JobFileError,
    JobFileGoneError,
    JobNotDoneError,
    JobQueueFullError,
    NoJobFileError,
    UnknownJobError,
)
from serving.jobs.files import JobFile, JobFiles, Side
from serving.jobs.kinds import RESULT, JobKind, JobKinds, Outcome, Progress
from serving.jobs.store import Job, JobLimits, JobState, JobStore
from serving.jobs.worker import JobWorker
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.writing import Beside
from serving.listing import Page, Span
from tests.serving.databases import Place

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
KIND = "test/upper"
PLAIN = "text/plain"


class Question(BaseModel):
    """What such a job is asked."""

    times: int = 1


class Desk:
    """A process that writes what it is sent in capital letters, so many times."""

    def __init__(self, place: Place, *, jobs: str = "jobs", waiting: int = 3) -> None:
        self.now = START
        self.ids = 0
        self.database = place.database()
        self.ledger = Ledger(self.database)
        self.files = JobFiles(self.database, place.path.with_name(jobs))
        limits = JobLimits(waiting, 30.0)
        self.store = JobStore(self.database, self.ledger, limits, files=self.files, clock=lambda: self.now)
        self.kinds = JobKinds()
        self.kinds.register(
            KIND,
            JobKind(
                self.upper,
                RESULT,
                roles=frozenset({Role.RISK_OFFICER}),
                readers=frozenset({Role.AUDITOR}),
            ),
        )
        self.desk = JobDesk(
            self.store, self.kinds, wake=lambda: None, clock=lambda: self.now, new_id=self.new_id
        )
        self.worker = JobWorker(self.store, self.ledger, self.kinds, name=f"worker-of-{jobs}")

    def new_id(self) -> str:
        self.ids += 1
        return f"{id(self):012x}{self.ids:012x}"

    def upper(self, job: Job, progress: Progress) -> Outcome:
        (sent,) = self.files.of(job.job_id, Side.INPUT)
        text = self.files.checked(job.job_id, sent).read_text().upper()
        made = []
        for number in range(Question.model_validate_json(job.request).times):
            name = f"upper-{number}.txt"
            self.files.new(job.job_id, Side.OUTPUT, name).write_text(text)
            made.append(self.files.seal(job.job_id, Side.OUTPUT, name, PLAIN))
            progress(number / 10)
        said: Json = [file.said() for file in made]
        record: dict[str, Json] = {
            "decision_id": f"end-{job.job_id}",
            "recorded_at": START.isoformat(),
            "answer": {"files": said},
        }
        return Outcome(job.job_id, record, lambda _connection: None, tuple(made))

    def submit(self, text: str = "many rows", *, asker: Caller | None = None, times: int = 1) -> str:
        job_id = self.new_id()
        self.files.new(job_id, Side.INPUT, "sent.txt").write_text(text)
        sent = self.files.seal(job_id, Side.INPUT, "sent.txt", PLAIN)
        self.desk.submit(KIND, Question(times=times), asker or officer(), job_id=job_id, files=(sent,))
        return job_id

    def done(self, *, times: int = 1) -> str:
        job_id = self.submit(times=times)
        assert self.worker.run_next()
        assert self.store.get(job_id, officer()).state is JobState.DONE
        return job_id


def officer(*companies: str, key: str = "key-1", role: Role = Role.RISK_OFFICER) -> Caller:
    return Caller(Call("request-1", key, (role.value,)), "张风控", companies or ("ORG-07",))


@pytest.fixture
def desk(place: Place) -> Iterator[Desk]:
    found = Desk(place)
    yield found
    found.database.close()


def test_file_goes_in_and_another_comes_out_and_the_chain_knows_both(desk: Desk) -> None:
    job_id = desk.done()
    fetched = desk.desk.fetch(job_id, officer())
    assert fetched.path.read_text() == "MANY ROWS"
    digest = hashlib.sha256(b"MANY ROWS").hexdigest()
    assert fetched.file == JobFile(Side.OUTPUT, "upper-0.txt", PLAIN, 9, digest)
    told = desk.desk.status(job_id, officer(), "zh").text
    assert f'"answer":"/v1/jobs/{job_id}/result"' in told
    assert digest in told
    submitted = desk.ledger.get(desk.store.get(job_id, officer()).decision_id).record["answer"]
    assert isinstance(submitted, dict)
    assert submitted["files"] == [
        {
            "name": "sent.txt",
            "media_type": PLAIN,
            "bytes": 9,
            "sha256": hashlib.sha256(b"many rows").hexdigest(),
        }
    ]
    assert desk.ledger.get(f"end-{job_id}").record["answer"] == {"files": [fetched.file.said()]}
    assert fetched.record["route"] == "jobs/fetch"
    assert fetched.record["answer"] == {"kind": KIND, "file": fetched.file.said()}
    assert desk.ledger.verify().broken is None


def test_several_files_are_fetched_by_name(desk: Desk) -> None:
    job_id = desk.done(times=2)
    assert desk.desk.fetch(job_id, officer(), "upper-1.txt").path.name == "upper-1.txt"
    for name in (None, "upper-9.txt", "../input/sent.txt", "sent.txt"):
        with pytest.raises(NoJobFileError):
            desk.desk.fetch(job_id, officer(), name)


def test_job_that_has_not_ended_has_no_result(desk: Desk) -> None:
    job_id = desk.submit()
    with pytest.raises(JobNotDoneError, match="queued"):
        desk.desk.fetch(job_id, officer())
    desk.desk.cancel(job_id, officer(), "en")
    with pytest.raises(JobNotDoneError, match="cancelled"):
        desk.desk.fetch(job_id, officer())


def test_result_is_for_the_key_and_for_group_wide_keys_with_a_role_of_the_kind(desk: Desk) -> None:
    job_id = desk.done()
    for reader in (
        officer("*", key="key-2"),
        officer("*", key="key-3", role=Role.AUDITOR),
    ):
        assert desk.desk.fetch(job_id, reader).file.bytes == 9
    for other in (
        officer(key="key-4"),
        officer("ORG-07", "ORG-08", key="key-5"),
        officer("*", key="key-6", role=Role.PLANNER),
    ):
        with pytest.raises(UnknownJobError):
            desk.desk.fetch(job_id, other)
        with pytest.raises(UnknownJobError):
            desk.desk.status(job_id, other, "en")
        with pytest.raises(UnknownJobError):
            desk.desk.cancel(job_id, other, "en")
    with pytest.raises(UnknownJobError):
        desk.desk.cancel(job_id, officer("*", key="key-3", role=Role.AUDITOR), "en")


def listed(desk: Desk, asker: Caller, limit: int = 10) -> list[str]:
    body = desk.desk.list(asker, "en", Page(Span(), None, limit)).body.model_dump()
    return [job["job_id"] for job in body["jobs"]]


def test_list_holds_what_its_reader_may_see_newest_first(desk: Desk) -> None:
    mine = [desk.submit(), desk.submit()]
    theirs = desk.submit(asker=officer(key="key-2"))
    assert listed(desk, officer()) == mine[::-1]
    assert listed(desk, officer(key="key-2")) == [theirs]
    assert listed(desk, officer("*", key="key-3")) == [theirs, *mine[::-1]]
    assert listed(desk, officer("*", key="key-4", role=Role.PLANNER)) == []
    first = desk.desk.list(officer(), "en", Page(Span(), None, 1)).body.model_dump()
    rest = desk.desk.list(officer(), "en", Page(Span(), first["cursor"], 1)).body.model_dump()
    assert [job["job_id"] for job in rest["jobs"]] == mine[:1]
    assert rest["cursor"] is None


def test_changed_file_is_not_given_and_a_changed_input_not_used(desk: Desk) -> None:
    job_id = desk.done()
    path = desk.desk.fetch(job_id, officer()).path
    path.chmod(0o600)
    path.write_text("other row")
    with pytest.raises(JobFileError):
        desk.desk.fetch(job_id, officer())
    path.unlink()
    with pytest.raises(JobFileGoneError):
        desk.desk.fetch(job_id, officer())
    waits = desk.submit()
    sent = desk.files.new(waits, Side.INPUT, "sent.txt")
    sent.chmod(0o600)
    sent.write_text("fewer")
    assert desk.worker.run_next()
    job = desk.store.get(waits, officer())
    assert job.problem is not None
    assert (job.state, job.problem["en"]["type"]) == (JobState.FAILED, "urn:zhiheng:problem:job-file")


def test_job_that_is_not_taken_leaves_no_file(place: Place) -> None:
    desk = Desk(place, waiting=1)
    desk.submit()
    with pytest.raises(JobQueueFullError):
        desk.submit()
    assert len([path for path in desk.files.root.iterdir() if path.is_dir()]) == 1
    desk.database.close()


def test_job_whose_submission_may_be_durable_keeps_its_input(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = desk.ledger.append

    def lost(records: Sequence[Mapping[str, Json]], *, beside: Beside | None = None) -> None:
        append(records, beside=beside)
        raise LedgerUnavailableError("connection lost during the commit")

    monkeypatch.setattr(desk.ledger, "append", lost)
    with pytest.raises(LedgerUnavailableError):
        desk.submit()
    monkeypatch.undo()
    assert desk.worker.run_next()
    (job_id,) = listed(desk, officer())
    assert desk.store.get(job_id, officer()).state is JobState.DONE


def test_job_with_files_is_run_where_its_files_are(place: Place, desk: Desk) -> None:
    elsewhere = Desk(place, jobs="jobs-of-another-host")
    job_id = desk.submit()
    assert elsewhere.worker.run_next() is False
    assert desk.worker.run_next() is True
    with pytest.raises(JobFileGoneError):
        elsewhere.desk.fetch(job_id, officer())
    shared = Desk(place)
    assert shared.desk.fetch(job_id, officer()).path.read_text() == "MANY ROWS"
    for one in (elsewhere, shared):
        one.database.close()


def test_kind_that_a_process_does_not_know_waits_for_one_that_does(place: Place, desk: Desk) -> None:
    job_id = desk.submit()
    older = JobWorker(desk.store, desk.ledger, JobKinds(), name="older")
    assert older.run_next() is False
    assert desk.store.get(job_id, officer()).state is JobState.QUEUED
    assert desk.worker.run_next() is True


def test_files_of_jobs_stay_until_they_are_pruned_and_others_a_day(desk: Desk) -> None:
    old, waits = desk.done(), desk.submit()
    orphan = desk.new_id()
    desk.files.new(orphan, Side.INPUT, "sent.txt").write_text("never submitted")
    long_ago = (START - timedelta(days=1)).timestamp()
    for folder in desk.files.root.iterdir():
        os.utime(folder, (long_ago, long_ago))
    desk.now = START + timedelta(days=1000)
    assert desk.store.expire() == 1
    assert not (desk.files.root / orphan).exists()
    assert desk.desk.fetch(old, officer()).file.bytes == 9
    assert desk.files.ended_before(desk.now) == [old], "what waits keeps its files however long it waits"
    assert desk.files.ended_before(START - timedelta(days=1)) == []
    desk.files.discard(old)
    with pytest.raises(JobFileGoneError):
        desk.desk.fetch(old, officer())
    assert desk.worker.run_next() is True
    assert desk.store.get(waits, officer()).state is JobState.DONE


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 101, "a\x00b", "名"])
def test_names_that_are_no_plain_names_are_refused(desk: Desk, name: str) -> None:
    with pytest.raises(ValueError, match="plain names"):
        desk.files.new("abcdef0123456789", Side.INPUT, name)


@pytest.mark.parametrize("job_id", ["../../etc", "", "ABC", "x" * 32])
def test_ids_that_are_no_ids_are_refused(desk: Desk, job_id: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        desk.files.new(job_id, Side.INPUT, "sent.txt")
    desk.files.discard(job_id)


def test_kind_is_registered_once(desk: Desk) -> None:
    with pytest.raises(ValueError, match="twice"):
        desk.kinds.register(KIND, desk.kinds[KIND])


def test_folder_has_one_id_for_all_processes(database: Database, tmp_path: Path) -> None:
    ids = {JobFiles(database, tmp_path / "jobs").place() for _ in range(3)}
    assert len(ids) == 1
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["place"]
