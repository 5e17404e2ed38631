"""Shapes of overrides of credit decisions: what is asked, what is kept, what became of it."""

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
    "CreditOverride",
    "CreditOverrideAnswer",
    "CreditOverrideQuery",
    "CreditOverrideRequest",
    "CreditOverrides",
    "OverrideState",
    "ReasonCode",
    "ReviewReason",
]


class ReasonCode(StrEnum):
    """为何不采用模型的结果：模型未见的新情况、数据有误、有增信或抵押、超出模型适用范围、集团或股东支持、其他。

    Why the model's answer is set aside.
    """

    NEW_INFORMATION = "new_information"
    DATA_ERROR = "data_error"
    MITIGATION = "mitigation"
    MODEL_LIMIT = "model_limit"
    GROUP_SUPPORT = "group_support"
    OTHER = "other"


class CreditOverrideRequest(StrictModel):
    """申请以人的判断代替模型的意见或等级。 / Ask to put a person's judgement in place of the model's."""

    decision_id: Id = Field(description="要调整的评分 / the score to override")
    advice: Advice | None = Field(default=None, description="新的意见 / the new advice")
    grade: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9]{1,8}$", description="新的等级 / the new grade"
    )
    reason_code: ReasonCode
    reason: FreeText = Field(
        description="理由，不得含联系方式或证件号 / why; no contact and no identity number"
    )
    until: date = Field(description="有效至（含） / the last day on which it counts")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decision_id": "0f2c7d0e5b1f4c60a5d9c9b8f3f2a110",
                    "advice": "manual_review",
                    "reason_code": "mitigation",
                    "reason": "已补充足额存单质押 / fully secured by a pledged deposit",
                    "until": "2027-03-31",
                }
            ]
        }
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.advice is None and self.grade is None:
            raise PydanticCustomError(
                "advice_or_grade",
                "needs advice, grade, or both",
                {
                    "zh": "advice 与 grade 须至少给出一个",
                    "en": "needs advice, grade, or both",
                },
            )
        return self


class ReviewReason(StrictModel):
    """理由。 / Why."""

    reason: FreeText = Field(
        description="理由，不得含联系方式或证件号 / why; no contact and no identity number"
    )

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "材料齐全 / the papers are complete"}]}
    )


class OverrideState(StrEnum):
    """pending 待批；active 生效；refused 未批准；withdrawn 已撤回；lapsed 已到期；superseded 已由新的调整取代。 / What became of it."""

    PENDING = "pending"
    ACTIVE = "active"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    SUPERSEDED = "superseded"


class CreditOverride(StrictModel):
    """一项调整的全部记录，模型的结果并列在旁。 / An override with the model's own answer beside it."""

    override_id: str
    status: OverrideState
    model: ModelAnswer
    advice: Advice
    grade: str | None
    reason_code: ReasonCode
    until: date
    asked: Acted
    answered: Acted | None = Field(description="批准或不批准 / approved or refused")
    withdrawn: Acted | None
    superseded_by: str | None = Field(
        default=None, description="取代它的调整 / the override that took its place"
    )


class CreditOverrideAnswer(Reading):
    """操作之后的调整。 / The override after the act."""

    override: CreditOverride


class CreditOverrideQuery(ListQuery):
    """查哪些调整。 / Which overrides to list."""

    status: OverrideState | None = None
    party_id: Id | None = None
    of_decision: Id | None = Field(default=None, description="哪一次评分 / of which score")


class CreditOverrides(Reading):
    """调整清单，新的在前；统计的是全部符合条件者，不只本页。 / Newest first; counts are over all that fit, not the page alone."""

    overrides: list[CreditOverride]
    cursor: int | None
    counts_by_reason: dict[str, int]
    counts_by_status: dict[str, int]
