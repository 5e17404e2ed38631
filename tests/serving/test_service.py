"""The real service: BentoML, a worker process, HTTP on loopback."""

import http.client
import json
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from tests.serving.demand.demand_world import ISSUED, make_run, publish

if TYPE_CHECKING:
    from tests.serving.conftest import Answer, Service

PARTY = {"party_id": "P0000000"}


def verified_rows(service: "Service") -> int:
    database = Database(service.world.home / "ledger.db")
    try:
        found = Ledger(database).verify()
    finally:
        database.close()
    assert found.broken is None
    return found.rows


def slug(answer: "Answer") -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    name: str = answer.json["type"]
    return name.rpartition(":")[2]


def test_answer_is_durable_when_it_arrives(service: "Service") -> None:
    answer = service.score(PARTY)
    assert answer.status == 200, answer.text
    body = answer.json
    connection = sqlite3.connect(service.world.home / "ledger.db")
    (text,) = connection.execute(
        "SELECT record FROM decisions WHERE decision_id = ?", (body["decision_id"],)
    ).fetchone()
    connection.close()
    record = json.loads(text)
    assert record["answer"]["pd"] == body["pd"]
    assert record["basis"]["inputs"] == {part["feature"]: part["value"] for part in body["contributions"]}
    assert body["model_version"] == service.world.version


def test_every_answer_under_load_is_in_one_chain(service: "Service") -> None:
    before = verified_rows(service)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.score(PARTY), range(64)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["decision_id"] for answer in answers}) == 64
    assert verified_rows(service) == before + 64


def test_health_says_which_parts_work_and_how_fresh_they_are(service: "Service") -> None:
    for path in ("/healthz", "/readyz"):
        answer = service.call("GET", path)
        assert answer.status == 200
        parts = answer.json["parts"]
        assert parts["model"]["version"] == service.world.version
        assert parts["features"]["as_of"] == parts["graph"]["as_of"] == "2026-10-31"
        assert parts["ledger"]["ready"] is True


def test_errors_come_through_bentoml_unchanged(service: "Service") -> None:
    planner = f"Bearer {service.world.planner}"
    expected = [
        (service.score(PARTY, Authorization="Bearer x"), 401, "unauthorized"),
        (service.score(PARTY, Authorization=planner), 403, "forbidden"),
        (service.score({"party_id": "P9999999"}), 404, "unknown-party"),
        (service.score({"party_id": "P0000003"}), 422, "no-features"),
        (service.score({"features": {"nothing": 1}}), 422, "invalid-request"),
        (service.score(b"{"), 400, "malformed-json"),
        (service.score({"party_id": "P" * 30_000}), 413, "body-too-large"),
        (service.score(PARTY, Content_Type="text/plain"), 415, "media-type"),
        (service.call("GET", "/v1/nothing"), 404, "route-not-found"),
        (service.call("GET", "/v1/credit/score"), 405, "method-not-allowed"),
    ]
    assert [(answer.status, slug(answer)) for answer, *_ in expected] == [
        (s, name) for _, s, name in expected
    ]
    assert expected[0][0].headers["www-authenticate"] == 'Bearer realm="zhiheng"'


def test_locked_ledger_gives_503_and_no_half_record(service: "Service") -> None:
    before = verified_rows(service)
    other = sqlite3.connect(service.world.home / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = service.score(PARTY)
        ready = service.call("GET", "/readyz")
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert (answer.status, slug(answer)) == (503, "ledger-unavailable")
    assert "pd" not in answer.json
    assert (ready.status, ready.json["parts"]["ledger"]["ready"]) == (503, False)
    assert verified_rows(service) == before
    assert service.score(PARTY).status == 200


def test_pages_are_ours_and_bentomls_where_meant(service: "Service") -> None:
    assert service.call("GET", "/").headers["location"] == "/docs"
    assert "googletagmanager" not in service.call("GET", "/docs").text
    assert json.loads(service.call("GET", "/docs.json").text)["paths"].keys() >= {"/v1/credit/score"}
    assert service.call("GET", "/static_content/swagger-ui-bundle.js").status == 200
    assert "zhiheng_request_seconds_bucket" in service.call("GET", "/metrics").text
    assert service.call("GET", "/livez").status == 200


def test_new_champion_is_served_without_a_restart(service: "Service", request: pytest.FixtureRequest) -> None:
    put_model = request.getfixturevalue("put_model")
    version = put_model(service.world.home, seed=9, name="v9")
    end = time.monotonic() + 20
    while service.score(PARTY).json["model_version"] != version:
        assert time.monotonic() < end, "the new champion was not taken up"
        time.sleep(0.1)
    put_model(service.world.home, name="v1")
    while service.score(PARTY).json["model_version"] != service.world.version:
        assert time.monotonic() < end, "the old champion was not taken back"
        time.sleep(0.1)


def test_planners_are_answered_through_bentoml_too(service: "Service") -> None:
    publish(service.world.home, make_run(date(2026, 10, 1), issued_at=ISSUED))
    headers = {"Authorization": f"Bearer {service.world.planner}", "Content_Type": "application/json"}

    def ask(path: str, body: object) -> "Answer":
        return service.call("POST", f"/v1/demand/{path}", json.dumps(body).encode(), **headers)

    end = time.monotonic() + 20
    while (answer := ask("forecast", {"level": "total"})).status == 503:
        assert time.monotonic() < end, "the run was not taken up"
        time.sleep(0.1)
    assert answer.status == 200, answer.text
    assert answer.json["series"][0]["points"][0]["forecast"] == pytest.approx(495)
    scenario = ask("scenario", {"level": "total", "scenario": {"level": {"percent": 10.0}}})
    assert scenario.json["series"][0]["points"][0]["scenario"] == pytest.approx(544.5)
    measured = service.call("GET", "/v1/demand/accuracy?by=level", None, **headers)
    assert measured.json["quality"]["notes"][-1]["code"] == "no_actuals_yet"
    points = [{"ds": f"2025-{month:02}-01", "y": 5.0} for month in range(1, 13)]
    asked = {"series": [{"unique_id": "A", "freq": "1mo", "points": points, "horizon": 2}]}
    forecast = ask("forecast", asked)
    assert forecast.status == 200, forecast.text
    assert [point["forecast"] for point in forecast.json["series"][0]["points"]] == [5, 5]
    verified_rows(service)


def test_no_deadline_of_ours_is_bentomls(tmp_path: Path) -> None:
    """BentoML keeps a timer of each request until its timeout is over; ours do not come to it, files of minutes neither."""
    code = "from serving.service import ZhihengService as s; print(s.config['traffic']['timeout'])"
    environment = {
        "BENTOML_HOME": str(tmp_path),
        "BENTOML_DO_NOT_TRACK": "True",
        "ZHIHENG_BOOK_UPLOAD_SECONDS": "600",
    }
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.strip() == "5"


def test_a_file_may_arrive_more_slowly_than_a_score_and_bentoml_may_take(service: "Service") -> None:
    """Seven seconds; a score may take four, and BentoML lets its own pages take five."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    try:
        connection.putrequest("POST", "/v1/credit/scores")
        connection.putheader("Authorization", f"Bearer {service.world.officer}")
        connection.putheader("Content-Type", "text/csv")
        connection.putheader("Content-Length", "18")
        connection.endheaders(b"party_id\n")
        time.sleep(7)
        connection.send(b"P0000001\n")
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        assert json.loads(answer.read())["rows_answered"] == 1
    finally:
        connection.close()
