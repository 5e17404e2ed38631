"""Shapes that all answers share; unknown fields are refused, so a misspelt one cannot pass unnoticed."""

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "FieldError",
    "Health",
    "NoQuery",
    "Note",
    "PartHealth",
    "ProblemBody",
    "Quality",
    "QualityLevel",
    "StrictModel",
]


class StrictModel(BaseModel):
    """A shape that refuses unknown fields and other types."""

    # Built when first used: a worker knows some 300 shapes, of which its first answers need few.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class NoQuery(StrictModel):
    """这个地址不带参数。 / This address takes no query."""


class Note(StrictModel):
    """一条说明。 / A remark with a code that does not change and its text in both languages."""

    code: str
    text_zh: str
    text_en: str


class QualityLevel(StrEnum):
    """full：正常；fallback：降级；rules_only：模型停用，只有规则；refused：拒绝（只在错误中）。 / refused occurs in problems only."""

    FULL = "full"
    FALLBACK = "fallback"
    RULES_ONLY = "rules_only"
    REFUSED = "refused"


class Quality(StrictModel):
    """结果的质量。 / How far the answer can be relied on, and why."""

    level: QualityLevel
    features_known: int
    features_total: int
    notes: list[Note]


class FieldError(StrictModel):
    """不符合要求的字段。 / A field that broke a rule."""

    field: str
    rule: str
    message: str


class ProblemBody(StrictModel):
    """RFC 9457 错误说明，语言按 Accept-Language。 / RFC 9457 problem; language by Accept-Language."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] | None = None
    quality: Quality | None = None


class PartHealth(StrictModel):
    """一个部件的状态。 / State of one part of the service."""

    ready: bool
    version: str | None = None
    as_of: date | None = None
    count: int | None = None
    last: str | None = None
    level: str | None = None
    explainer: str | None = Field(
        default=None,
        description="贡献如何算出：compiled（快）、pred_contrib（慢）或 mixed / how contributions are found: compiled (fast), "
        "pred_contrib (slow), mixed",
    )
    problem_zh: str | None = None
    problem_en: str | None = None


class Health(StrictModel):
    """各部件是否可用及其日期。 / Which parts work, and how fresh they are."""

    ready: bool
    parts: dict[str, PartHealth]
