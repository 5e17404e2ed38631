"""How far a forecast can be relied on: floor, repairs, series refused, a run that is old."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from serving.demand.schemas import DemandQuality, RefusedSeries
from serving.schemas import Note, QualityLevel

__all__ = ["answer_quality", "series_quality", "stale_notes"]

_APART: Final = Note(
    code="overrides_disagree",
    text_zh="本级的调整与下级的调整不一致，各级之和不等（差额见 override.gap）；请计划员协调。",
    text_en="The override of this level contradicts those below it, so the levels do not add up (see override.gap); "
    "planners have to agree.",
)


def series_quality(row: Mapping[str, object], *, apart: bool = False) -> DemandQuality:
    """Return the quality of one series from its row of the run; `apart`: its overrides contradict those below it."""
    notes = []
    level = QualityLevel(str(row["quality"]))
    if row["reason_zh"]:
        code = "floor" if row["floor"] else "fallback" if level is QualityLevel.FALLBACK else "remark"
        notes.append(Note(code=code, text_zh=str(row["reason_zh"]), text_en=str(row["reason_en"])))
    if row["findings"]:
        text = str(row["findings"])
        notes.append(
            Note(code="data_findings", text_zh=f"数据处理：{text}", text_en=f"Treatment of the data: {text}")
        )
    if apart:
        notes.append(_APART)
        level = QualityLevel.FALLBACK
    return DemandQuality(level=level, notes=notes)


def stale_notes(run_id: str, issued_at: datetime, now: datetime, *, stale_after_days: int) -> list[Note]:
    """Say so when a run was issued too long ago."""
    age = (now - issued_at).days
    if age <= stale_after_days:
        return []
    return [
        Note(
            code="stale_run",
            text_zh=f"预测批次 {run_id} 发布于 {issued_at:%Y-%m-%d}，已有 {age} 天（超过 {stale_after_days} 天）；"
            "请运行 `zhiheng demand run` 更新。",
            text_en=f"Run {run_id} was issued on {issued_at:%Y-%m-%d}, {age} days ago (more than {stale_after_days}); "
            "renew it with `zhiheng demand run`.",
        )
    ]


def answer_quality(
    notes: Sequence[Note], series: Sequence[DemandQuality] = (), refused: Sequence[RefusedSeries] = ()
) -> DemandQuality:
    """Sum the quality of an answer and of its series up: full only if nothing is stale, refused or less than full."""
    counts = {
        "series_refused": (
            len(refused),
            "个序列没有预测，原因见 refused",
            "series without a forecast, see refused",
        ),
        "series_fallback": (
            sum(one.level is not QualityLevel.FULL for one in series),
            "个序列为降级结果，原因见各序列",
            "series are fallbacks, see each of them",
        ),
    }
    told = [
        Note(code=code, text_zh=f"{count} {zh}。", text_en=f"{count} {en}.")
        for code, (count, zh, en) in counts.items()
        if count
    ]
    level = QualityLevel.FALLBACK if notes or told else QualityLevel.FULL
    if refused and not series:
        level = QualityLevel.REFUSED
    return DemandQuality(level=level, notes=[*notes, *told])
