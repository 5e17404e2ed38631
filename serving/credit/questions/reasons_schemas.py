"""Shapes of reasons: why a score is what it is, in both languages."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from serving.credit.questions.schemas import QuestionAnswer
from serving.credit.score.schemas import PartyId
from serving.schemas import StrictModel

__all__ = ["ReasonLine", "ReasonsAnswer", "ReasonsQuery", "SideSum"]


class ReasonsQuery(BaseModel):
    """按主体的最新评分，或台账中的一次评分。 / Of a party's newest score, or of a score in the ledger."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    party_id: PartyId | None = None
    decision_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        default=None, description="台账编号 / id in the ledger"
    )
    top: int = Field(default=5, ge=1, le=50, description="理由条数 / number of reasons")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.party_id is None) == (self.decision_id is None):
            raise PydanticCustomError(
                "party_or_decision",
                "give either party_id or decision_id",
                {
                    "zh": "party_id 与 decision_id 须给出且只给出一个",
                    "en": "give either party_id or decision_id, one of the two",
                },
            )
        return self


class ReasonLine(StrictModel):
    """一条理由。 / One reason."""

    feature: str
    dimension: str | None
    name_zh: str
    name_en: str
    value: float | None = Field(
        description="private 且密钥只限部分企业时为 null / null where private and the key is for some companies"
    )
    value_text_zh: str
    value_text_en: str
    private: bool = Field(
        description="数值涉及他人或家庭：只给覆盖全集团的密钥，不可写入告知函 / the value tells of others or of a family: told to keys of "
        "the whole group alone, never in a letter to the party"
    )
    contribution: float = Field(description="对数几率，正值抬高违约概率 / log-odds, positive raises the PD")
    pd_change: float = Field(description="没有它时违约概率之差 / the PD less what it would be without it")
    points: int | None
    text_zh: str
    text_en: str
    notice_zh: str = Field(description="可写入告知函 / may stand in a letter to the party")
    notice_en: str


class SideSum(StrictModel):
    """一个维度的合计；各维度与基准之和为总数。 / The sum of one side; all sides and the base give the total."""

    dimension: str | None
    name_zh: str
    name_en: str
    features: int
    contribution: float
    raised: float
    lowered: float
    shown: float = Field(description="两位小数，相加恰为总数 / to two decimals, adding up exactly")
    points: int | None


class ReasonsAnswer(QuestionAnswer):
    """评分的理由。 / The reasons of a score."""

    party_id: str | None
    of_decision: str | None = Field(
        description="所解释的评分 / the score that is explained; null: the newest"
    )
    pd: float = Field(ge=0, le=1)
    log_odds: float
    base_log_odds: float
    shown_log_odds: float
    shown_base: float
    points: int | None
    base_points: int | None
    reasons: list[ReasonLine] = Field(description="影响最大的在前 / largest first")
    adverse: list[ReasonLine] = Field(description="只含抬高违约概率的 / only what raises the PD")
    dimensions: list[SideSum]
