"""Shapes of decisions as they are read again: one, a page of them, a replay."""

from enum import StrEnum

from pydantic import Field

from serving.listing import Cursor, ListQuery, SpanQuery
from serving.review.appeal_schemas import Appeal
from serving.review.note_schemas import DecisionNote
from serving.review.override_schemas import CreditOverride
from serving.review.schemas import Id, Reading, StandingAdvice
from serving.schemas import Note, StrictModel

__all__ = [
    "DecisionAnswer",
    "DecisionQuery",
    "DecisionSummary",
    "Decisions",
    "Difference",
    "ExportQuery",
    "ReplayAnswer",
    "ReplayOutcome",
    "StoredDecision",
]


class DecisionQuery(ListQuery):
    """查哪些决策；条件之间为“且”。 / Which decisions to list; all conditions must hold."""

    route: str | None = Field(
        default=None, max_length=100, description="如 credit/score / such as credit/score"
    )
    subject: Id | None = Field(default=None, description="主体编号 / id of the party")
    company: Id | None = Field(default=None, description="发起密钥所属企业 / a company of the key that asked")
    key_id: str | None = Field(default=None, max_length=100)
    advice: str | None = Field(default=None, max_length=20)
    grade: str | None = Field(default=None, max_length=8)
    model_version: str | None = Field(default=None, max_length=100)


class DecisionSummary(StrictModel):
    """一条决策的要点。 / The main points of a decision."""

    seq: int
    decision_id: str
    recorded_at: str
    route: str
    subject: str
    companies: list[str]
    key_id: str
    pd: float | None
    grade: str | None
    advice: str | None
    quality: str | None
    model_version: str | None
    hash: str


class Decisions(Reading):
    """决策清单，新的在前；cursor 非空时还有更早的。 / Newest first; there may be older ones where there is a cursor."""

    decisions: list[DecisionSummary]
    cursor: int | None


class StoredDecision(StrictModel):
    """台账中的一行，与当时所写一致；只限部分企业的密钥看不到其他企业与全集团的数额。 / A row of the ledger, as it was written; a
    key for some companies is not shown figures of others and of the whole group.
    """

    seq: int
    decision_id: str
    recorded_at: str
    record: dict[str, object]
    left_out: list[str] = Field(
        default=[],
        description="未列出的字段；hash 与 intact 针对完整记录 / fields that are left out; hash and intact are of the whole record",
    )
    prev_hash: str
    hash: str
    intact: bool = Field(
        description="台账中的完整记录与哈希相符 / the whole record in the ledger fits its hash"
    )


class DecisionAnswer(Reading):
    """一条决策，以及此后人对它做了什么。 / A decision, and what people did about it since."""

    decision: StoredDecision
    standing: StandingAdvice | None = Field(
        description="不是对主体的信用评分时为 null / null where it is no credit score of a party"
    )
    overrides: list[CreditOverride]
    appeals: list[Appeal]
    annotations: list[DecisionNote] = Field(
        description="人的批注，新的在前；不改变结果 / notes of people, newest first; they change nothing"
    )


class ReplayOutcome(StrEnum):
    """identical 逐位一致；differs 有差异；impossible 无法重算，原因见 notes。 / Whether it is the same, bit for bit."""

    IDENTICAL = "identical"
    DIFFERS = "differs"
    IMPOSSIBLE = "impossible"


class Difference(StrictModel):
    """一个不同的字段，值为 JSON 文本；null 表示没有该字段。 / A field that differs, values as JSON text; null: not there."""

    field: str
    then: str | None
    now: str | None


class ReplayAnswer(Reading):
    """用当时的输入、模型与政策重算的结果。 / The same inputs, model and policy computed again."""

    of_decision: str
    route: str
    outcome: ReplayOutcome
    identical: bool | None = Field(description="无法重算时为 null / null where it cannot be computed")
    reasons: list[Note] = Field(
        description="无法重算的原因，或此后变动的说明 / why it is impossible, or what else has changed"
    )
    differences: list[Difference]
    figures: list[Difference] = Field(
        description="主要数字的当时值与现值，也含相同的 / main figures of then and now, the same ones too"
    )


class ExportQuery(SpanQuery):
    """导出哪些记录，旧的在前。 / Which records to export, oldest first."""

    cursor: Cursor | None = Field(
        default=None,
        description="上一个文件的 X-Export-Cursor，从其后开始 / X-Export-Cursor of the file before; this one begins behind it",
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        description="最多行数；不写为服务的上限 / rows at most; the service's limit where left out",
    )
