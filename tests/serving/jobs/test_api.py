"""Jobs over HTTP: listed, looked at, cancelled and fetched by those they belong to, at one address for all families."""

import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from serving.access.caller import Call, Caller
from serving.access.roles import Role
from serving.jobs.files import Side
from serving.jobs.kinds import RESULT, JobKind, Outcome, Progress
from serving.jobs.store import Job, NewJob
from tests.serving.conftest import make_key

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

KIND = "test/table"


def run_table(client: "Client", job: Job, progress: Progress) -> Outcome:
    files = client.deployment.jobs.files
    files.new(job.job_id, Side.OUTPUT, "table.csv").write_text("party_id,pd\nP1,0.5\n")
    progress(0.5)
    made = files.seal(job.job_id, Side.OUTPUT, "table.csv", "text/csv")
    record = {"decision_id": f"end-{job.job_id}", "recorded_at": "2026-11-21T08:00:00+00:00"}
    return Outcome(job.job_id, record, lambda _connection: None, (made,))


@pytest.fixture
def client(world: "World", make_client: "MakeClient") -> "Client":
    """The application, with a kind of its own; its worker runs when the test says so."""
    found = make_client(world.home, world.officer)
    found.deployment.jobs.worker.stop()
    roles = frozenset({Role.RISK_OFFICER})
    found.deployment.jobs.kinds.register(
        KIND, JobKind(lambda job, progress: run_table(found, job, progress), RESULT, roles)
    )
    return found


def submit(client: "Client") -> str:
    """Queue a job of the officer's key."""
    job_id = uuid.uuid4().hex
    key_id = client.key.split("_")[1]
    caller = Caller(Call("request-1", key_id, (Role.RISK_OFFICER.value,)), "test", ("*",))
    record = {"decision_id": f"begin-{job_id}", "recorded_at": "2026-11-21T08:00:00+00:00"}
    client.deployment.jobs.store.submit(NewJob(job_id, KIND, caller, "{}"), record)
    return job_id


def get(client: "Client", path: str, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or client.key}", "Accept_Language": "en"}
    return client.http.get(path, **headers)


def cancel(client: "Client", job_id: str, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or client.key}", "Accept_Language": "en"}
    return client.http.post(f"/v1/jobs/{job_id}/cancel", b"", **headers)


def test_job_is_polled_and_its_file_fetched_once_that_is_written_down(client: "Client") -> None:
    job_id = submit(client)
    waits = get(client, f"/v1/jobs/{job_id}").json()
    assert (waits["state"], waits["ahead"], waits["answer"]) == ("queued", 0, None)
    early = get(client, f"/v1/jobs/{job_id}/result")
    assert (early.status_code, early.json()["type"]) == (409, "urn:zhiheng:problem:job-not-done")
    assert client.deployment.jobs.worker.run_next()
    done = get(client, f"/v1/jobs/{job_id}").json()
    assert (done["state"], done["progress"], done["answer"]) == ("done", 1.0, f"/v1/jobs/{job_id}/result")
    before = client.deployment.parts.ledger.probe()[0]
    fetched = get(client, done["answer"])
    assert (fetched.status_code, fetched.text) == (200, "party_id,pd\nP1,0.5\n")
    assert fetched.headers["content-type"].startswith("text/csv")
    assert fetched.headers["etag"] == f'"{done["files"][0]["sha256"]}"'
    assert "table.csv" in fetched.headers["content-disposition"]
    assert client.deployment.parts.ledger.probe()[0] == before + 1
    missing = get(client, f"/v1/jobs/{job_id}/result?name=other.csv")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:zhiheng:problem:no-job-file")


def test_jobs_are_listed_and_cancelled(client: "Client") -> None:
    first, second = submit(client), submit(client)
    page = get(client, "/v1/jobs?limit=1").json()
    assert [job["job_id"] for job in page["jobs"]] == [second]
    rest = get(client, f"/v1/jobs?cursor={page['cursor']}").json()
    assert [job["job_id"] for job in rest["jobs"]] == [first]
    assert rest["cursor"] is None
    assert cancel(client, first).json()["state"] == "cancelled"
    assert get(client, f"/v1/jobs/{first}").json()["state"] == "cancelled"


def test_jobs_of_others_are_unknown(client: "Client", world: "World") -> None:
    job_id = submit(client)
    for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/result"):
        assert get(client, path, world.planner).status_code == 404
    assert cancel(client, job_id, world.planner).status_code == 404
    assert get(client, "/v1/jobs", world.planner).json()["jobs"] == []
    colleague = make_key(world.home, Role.RISK_OFFICER)
    assert get(client, f"/v1/jobs/{job_id}", colleague).status_code == 200
    assert get(client, f"/v1/jobs/{job_id}", "zh_000000000000_" + "0" * 64).status_code == 401


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "cursor=0", "cursor=x", "before=3", "other=1", "limit=1&limit=2"]
)
def test_wrong_query_is_named(client: "Client", query: str) -> None:
    refused = get(client, f"/v1/jobs?{query}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


@pytest.mark.parametrize("job_id", ["nothing", "0" * 32, "' OR 1=1 --"])
def test_unknown_job_is_said_to_be_unknown(client: "Client", job_id: str) -> None:
    assert get(client, f"/v1/jobs/{job_id}").status_code == 404
    assert get(client, f"/v1/jobs/{job_id}/result").status_code == 404
