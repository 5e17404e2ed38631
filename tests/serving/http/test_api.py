"""Every error has its status, its problem+json and its language; an answer is what the ledger holds."""

import json
import logging
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from models.credit.model import CreditModel, Scores
from serving.access.keys import KeyStore
from serving.access.roles import Role
from serving.http.problem_table import problems
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.wiring import Deployment

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

PARTY = {"party_id": "P0000000"}


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:zhiheng:problem:{slug}"
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def ledger(client: "Client") -> Ledger:
    found: Ledger = client.deployment.parts.ledger
    return found


def test_score_adds_up_and_is_what_the_model_says(
    client: "Client", model: CreditModel, world: "World"
) -> None:
    body = client.score(PARTY).json()
    store = client.deployment.parts.scorer().store
    scores = model.score_matrix(store.matrix[store.rows["P0000000"]].reshape(1, -1))
    assert body["pd"] == scores.pd[0]
    assert body["grade"] == scores.grades[0]
    assert body["model_version"] == world.version
    parts = [part["contribution"] for part in body["contributions"]]
    assert math.isclose(body["base_log_odds"] + math.fsum(parts), body["log_odds"], abs_tol=1e-9)
    assert body["pd"] == pytest.approx(1 / (1 + math.exp(-body["log_odds"])))
    assert parts == sorted(parts, key=abs, reverse=True)
    assert body["quality"] == {"level": "full", "features_known": 6, "features_total": 6, "notes": []}
    assert (body["data_as_of"], body["graph_as_of"]) == ("2026-10-31", "2026-10-31")


def test_ledger_holds_the_answer(client: "Client") -> None:
    body = client.score(PARTY).json()
    record = ledger(client).get(body["decision_id"]).record
    answer = record["answer"]
    assert isinstance(answer, dict)
    for field in (
        "pd",
        "log_odds",
        "base_log_odds",
        "grade",
        "advice",
        "party_id",
        "model_version",
        "policy",
    ):
        assert answer[field] == body[field], field
    basis = record["basis"]
    assert isinstance(basis, dict)
    assert basis["inputs"] == {part["feature"]: part["value"] for part in body["contributions"]}
    assert record["contributions"] == {
        part["feature"]: part["contribution"] for part in body["contributions"]
    }
    assert record["roles"] == ["risk_officer"]


def test_payload_of_a_partys_features_scores_the_same(client: "Client") -> None:
    stored = client.score(PARTY).json()
    values = {part["feature"]: part["value"] for part in stored["contributions"]}
    given = client.score({"features": values}).json()
    assert given["log_odds"] == stored["log_odds"]
    assert given["party_id"] is None
    assert given["data_as_of"] is None


def test_missing_features_are_counted(client: "Client") -> None:
    body = client.score({"party_id": "P0000001"}).json()
    assert (body["quality"]["level"], body["quality"]["features_known"]) == ("full", 5)
    assert body["quality"]["notes"][0]["code"] == "missing_features"
    values = {part["feature"]: part["value"] for part in body["contributions"]}
    assert values["debt_ratio"] is None


def test_mostly_missing_features_fall_back_and_never_pass(client: "Client") -> None:
    for body in ({"party_id": "P0000002"}, {"features": {"degree": -3.0}}):
        answer = client.score(body).json()
        assert answer["quality"]["level"] == "fallback"
        assert answer["advice"] != "pass"


@pytest.mark.parametrize(
    ("party", "code", "advice"),
    [
        ("P0000004", "already_in_default", {"decline"}),
        ("P0000005", "no_live_exposure", {"manual_review", "decline"}),
    ],
)
def test_parties_the_model_does_not_learn_from_are_named_and_never_passed(
    client: "Client", party: str, code: str, advice: set[str]
) -> None:
    answer = client.score({"party_id": party}).json()
    assert answer["quality"]["level"] == "fallback"
    assert code in [note["code"] for note in answer["quality"]["notes"]]
    assert answer["advice"] in advice
    recorded = json.dumps(ledger(client).get(answer["decision_id"]).record)
    assert f'"{code}"' in recorded, "an auditor sees why the grade was not used"


@pytest.mark.parametrize("body", [{"party_id": "P0000003"}, {"features": {}}, {"features": {"degree": None}}])
def test_score_refuses_a_party_without_any_feature(client: "Client", body: dict[str, Any]) -> None:
    found = problem(client.score(body), 422, "no-features")
    assert found["quality"]["level"] == "refused"
    assert found["quality"]["features_total"] == 6


def test_unknown_party_is_named(client: "Client") -> None:
    found = problem(client.score({"party_id": "P9999999"}), 404, "unknown-party")
    assert "P9999999" in found["detail"]


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({}, "body", "one_of_two"),
        ({"party_id": "P1", "features": {"degree": 1}}, "body", "one_of_two"),
        ({"party_id": "P0000001", "stages": "x"}, "stages", "extra_forbidden"),
        ({"party_id": "P0000001", "stage": "x"}, "stage", "enum"),
        ({"party_id": "P0000001", "stage": "in_lending"}, "body", "line_and_stage"),
        ({"party_id": 7}, "party_id", "string_type"),
        ({"party_id": "'; DROP TABLE decisions; --"}, "party_id", "string_pattern_mismatch"),
        ({"features": {"degree": "1.5"}}, "features.degree", "float_type"),
        ({"features": {"degree": True}}, "features.degree", "float_type"),
        ({"features": {"degree": [1]}}, "features.degree", "float_type"),
        ({"features": [1]}, "features", "dict_type"),
        ({"features": {"no_such": 1}}, "features.no_such", "unknown_feature"),
        ([], "body", "model_type"),
    ],
)
def test_wrong_fields_are_named(client: "Client", body: object, field: str, rule: str) -> None:
    found = problem(client.score(body, Accept_Language="en"), 422, "invalid-request")
    assert [(e["field"], e["rule"]) for e in found["errors"]] == [(field, rule)]
    assert found["errors"][0]["message"] in found["detail"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(client: "Client", number: str) -> None:
    text = f'{{"features": {{"degree": {number}}}}}'
    found = problem(client.send(text.encode()), 422, "invalid-request")
    assert [(e["field"], e["rule"]) for e in found["errors"]] == [("features.degree", "finite_number")]


def test_value_outside_the_catalogues_range_is_refused(client: "Client") -> None:
    scorer = client.deployment.parts.scorer()
    scorer._texts["degree"] = replace(scorer._texts["degree"], lowest=0, highest=10, unit="count")
    found = problem(client.score({"features": {"degree": 11}}), 422, "invalid-request")
    assert found["errors"][0]["rule"] == "out_of_range"
    assert "[0, 10] count" in found["errors"][0]["message"]
    assert client.score({"features": {"degree": 10}}).status_code == 200


def test_a_key_given_twice_is_named(client: "Client") -> None:
    body = b'{"party_id": "P0000001", "party_id": "P0000002"}'
    found = problem(
        client.send(body, Content_Type="application/json", Accept_Language="en"), 422, "invalid-request"
    )
    assert [(e["field"], e["rule"]) for e in found["errors"]] == [("party_id", "repeated")]
    assert ledger(client).probe() == (0, None)


@pytest.mark.parametrize(
    "text", ["", "{", '{"party_id": "P1"', "\ufeff{}", '{"features": ' + "[" * 5000 + "]" * 5000 + "}"]
)
def test_broken_json_is_said_to_be(client: "Client", text: str) -> None:
    problem(client.send(text.encode()), 400, "malformed-json")


def test_other_media_type_is_refused(client: "Client") -> None:
    answer = client.send(b"party_id=P0000001", Content_Type="application/x-www-form-urlencoded")
    problem(answer, 415, "media-type")


def test_body_over_the_limit_is_refused(world: "World", make_client: "MakeClient") -> None:
    client = make_client(world.home, world.officer, body_limit_bytes=100)
    problem(client.score({"features": {"x" * 200: 1}}), 413, "body-too-large")

    async def chunks() -> AsyncIterator[bytes]:  # sent without a content-length
        for _ in range(3):
            yield b" " * 60

    problem(client.send(chunks()), 413, "body-too-large")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Basic abc",
        "Bearer zh_000000000000_" + "0" * 64,
        "Bearer zh_../../etc_passwd",
    ],
)
def test_without_a_valid_key_nothing_is_answered(client: "Client", header: str) -> None:
    answer = client.score(PARTY, Authorization=header)
    problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_key_is_checked_before_the_body_is_read(client: "Client") -> None:
    problem(client.http.post("/v1/credit/score", b"{" * 10_000), 401, "unauthorized")


def test_key_without_the_role_is_refused_by_name_of_the_role(
    world: "World", make_client: "MakeClient"
) -> None:
    client = make_client(world.home, world.planner)
    found = problem(client.score(PARTY), 403, "forbidden")
    assert "risk_officer" in found["detail"]
    assert ledger(client).probe() == (0, None)


def test_address_with_a_slash_too_many_is_unknown_and_nobody_is_sent_elsewhere(client: "Client") -> None:
    for path in ("/v1/credit/score/", "/v1/models/", "/healthz/"):
        answer = client.http.get(path, Host="elsewhere.example")
        assert answer.status_code == 404, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert "location" not in answer.headers


def test_query_where_none_is_declared_is_named(client: "Client") -> None:
    key = f"Bearer {client.key}"
    for path in ("/v1/models?limit=3", "/v1/credit/schema?limit=3&limit=4"):
        answer = client.http.get(path, Authorization=key)
        assert answer.status_code == 422, answer.text
        assert [(e["field"], e["rule"]) for e in answer.json()["errors"]] == [("limit", "extra_forbidden")]
    assert client.http.get("/v1/models?limit=3").status_code == 401, "who has no key is not told"


@pytest.mark.parametrize("accept", ["text/csv", "application/json;q=0"])
def test_media_type_that_is_not_offered_is_refused(client: "Client", world: "World", accept: str) -> None:
    key = f"Bearer {client.key}"
    for path in ("/v1/credit/schema", f"/v1/models/credit/{world.version}"):
        assert client.http.get(path, Authorization=key, Accept="*/*").status_code == 200
        assert client.http.get(path, Authorization=key, Accept=accept).status_code == 406


def test_unknown_address_and_method(client: "Client") -> None:
    problem(client.http.get("/v1/nothing"), 404, "route-not-found")
    answer = client.http.get("/v1/credit/score")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("header", "title"),
    [
        ("en", "Unknown party"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "没有该主体"),
        ("fr", "没有该主体"),
        ("", "没有该主体"),
    ],
)
def test_problem_speaks_the_callers_language(client: "Client", header: str, title: str) -> None:
    answer = client.score({"party_id": "P9999999"}, Accept_Language=header)
    assert problem(answer, 404, "unknown-party")["title"] == title
    assert answer.headers["content-language"] == ("en" if header == "en" else "zh")


def test_request_id_of_the_caller_is_kept_if_it_is_one(client: "Client") -> None:
    assert client.score(PARTY, X_Request_ID="abc-12345678").json()["request_id"] == "abc-12345678"
    assert client.score(PARTY, X_Request_ID="a b\tc").json()["request_id"] != "a b\tc"


class Crooked:
    """A model whose explanation is off by a little, or that breaks."""

    def __init__(self, model: CreditModel, error: Exception | None = None) -> None:
        self.features, self.version = model.features, model.version
        self._model, self._error = model, error

    def score_matrix(self, x: NDArray[np.float64], *, num_threads: int = 1) -> Scores:
        if self._error is not None:
            raise self._error
        scores = self._model.score_matrix(x, num_threads=num_threads)
        return replace(scores, contributions=scores.contributions + 1e-5)


def put_model(deployment: Deployment, model: object) -> None:
    scorer = deployment.parts.scorer()
    scorer.model = model  # type: ignore[assignment]


def test_answer_that_does_not_add_up_is_not_given(client: "Client", model: CreditModel) -> None:
    put_model(client.deployment, Crooked(model))
    problem(client.score(PARTY), 500, "not-additive")
    assert ledger(client).probe() == (0, None)


def test_programmers_error_is_a_problem_and_its_values_are_not_logged(
    client: "Client", model: CreditModel, caplog: pytest.LogCaptureFixture
) -> None:
    put_model(client.deployment, Crooked(model, RuntimeError("张三丰 11010119900307001X")))
    with caplog.at_level(logging.INFO):
        found = problem(client.score(PARTY), 500, "unexpected")
    assert "RuntimeError" in caplog.text
    assert found["request_id"] in caplog.text
    for secret in ("张三丰", "11010119900307001X", "P0000000", client.key):
        assert secret not in caplog.text
        assert secret not in json.dumps(found, ensure_ascii=False)


def test_slow_work_ends_at_the_deadline(world: "World", make_client: "MakeClient") -> None:
    client = make_client(world.home, world.officer, deadline_seconds=1e-6)
    problem(client.score(PARTY), 504, "deadline")


def test_service_without_a_model_is_not_ready_and_says_what_to_do(
    tmp_path: Path, make_client: "MakeClient"
) -> None:
    client = make_client(tmp_path, _officer_key(tmp_path))
    ready = client.http.get("/readyz")
    assert ready.status_code == 503
    parts = ready.json()["parts"]
    assert [name for name, part in parts.items() if not part["ready"]] == [
        "model",
        "features",
        "graph",
        "book",
        "forecasts",
        "capacity",
    ]
    assert "champion" in parts["model"]["problem_en"]
    assert client.http.get("/healthz").status_code == 200
    found = problem(client.score(PARTY, Accept_Language="en"), 503, "not-ready")
    assert "Train again" in found["detail"]


def _officer_key(home: Path) -> str:
    database = Database(home / "ledger.db")
    database.open()
    made = datetime(2026, 1, 1, tzinfo=UTC)
    _, text = KeyStore(database).create("t", [Role.RISK_OFFICER], companies=["*"], now=made)
    database.close()
    return text


def test_statuses_declared_in_openapi_are_those_of_the_table(client: "Client") -> None:
    document = client.http.get("/openapi.json").json()
    declared = set(document["paths"]["/v1/credit/score"]["post"]["responses"])
    listed = {str(entry.status) for entry in problems().values()}
    assert (
        {"400", "401", "403", "404", "405", "413", "415", "422", "500", "503", "504"}
        <= declared - {"200"}
        <= listed
    )
    references = [
        line for line in json.dumps(document).split('"') if line.startswith("#/components/schemas/")
    ]
    names = {reference.rpartition("/")[2] for reference in references}
    assert names <= set(document["components"]["schemas"])


def test_docs_page_takes_nothing_from_the_internet(client: "Client") -> None:
    page = client.http.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert "/openapi.json" in page
