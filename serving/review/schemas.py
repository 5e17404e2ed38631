"""Shapes that overrides and appeals share."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from models.credit.policy import Advice
from serving.schemas import Note, StrictModel

__all__ = ["Acted", "Id", "ModelAnswer", "Reading", "StandingAdvice", "StandingBy"]

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class ModelAnswer(StrictModel):
    """模型当时的结果，不因调整或申诉而改变。 / What was answered at the time; no override or appeal changes it."""

    decision_id: str
    route: str
    party_id: str
    pd: float | None = Field(description="仅按规则出具时为 null / null where rules alone answered")
    grade: str | None
    advice: Advice
    decided_by: list[str]
    hard_stops: list[str] = Field(description="命中的硬性禁止规则 / the hard stops it hit")
    key_id: str = Field(description="当时发起评分的密钥 / the key that asked for it")
    model_version: str | None
    policy: str | None
    decided_at: datetime


class StandingBy(StrEnum):
    """model 模型；override 生效的调整；appeal 申诉复核。 / Whose advice stands now."""

    MODEL = "model"
    OVERRIDE = "override"
    APPEAL = "appeal"


class StandingAdvice(StrictModel):
    """现在以哪个意见为准。 / The advice that stands now, and whose it is."""

    by: StandingBy
    advice: Advice
    grade: str | None
    review_id: str | None


class Reading(StrictModel):
    """每个答复都有的字段。 / What every answer says."""

    request_id: str
    decision_id: str = Field(description="本次操作的台账编号 / this call's own id in the ledger")
    decided_at: datetime
    notes: list[Note]


class Acted(StrictModel):
    """谁在何时以何理由做了什么。 / Who acted, when, and why."""

    name: str
    key_id: str
    at: datetime
    reason: str | None
    record_id: str = Field(description="该操作的台账编号 / the act's own id in the ledger")
