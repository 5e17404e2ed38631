"""How far an answer about capacity can be relied on: fallbacks of lines, lines refused, a run that is old."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl

from models.capacity.published.panel_notes import FOUND
from models.capacity.published.run_info import INFORMING, CapacityInfo
from models.capacity.published.run_info import Note as RunNote
from serving.demand.schemas import DemandQuality
from serving.schemas import Note, QualityLevel

__all__ = ["capacity_quality", "line_quality", "run_notes", "stale_notes", "told"]

_FULL: Final = "full"
_NOT_OF_LINES: Final = frozenset(
    {"line_below_full", "route_left_out", "order_left_out", "demand_left_out", "stock_carried_forward"}
)
_MASKED: Final = (
    "批次带有说明，涉及的产线或产品可能不属于该密钥覆盖的企业，内容请向全集团的计划员了解。",
    "The run carries a remark that may name lines or products outside the key's companies; ask a planner of the group.",
)


def told(notes: Sequence[RunNote]) -> list[Note]:
    """Write notes of the models as an answer holds them."""
    return [Note(code=note.code, text_zh=note.zh, text_en=note.en) for note in notes]


def run_notes(info: CapacityInfo, *, whole: bool, lines_alone: bool = False) -> list[Note]:
    """Return what the run says of itself.

    Its words may name anybody's lines: what is not about the `whole` group has their codes alone.
    `lines_alone`: leave out what does not touch forecasts of lines, or stands with each line.
    """
    notes = [note for note in info.notes if not (lines_alone and note.code in _NOT_OF_LINES)]
    if whole:
        return told(notes)
    codes = list(dict.fromkeys(note.code for note in notes))
    return [Note(code=code, text_zh=_MASKED[0], text_en=_MASKED[1]) for code in codes]


def stale_notes(info: CapacityInfo, now: datetime, *, stale_after_days: int) -> list[Note]:
    """Say so when a run was issued too long ago."""
    age = (now - info.issued_at).days
    if age <= stale_after_days:
        return []
    return [
        Note(
            code="stale_run",
            text_zh=f"产能批次 {info.run_id} 发布于 {info.issued_at:%Y-%m-%d}，已有 {age} 天（超过 {stale_after_days} 天）；"
            "请运行 `zhiheng capacity forecast` 更新。",
            text_en=f"Capacity run {info.run_id} was issued on {info.issued_at:%Y-%m-%d}, {age} days ago (more than "
            f"{stale_after_days}); renew it with `zhiheng capacity forecast`.",
        )
    ]


def line_quality(points: pl.DataFrame) -> DemandQuality:
    """Return the quality of a line: less than full where one of its weeks or days is, each reason once."""
    lesser = points.filter(pl.col("quality_flag") != _FULL)
    reasons = lesser.select("quality_flag", "reason_zh", "reason_en").unique(maintain_order=True)
    notes = [Note(code=str(flag), text_zh=str(zh), text_en=str(en)) for flag, zh, en in reasons.iter_rows()]
    return DemandQuality(level=QualityLevel.FALLBACK if notes else QualityLevel.FULL, notes=notes)


def capacity_quality(
    notes: Sequence[Note], lines: Sequence[DemandQuality] = (), refused: int = 0
) -> DemandQuality:
    """Sum the quality of an answer and of its lines up; notes that only inform leave it full."""
    lesser = sum(one.level is not QualityLevel.FULL for one in lines)
    counts = (
        ("lines_refused", refused, "条产线没有预测，原因见 refused", "lines without a forecast, see refused"),
        ("lines_fallback", lesser, "条产线为降级结果，原因见各产线", "lines are fallbacks, see each of them"),
    )
    summed = [
        Note(code=code, text_zh=f"{count} {zh}。", text_en=f"{count} {en}.")
        for code, count, zh, en in counts
        if count
    ]
    lessened = summed or any(note.code not in INFORMING | FOUND for note in notes)
    level = QualityLevel.FALLBACK if lessened else QualityLevel.FULL
    if refused and not lines:
        level = QualityLevel.REFUSED
    return DemandQuality(level=level, notes=[*notes, *summed])
