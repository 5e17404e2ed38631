"""Shapes of planners' overrides: what is asked, what is kept, what became of it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, FiniteFloat
from pydantic_core import PydanticCustomError

from serving.demand.schemas import DemandQuality, Driver, Ds, Key, RunStamp, SeriesId
from serving.listing import ListQuery
from serving.schemas import StrictModel

__all__ = [
    "MadeOverride",
    "OverrideAnswer",
    "OverrideHistory",
    "OverrideHistoryQuery",
    "OverrideKind",
    "OverrideRequest",
    "OverrideStatus",
    "OverrideWithdrawal",
    "StoredOverride",
]


def _is_reason(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("reason_missing", "must say why")
    return text


Reason = Annotated[str, AfterValidator(_is_reason), Field(max_length=1000, description="理由 / why")]


class OverrideKind(StrEnum):
    """absolute：直接给数；percent：在模型的数上加减百分比。 / absolute figure, or percent on the model's."""

    ABSOLUTE = "absolute"
    PERCENT = "percent"


class OverrideRequest(StrictModel):
    """以计划员的判断代替模型的数。 / A planner's judgement in place of the model's figure."""

    unique_id: SeriesId
    freq: str | None = Field(default=None, max_length=10)
    periods: list[Ds] = Field(min_length=1, max_length=100, description="哪些期间 / which periods")
    kind: OverrideKind
    value: FiniteFloat = Field(
        description="absolute：该期的数；percent：10 表示加 10 % / the figure, or 10 for ten percent more"
    )
    reason: Reason
    until: date = Field(description="到哪一天（含）为止有效 / the last day on which it counts")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "unique_id": "SKU-001/华东",
                    "periods": ["2026-12-01"],
                    "kind": "percent",
                    "value": 10.0,
                    "reason": "客户新增一条产线 / a customer adds a line",
                    "until": "2026-12-31",
                }
            ]
        }
    )


class OverrideWithdrawal(StrictModel):
    """撤回一条调整；原记录保留。 / Withdraw an override; its record stays."""

    override_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    reason: Reason


class OverrideStatus(StrEnum):
    """active 有效；lapsed 已到期；withdrawn 已撤回；superseded 被更新的调整取代。 / Whether it still counts, and if not why."""

    ACTIVE = "active"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class StoredOverride(StrictModel):
    """一条调整的全部记录。 / An override with who, why, until when, and what became of it."""

    override_id: str
    decision_id: str
    unique_id: str
    org_id: str | None
    level: str | None
    freq: str
    periods: list[str]
    kind: OverrideKind
    value: float
    reason: str
    until: date
    made_by: str
    key_id: str
    made_at: datetime
    run_id: str
    model_figures: list[float] = Field(
        description="当时模型的数 / the model's figures at that time, by period"
    )
    status: OverrideStatus
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_reason: str | None


class MadeOverride(StrictModel):
    """某一期：模型的数与最终的数。 / One period: the model's figure and the final one."""

    ds: str
    forecast: float
    final: float
    drivers: list[Driver]


class OverrideAnswer(RunStamp):
    """调整（或撤回）之后。 / After an override, or its withdrawal."""

    request_id: str
    decision_id: str
    quality: DemandQuality
    override: StoredOverride
    points: list[MadeOverride]


class OverrideHistoryQuery(ListQuery):
    """查哪些调整，按作出的时刻。 / Which overrides to list, by when they were made."""

    unique_id: SeriesId | None = None
    company: Key | None = None
    status: OverrideStatus | None = None


class OverrideHistory(StrictModel):
    """调整的历史，新的在前。 / Overrides, newest first."""

    request_id: str
    decision_id: str
    decided_at: datetime
    quality: DemandQuality
    overrides: list[StoredOverride]
    cursor: int | None
