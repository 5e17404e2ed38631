"""Shapes of the list of risky use."""

from datetime import datetime

from pydantic import Field

from serving.access.risk_events import RiskEvent, RiskKind
from serving.listing import ListQuery
from serving.schemas import StrictModel

__all__ = ["RiskyUseAnswer", "RiskyUseItem", "RiskyUseQuery", "risky_use_item"]


class RiskyUseQuery(ListQuery):
    """按种类、密钥与时间筛选。 / Filter by kind, key and time."""

    kind: RiskKind | None = Field(default=None, description="种类。 / Kind.")
    key_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9:]+$",
        description="密钥编号，或 sso: 开头的用户编号。 / Id of the key, or of a person (sso:…).",
    )


class RiskyUseItem(StrictModel):
    """一次值得审计查看的使用。 / Use of the service that an auditor should look at."""

    seq: int
    decision_id: str = Field(description="台账编号。 / Its record in the ledger.")
    at: datetime
    kind: RiskKind
    key_id: str
    key_name: str
    companies: list[str]
    rows: int | None = Field(description="行数或次数。 / Rows, or how often.")
    window_seconds: float | None = Field(description="在多长时间内。 / Within how long.")
    text_zh: str
    text_en: str


class RiskyUseAnswer(StrictModel):
    """新的在前；cursor 为空即已到底。 / Newest first; no cursor means that there are no more."""

    request_id: str
    events: list[RiskyUseItem]
    cursor: int | None


_TEXTS: dict[RiskKind, tuple[str, str]] = {
    RiskKind.BULK_EXPORT: ("批量导出决策", "bulk export of decisions"),
    RiskKind.MASS_SCORING_OFF_HOURS: ("工作时间之外大量评分", "mass scoring outside working hours"),
    RiskKind.MANY_PARTIES_OFF_HOURS: (
        "工作时间之外查询大量不同主体",
        "many different parties asked about outside working hours",
    ),
    RiskKind.MANY_REFUSALS: ("多次被拒绝", "refused many times"),
    RiskKind.MANY_OUT_OF_SCOPE: ("多次查询其企业范围之外的内容", "asked for others' companies many times"),
    RiskKind.WITHDRAWN_KEY_USED: ("使用已撤销的密钥", "a withdrawn key was used"),
    RiskKind.EXPIRED_KEY_USED: ("使用已到期的密钥", "a key was used after its end"),
    RiskKind.ROTATED_KEY_USED: (
        "使用已换发的旧密文",
        "an old secret was used after its key had been rotated",
    ),
}


def risky_use_item(event: RiskEvent) -> RiskyUseItem:
    """Return an event as an auditor reads it."""
    zh, en = _TEXTS[event.kind]
    seconds = event.said.get("window_seconds")
    return RiskyUseItem(
        seq=event.seq,
        decision_id=event.decision_id,
        at=event.at,
        kind=event.kind,
        key_id=event.key_id,
        key_name=event.key_name,
        companies=list(event.companies),
        rows=event.rows,
        window_seconds=float(seconds) if isinstance(seconds, int | float) else None,
        text_zh=zh,
        text_en=en,
    )
