"""Answers to questions beside the score, the catalogue and data intake keep their shapes; requests stay valid."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from serving.catalogue.errors import PROBLEMS as OF_CATALOGUE
from serving.catalogue.schemas import FeatureList, FeatureQuery
from serving.credit.questions.exposure_schemas import ExposureAnswer
from serving.credit.questions.portrait_schemas import PortraitAnswer, PortraitQuery
from serving.credit.questions.reasons_schemas import ReasonsAnswer, ReasonsQuery
from serving.credit.questions.schema_schemas import InputsAnswer
from serving.credit.questions.what_if_schemas import WhatIfAnswer, WhatIfRequest
from serving.intake.errors import PROBLEMS as OF_INTAKE
from serving.intake.schemas import IntakeAnswer, IntakeQuery, UploadList, UploadListQuery

FOLDER = Path(__file__).parent
ANSWERS: dict[str, type[BaseModel]] = {
    "what_if_answer": WhatIfAnswer,
    "reasons_answer": ReasonsAnswer,
    "portrait_answer": PortraitAnswer,
    "exposure_answer": ExposureAnswer,
    "feature_list": FeatureList,
    "intake_answer": IntakeAnswer,
    "upload_list": UploadList,
}
QUERIES: dict[str, type[BaseModel]] = {
    "reasons": ReasonsQuery,
    "portrait": PortraitQuery,
    "features": FeatureQuery,
    "intake": IntakeQuery,
    "uploads": UploadListQuery,
}
LINES = (FOLDER / "question_requests.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", [*ANSWERS, "inputs_answer"])
def test_stored_answer_still_reads_back_the_same(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    shapes: dict[str, type[BaseModel]] = {**ANSWERS, "inputs_answer": InputsAnswer}
    shape = shapes[name]
    assert json.loads(shape.model_validate_json(text).model_dump_json()) == json.loads(text)


def test_inputs_keep_their_fields() -> None:
    stored = json.loads((FOLDER / "inputs_answer.json").read_text(encoding="utf-8"))
    assert set(stored) == set(InputsAnswer.model_fields)
    assert set(stored["inputs"][0]) == set(
        InputsAnswer.model_json_schema()["$defs"]["InputField"]["properties"]
    )


@pytest.mark.parametrize("line", LINES)
def test_requests_that_were_valid_still_are(line: str) -> None:
    ((kind, request),) = json.loads(line).items()
    try:
        if kind in QUERIES:
            QUERIES[kind].model_validate_strings(request)
        else:
            WhatIfRequest.model_validate_json(json.dumps(request))
    except ValidationError as error:
        raise AssertionError(
            f"a stored request is refused now: {line}: {error.errors()[0]['loc']}"
        ) from error


def test_problem_types_keep_their_status() -> None:
    now = {problem.slug: problem.status for problem in (*OF_INTAKE.values(), *OF_CATALOGUE.values())}
    assert now == {
        "unknown-table": 404,
        "unknown-upload": 404,
        "unknown-feature": 404,
        "taken-already": 409,
        "unusable-table": 422,
        "deadline": 504,
    }
