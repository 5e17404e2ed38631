"""What a broken rule of a request says."""

from datetime import date, datetime
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from serving.credit.score.schemas import ScoreRequest
from serving.errors import FieldProblem, InvalidRequestError
from serving.http.problems import request_error
from serving.schemas import QualityLevel, StrictModel


class Shape(StrictModel):
    text: Annotated[str, Field(pattern=r"\S", max_length=5)] = "text"
    level: QualityLevel = QualityLevel.FULL
    kind: Literal["day", "week"] = "day"
    moment: datetime = datetime(2026, 1, 1)  # noqa: DTZ001
    day: date = date(2026, 1, 1)
    share: float = Field(default=0.5, le=1)
    items: list[int] = Field(default_factory=list, max_length=2)


@pytest.mark.parametrize(
    ("sent", "zh", "en"),
    [
        ('{"text": "  "}', "不得为空白", "must not be blank"),
        ('{"text": "abcdef"}', "最长 5 个字符", "must have 5 characters at most"),
        ('{"kind": "month"}', "须为以下之一：day, week", "must be one of day, week"),
        ('{"level": "best"}', "须为以下之一：full, fallback", "must be one of full, fallback"),
        ('{"moment": "yesterday"}', "须为时刻，如", "must be a moment such as"),
        ('{"day": "2026-13-01"}', "须为日期，如", "must be a date such as"),
        ('{"share": 1.5}', "须不大于 1", "must not be above 1"),
        ('{"items": [1, 2, 3]}', "最多 2 项", "must have 2 entries at most"),
        ('{"colour": 1}', "没有这个字段", "no such field"),
    ],
)
def test_a_broken_rule_is_told_with_its_remedy(sent: str, zh: str, en: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Shape.model_validate_json(sent)
    (problem,) = _problems(raised.value)
    assert problem.field == sent.split('"')[1]
    assert (problem.zh[: len(zh)], problem.en[: len(en)]) == (zh, en)


def test_a_form_of_ids_is_told_in_words() -> None:
    with pytest.raises(ValidationError) as raised:
        ScoreRequest.model_validate_json("""{"party_id": "P1'; DROP TABLE"}""")
    (problem,) = _problems(raised.value)
    assert (problem.field, "1 to 64 letters" in problem.en) == ("party_id", True)


def _problems(error: ValidationError) -> tuple[FieldProblem, ...]:
    found = request_error(error)
    assert isinstance(found, InvalidRequestError)
    return tuple(found.problems)
