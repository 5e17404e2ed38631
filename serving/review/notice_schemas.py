"""Shape of the notice of an adverse decision."""

from datetime import date, datetime

from pydantic import Field

from models.credit.policy import Advice
from serving.review.schemas import Reading, StandingBy
from serving.schemas import StrictModel

__all__ = ["DataUsed", "Notice", "TwoLanguages", "two_languages"]


class TwoLanguages(StrictModel):
    """一段文字。 / A text in both languages."""

    zh: str
    en: str


def two_languages(text: tuple[str, str]) -> TwoLanguages:
    """Return a pair of texts, Chinese first, as answers show it."""
    return TwoLanguages(zh=text[0], en=text[1])


class DataUsed(StrictModel):
    """用到的一类数据。 / A category of data that was used."""

    table: str
    name: TwoLanguages
    as_of: date | None


class Notice(Reading):
    """不利决定通知书：只含该主体自己的情况，不含其他主体的数字。 / Only about the party itself; no figure of another party."""

    of_decision: str
    party_id: str
    decided_on: datetime
    advice: Advice
    by: StandingBy = Field(description="意见出自模型、人工调整还是申诉复核 / whose advice it is")
    headline: TwoLanguages
    reasons: list[TwoLanguages] = Field(
        max_length=4, description="主要原因，最多 4 条 / main reasons, at most 4"
    )
    data_used: list[DataUsed]
    model_used: TwoLanguages
    appeal: TwoLanguages
    appeal_until: date
    answered_by: TwoLanguages
