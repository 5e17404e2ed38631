"""What answers to questions beside the score share: who asked, as of when, how far they can be relied on."""

from datetime import date, datetime

from pydantic import Field

from serving.schemas import Note, QualityLevel, StrictModel

__all__ = ["QuestionAnswer", "QuestionQuality"]


class QuestionQuality(StrictModel):
    """结果的质量及原因。 / How far the answer can be relied on, and why."""

    level: QualityLevel
    notes: list[Note]


class QuestionAnswer(StrictModel):
    """各项回答共有的内容。 / What every answer holds."""

    request_id: str
    decision_id: str = Field(description="台账编号 / id in the ledger")
    answered_at: datetime
    model_version: str | None = Field(description="null：不涉及模型 / null: no model is involved")
    data_as_of: date | None
    graph_as_of: date | None
    quality: QuestionQuality
