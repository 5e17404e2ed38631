"""The text of an answer is written by hand: it must be, byte for byte, what its shape would have written."""

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from serving.access.caller import Call, Caller
from serving.credit.score.answer import Marks, answer_of, outcome_of, route_of
from serving.credit.score.schemas import ScoreAnswer, ScoreRequest
from serving.credit.score.writing import Writer, _numbers, record_of
from serving.ledger.chain import canonical_json
from tests.serving.credit.score.test_basis import QUESTIONS

if TYPE_CHECKING:
    from tests.serving.conftest import Client


class _Number(BaseModel):
    value: float


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_the_shape_writes_them(value: float) -> None:
    assert b'{"value":' + orjson.dumps(value) + b"}" == _Number(value=value).model_dump_json().encode()


@pytest.mark.parametrize("question", QUESTIONS, ids=json.dumps)
def test_text_and_record_are_those_of_the_answer(client: "Client", question: dict[str, object]) -> None:
    scorer = client.deployment.parts.scorer()
    request = ScoreRequest.model_validate_json(json.dumps(question))
    basis, caller = (
        scorer.basis(request),
        Caller(Call("request-1", "key", ("risk_officer",), "trace"), "n", ("*",)),
    )
    scores = scorer.model.score_matrix(basis.values.reshape(1, -1))
    outcome = outcome_of(basis, scorer.terms, route_of(basis, scorer.terms), scores=scores)
    marks = Marks("decision", "request-1", ("*",))
    scored = Writer(scorer.terms).write(outcome, basis, marks, caller)
    answer = answer_of(outcome, basis, scorer.terms, marks)
    assert scored.text.decode() == answer.model_dump_json()
    assert scored.answer == answer
    assert canonical_json(scored.record) == canonical_json(record_of(answer, basis, caller))


def test_contributions_are_sorted_by_size_and_equals_by_name(client: "Client") -> None:
    scorer = client.deployment.parts.scorer()
    basis = scorer.basis(ScoreRequest(party_id="P0000001"))
    scores = scorer.model.score_matrix(basis.values.reshape(1, -1))
    outcome = outcome_of(basis, scorer.terms, None, scores=scores)
    parts = outcome.figures.contributions
    parts[:] = [0.5, -0.5, 0.0, -0.0, 2.0, 0.5]
    writer = Writer(scorer.terms)
    written = json.loads(
        writer._contributions(parts, _numbers(np.array([1.0, math.nan, 3, 4, 5, 6])), _numbers(parts))
    )
    expected = sorted(
        zip(scorer.model.features, parts.tolist(), strict=True), key=lambda one: (-abs(one[1]), one[0])
    )
    assert [(one["feature"], one["contribution"]) for one in written] == expected
    assert [one["value"] for one in written if one["feature"] == "debt_ratio"] == [None]


def test_the_order_of_fields_is_that_of_the_shape(client: "Client") -> None:
    answer = client.score({"party_id": "P0000001"})
    assert list(answer.json()) == list(ScoreAnswer.model_fields)
