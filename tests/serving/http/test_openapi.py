"""The OpenAPI text says of every route what it takes, what it gives and how to be known, with examples that hold."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.credit.books.schemas import BookAnswer
from serving.http.endpoint import JSON, Endpoint
from serving.http.examples import example_of, problem_example
from serving.http.problem_table import problems
from serving.jobs.api import JobFileBody
from serving.schemas import ProblemBody
from tests.serving.http.bare_app import BareApp, open_bare

CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{3}")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareApp]:
    home: Path = tmp_path_factory.mktemp("openapi")
    opened = open_bare(home)
    yield opened
    opened.deployment.stop()


@pytest.fixture(scope="module")
def document(bare: BareApp) -> dict[str, Any]:
    return bare.call("GET", "/openapi.json").json


def operations(bare: BareApp, document: dict[str, Any]) -> list[tuple[Endpoint, dict[str, Any]]]:
    found = [(one, document["paths"][one.path][one.method.lower()]) for one in bare.endpoints]
    assert len(found) >= 20
    return found


def test_every_request_has_an_example_that_is_one(bare: BareApp) -> None:
    lacking = [
        one.path for one in bare.endpoints if one.request is not None and example_of(one.request) is None
    ]
    assert lacking == []
    for one in bare.endpoints:
        if one.request is not None:
            one.request.model_validate_json(json.dumps(example_of(one.request)))


def test_every_answer_has_an_example_that_is_one(bare: BareApp) -> None:
    shapes = {shape for one in bare.endpoints for shape in (one.answer, one.accepted) if shape is not None}
    files = {one.answer for one in bare.endpoints if JSON not in one.produces}
    lacking = {shape.__name__ for shape in shapes - files if example_of(shape) is None}
    assert lacking == set()
    for shape in shapes - files:
        shape.model_validate_json(json.dumps(example_of(shape)))


def test_the_example_of_a_job_s_result_is_that_of_a_book_answered_at_once() -> None:
    assert example_of(JobFileBody) == example_of(BookAnswer)


def test_examples_stand_in_the_text(bare: BareApp, document: dict[str, Any]) -> None:
    for one, operation in operations(bare, document):
        if one.request is not None and JSON in one.consumes:
            assert operation["requestBody"]["content"][JSON]["example"] == example_of(one.request), one.path


@pytest.mark.parametrize("status", sorted({problem.status for problem in problems().values()}))
def test_every_status_has_an_example_of_its_problem(status: int) -> None:
    example = ProblemBody.model_validate_json(json.dumps(problem_example(status)))
    assert example.status == status


def test_every_route_is_described_in_both_languages(bare: BareApp, document: dict[str, Any]) -> None:
    wrong = [
        one.path
        for one, operation in operations(bare, document)
        if not CHINESE.search(operation["summary"]) or not LATIN.search(operation["summary"])
    ]
    assert wrong == []


def test_every_parameter_of_a_query_is_described_or_listed(bare: BareApp, document: dict[str, Any]) -> None:
    for one, operation in operations(bare, document):
        names = [parameter.get("name") for parameter in operation["parameters"]]
        if one.query is not None:
            assert set(one.query.model_fields) <= set(names), one.path


def test_keys_and_tokens_open_what_needs_a_role(bare: BareApp, document: dict[str, Any]) -> None:
    assert set(document["components"]["securitySchemes"]) == {"key", "sso"}
    for one, operation in operations(bare, document):
        assert operation.get("security") == ([{"key": []}, {"sso": []}] if one.roles else None), one.path
        for role in one.roles:
            assert role in operation["description"]


def test_every_media_type_and_status_is_declared(bare: BareApp, document: dict[str, Any]) -> None:
    for one, operation in operations(bare, document):
        assert set(operation["responses"]["200"]["content"]) == set(one.produces)
        if one.takes_body:
            assert set(operation["requestBody"]["content"]) == set(one.consumes)
            assert {"400", "408", "413", "415", "422"} <= set(operation["responses"])
        if one.roles:
            assert {"401", "403", "429", "503"} <= set(operation["responses"])
            assert "Retry-After" in operation["responses"]["429"]["headers"]
        assert all(response["description"] for response in operation["responses"].values())


def test_operation_ids_are_there_once(bare: BareApp, document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(bare, document)]
    assert len(set(ids)) == len(ids)


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        place = document
        for step in reference.split("/"):
            place = place[step]
