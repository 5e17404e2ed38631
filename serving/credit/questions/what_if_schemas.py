"""Shapes of what if: inputs changed, and what the model then answers."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from serving.credit.questions.schemas import QuestionAnswer
from serving.credit.score.schemas import PartyId
from serving.schemas import StrictModel

__all__ = ["ChangedInput", "Moved", "StandingNow", "WhatIfAnswer", "WhatIfRequest"]


class WhatIfRequest(StrictModel):
    """改变哪些输入：主体编号或一组特征值，以及要改变的特征。 / Whose inputs to change: a party or a set of values, and the changes."""

    party_id: PartyId | None = None
    features: dict[str, FiniteFloat | None] | None = Field(
        default=None, max_length=2000, description="特征名到数值 / feature name to value"
    )
    changes: Annotated[dict[str, FiniteFloat | None], Field(min_length=1, max_length=50)] = Field(
        description="要改变的特征与新值，null 表示未知 / features to change with their new value, null is unknown"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["party_id"]}, {"required": ["features"]}],
            "examples": [{"party_id": "P0000001", "changes": {"leverage": 0.6}}],
        }
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.party_id is None) == (self.features is None):
            raise PydanticCustomError("one_of_two", "give either party_id or features, not both and not none")
        return self


class StandingNow(StrictModel):
    """一次测算的结果。 / Where the model puts the party."""

    pd: float = Field(ge=0, le=1)
    log_odds: float
    grade: str
    rank: float = Field(description="在等级内的位置，0 最好 1 最差 / place within the grade, 0 best, 1 worst")
    points: int | None


class ChangedInput(StrictModel):
    """一项改变。 / One input before and after."""

    feature: str
    name_zh: str
    name_en: str
    unit: str
    before: float | None = Field(description="未知时为 null / null where unknown")
    after: float | None
    private: bool = Field(
        default=False,
        description="原值涉及他人或家庭；只限部分企业的密钥不能对主体测算它的改变 / the value before tells of others or of a "
        "family; a key for some companies may not change it in a party's inputs",
    )
    linked: list[str] = Field(
        description="实际会随之变化、测算中未改动的特征 / features that would move along and were left as they are"
    )


class Moved(StrictModel):
    """一项贡献的变化（对数几率）。 / How a contribution moved, in log-odds."""

    feature: str
    name_zh: str
    name_en: str
    change: float


class WhatIfAnswer(QuestionAnswer):
    """改变前后模型的回答；不是因果承诺，也不是决策。 / What the model answers before and after; no promise, and no decision."""

    party_id: str | None
    before: StandingNow
    after: StandingNow
    changes: list[ChangedInput]
    contributions: list[Moved] = Field(
        description="变化的贡献，最大的在前 / contributions that moved, largest first"
    )
    linked_zh: str | None = Field(description="联动提示 / warning of linked inputs")
    linked_en: str | None
    text_zh: str
    text_en: str
    caution_zh: str
    caution_en: str
