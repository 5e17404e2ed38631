"""Stored shapes of decisions, overrides, appeals and notices: whatever breaks a client fails here by the name of the field."""

import json

import pytest
from pydantic import BaseModel, ValidationError

from serving.decisions.errors import PROBLEMS as DECISION_PROBLEMS
from serving.decisions.export import EXPORTED
from serving.decisions.schemas import DecisionAnswer, DecisionQuery, Decisions, ExportQuery, ReplayAnswer
from serving.review.appeal_schemas import (
    AppealAnswer,
    AppealAssignment,
    AppealOutcome,
    AppealQuery,
    AppealRequest,
    Appeals,
)
from serving.review.errors import PROBLEMS as REVIEW_PROBLEMS
from serving.review.note_schemas import NoteAnswer, NoteRequest
from serving.review.notice_schemas import Notice
from serving.review.override_schemas import (
    CreditOverrideAnswer,
    CreditOverrideQuery,
    CreditOverrideRequest,
    CreditOverrides,
    ReviewReason,
)
from tests.wire.test_shapes import FOLDER

ANSWERS: dict[str, type[BaseModel]] = {
    "decisions": Decisions,
    "decision_answer": DecisionAnswer,
    "replay_answer": ReplayAnswer,
    "credit_override_answer": CreditOverrideAnswer,
    "credit_overrides": CreditOverrides,
    "appeal_answer": AppealAnswer,
    "appeals": Appeals,
    "notice": Notice,
    "note_answer": NoteAnswer,
}
SHAPES: dict[str, type[BaseModel]] = {
    "credit_override": CreditOverrideRequest,
    "reason": ReviewReason,
    "note": NoteRequest,
    "appeal": AppealRequest,
    "assignment": AppealAssignment,
    "outcome": AppealOutcome,
}
QUERIES: dict[str, type[BaseModel]] = {
    "decisions": DecisionQuery,
    "export": ExportQuery,
    "credit_overrides": CreditOverrideQuery,
    "appeals": AppealQuery,
}


def stored(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ANSWERS)
def test_stored_answer_still_reads_back_the_same(name: str) -> None:
    text = stored(f"{name}.json")
    assert json.loads(ANSWERS[name].model_validate_json(text).model_dump_json()) == json.loads(text)


@pytest.mark.parametrize("line", stored("review_requests.jsonl").splitlines())
def test_requests_that_were_valid_still_are(line: str) -> None:
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


def test_problem_types_keep_their_status() -> None:
    now = {one.slug: one.status for one in (*DECISION_PROBLEMS.values(), *REVIEW_PROBLEMS.values())}
    assert now == json.loads(stored("review_problems.json")), "clients decide by type and status"


def test_columns_of_an_export_stay() -> None:
    now = {name: str(kind) for name, kind in EXPORTED.items()}
    assert now == json.loads(stored("export_columns.json"))
