"""Shapes of appeals: what is opened, whom it is assigned to, what a person found."""

from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from models.credit.policy import Advice
from serving.listing import ListQuery
from serving.review.free_text import FreeText
from serving.review.schemas import Acted, Id, ModelAnswer, Reading
from serving.schemas import StrictModel

__all__ = [
    "Appeal",
    "AppealAnswer",
    "AppealAssignment",
    "AppealOutcome",
    "AppealQuery",
    "AppealRequest",
    "AppealState",
    "Appeals",
    "Outcome",
]


class AppealRequest(StrictModel):
    """代主体提出申诉；不保存联系方式。 / Open an appeal on behalf of a party; its contact is not kept."""

    decision_id: Id = Field(description="对哪一次评分 / against which score")
    ground: FreeText = Field(
        description="申诉理由，不得含联系方式或证件号 / the party's ground; no contact and no identity number"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decision_id": "0f2c7d0e5b1f4c60a5d9c9b8f3f2a110",
                    "ground": "所列诉讼已于上月结案 / the lawsuit listed was closed last month",
                }
            ]
        }
    )


class AppealAssignment(StrictModel):
    """指定复核人。 / Whom an appeal is assigned to."""

    assignee: str = Field(
        min_length=1,
        max_length=200,
        description="复核人姓名，须未参与原决策 / a person who had no part in the decision",
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"assignee": "赵复核"}]})


class Outcome(StrEnum):
    """upheld 维持；changed 变更；withdrawn 主体撤回。 / How it ended."""

    UPHELD = "upheld"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


class AppealOutcome(StrictModel):
    """人工复核的结果。 / What the re-review found."""

    outcome: Outcome = Field(description="upheld 或 changed / upheld or changed")
    new_advice: Advice | None = Field(default=None, description="changed 时必填 / needed where changed")
    reason: FreeText = Field(
        description="理由，不得含联系方式或证件号 / why; no contact and no identity number"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"outcome": "changed", "new_advice": "manual_review", "reason": "诉讼已结案 / closed"}
            ]
        }
    )

    @model_validator(mode="after")
    def _advice_where_changed(self) -> Self:
        if self.outcome is Outcome.WITHDRAWN:
            raise PydanticCustomError(
                "withdrawn_elsewhere",
                "an appeal is withdrawn by its own route",
                {
                    "zh": "撤回请用 POST /v1/appeals/{appeal_id}/withdraw",
                    "en": "withdraw it with POST /v1/appeals/{appeal_id}/withdraw",
                },
            )
        if (self.outcome is Outcome.CHANGED) != (self.new_advice is not None):
            raise PydanticCustomError(
                "advice_where_changed",
                "new_advice goes with changed",
                {
                    "zh": "outcome 为 changed 时须给出 new_advice，upheld 时不得给出",
                    "en": "give new_advice where the outcome is changed, and not where it is upheld",
                },
            )
        return self


class AppealState(StrEnum):
    """open 待指派；assigned 复核中；closed 已结束。 / How far it is."""

    OPEN = "open"
    ASSIGNED = "assigned"
    CLOSED = "closed"


class Appeal(StrictModel):
    """一项申诉的全部记录，模型的结果并列在旁。 / An appeal with the model's own answer beside it."""

    appeal_id: str
    status: AppealState
    model: ModelAnswer
    ground: str
    due_on: date = Field(description="应办结日期（工作日计算） / to be decided by, counted in working days")
    due_estimated: bool = Field(
        description="期间含放假安排尚未公布的日子 / holds days whose arrangement is not announced yet"
    )
    overdue: bool
    late: bool = Field(description="超过申诉期限后提出 / opened after the time limit")
    opened: Acted
    assignee: str | None
    assigned: Acted | None
    outcome: Outcome | None
    new_advice: Advice | None
    closed: Acted | None


class AppealAnswer(Reading):
    """操作之后的申诉。 / The appeal after the act."""

    appeal: Appeal


class AppealQuery(ListQuery):
    """查哪些申诉。 / Which appeals to list."""

    status: AppealState | None = None
    overdue: bool | None = Field(
        default=None, description="只看逾期（或未逾期）的 / overdue ones, or the others"
    )
    party_id: Id | None = None
    of_decision: Id | None = Field(default=None, description="哪一次评分 / of which score")


class Appeals(Reading):
    """申诉清单，新的在前；统计的是全部符合条件者，不只本页。 / Newest first; counts are over all that fit, not the page alone."""

    appeals: list[Appeal]
    cursor: int | None
    overdue: int
    counts_by_status: dict[str, int]
    counts_by_outcome: dict[str, int]
