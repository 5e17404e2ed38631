"""Clients were written against the stored shapes: whatever breaks them fails here by the name of the field."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from serving.capacity.plan_schemas import PlanAnswer, PlanRequest
from serving.capacity.scenario_schemas import CapacityScenarioAnswer, CapacityScenarioRequest
from serving.capacity.schemas import CapacityForecastAnswer, CapacityForecastRequest
from serving.capacity.shortfall_schemas import (
    ShortfallAnswer,
    ShortfallQuery,
    UtilisationAnswer,
    UtilisationQuery,
)
from serving.credit.books.schemas import BookAnswer, BookQuery, BookRequest
from serving.credit.score.schemas import ScoreAnswer, ScoreRequest
from serving.demand.override_schemas import (
    OverrideAnswer,
    OverrideHistory,
    OverrideHistoryQuery,
    OverrideRequest,
    OverrideWithdrawal,
)
from serving.demand.scenario_schemas import ScenarioAnswer, ScenarioRequest
from serving.demand.schemas import AccuracyAnswer, AccuracyQuery, ForecastAnswer, ForecastRequest
from serving.http.problem_table import problems
from serving.jobs.schemas import JobAnswer, JobReceipt
from serving.schemas import ProblemBody
from tests.wire.route_shapes import fields

FOLDER = Path(__file__).parent
ANSWERS: dict[str, type[BaseModel]] = {
    "score_answer": ScoreAnswer,
    "book_answer": BookAnswer,
    "forecast_answer": ForecastAnswer,
    "scenario_answer": ScenarioAnswer,
    "override_answer": OverrideAnswer,
    "override_history": OverrideHistory,
    "accuracy_answer": AccuracyAnswer,
    "capacity_forecast_answer": CapacityForecastAnswer,
    "shortfall_answer": ShortfallAnswer,
    "utilisation_answer": UtilisationAnswer,
    "plan_answer": PlanAnswer,
    "capacity_scenario_answer": CapacityScenarioAnswer,
    "job_receipt": JobReceipt,
    "job_answer": JobAnswer,
}


def test_problems_keep_every_field() -> None:
    """Answers have their shapes by route (test_route_shapes); a problem is of every route."""
    stored = json.loads((FOLDER / "problem.shape.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(fields(ProblemBody, taken=False))) == stored


@pytest.mark.parametrize("line", (FOLDER / "score_requests.jsonl").read_text(encoding="utf-8").splitlines())
def test_requests_that_were_valid_still_are(line: str) -> None:
    request = json.loads(line)
    try:
        ScoreRequest.model_validate_json(line)
    except ValidationError as error:
        raise AssertionError(
            f"a stored request is refused now: {request}: {error.errors()[0]['loc']}"
        ) from error


SHAPES: dict[str, type[BaseModel]] = {
    "book": BookRequest,
    "forecast": ForecastRequest,
    "scenario": ScenarioRequest,
    "override": OverrideRequest,
    "withdrawal": OverrideWithdrawal,
    "capacity_forecast": CapacityForecastRequest,
    "plan": PlanRequest,
    "capacity_scenario": CapacityScenarioRequest,
}
QUERIES: dict[str, type[BaseModel]] = {
    "book_query": BookQuery,
    "accuracy": AccuracyQuery,
    "overrides": OverrideHistoryQuery,
    "shortfall": ShortfallQuery,
    "utilisation": UtilisationQuery,
}
REQUESTS = [
    line
    for name in ("demand_requests.jsonl", "capacity_requests.jsonl", "book_requests.jsonl")
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("line", REQUESTS)
def test_requests_of_planners_that_were_valid_still_are(line: str) -> None:
    ((kind, request),) = json.loads(line).items()
    try:
        if kind in QUERIES:
            QUERIES[kind].model_validate_strings(request)
        else:
            SHAPES[kind].model_validate_json(json.dumps(request))
    except ValidationError as error:
        raise AssertionError(
            f"a stored request is refused now: {line}: {error.errors()[0]['loc']}"
        ) from error


STORED = [name for name in ANSWERS if (FOLDER / f"{name}.json").is_file()]


@pytest.mark.parametrize("name", STORED)
def test_stored_answer_still_reads_back_the_same(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    answer = ANSWERS[name].model_validate_json(text)
    assert json.loads(answer.model_dump_json()) == json.loads(text)


def test_problem_types_keep_their_status() -> None:
    stored = json.loads((FOLDER / "problems.json").read_text(encoding="utf-8"))
    now = {problem.slug: problem.status for problem in problems().values()}
    assert now == stored, "clients decide by type and status; add new types to problems.json"
