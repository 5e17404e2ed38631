"""Sentences on outliers, for planners."""

from typing import Any, Final

import polars as pl

from models.demand.analysis.change_texts import amount, percent
from models.demand.analysis.outlier_causes import FESTIVALS

__all__ = ["with_texts"]

_ADVICE: Final = {
    "keep": ("属正常规律，建议保留", "It follows from what is known; keep it"),
    "leave_out": (
        "建议学习时剔除，由计划员决定",
        "Advice: leave it out of learning, for the planner to decide",
    ),
    "check": ("持续较久，请核对是否水平已变", "It lasts; check whether the level has changed"),
}


def with_texts(found: pl.DataFrame) -> pl.DataFrame:
    """Add text_zh and text_en to rows with ds, y, expected, deviation_percent, explained_by and advice."""
    texts = [_text(row) for row in found.iter_rows(named=True)]
    return found.with_columns(
        pl.Series("text_zh", [zh for zh, _ in texts], dtype=pl.String),
        pl.Series("text_en", [en for _, en in texts], dtype=pl.String),
    )


def _text(row: dict[str, Any]) -> tuple[str, str]:
    share = percent(row["deviation_percent"])
    share_zh, share_en = (f"（{share}）", f" ({share})") if share else ("", "")
    zh, en = _cause(row["explained_by"])
    advice = _ADVICE[row["advice"]]
    actual, usual = amount(row["y"]), amount(row["expected"])
    return (
        f"{row['ds']} 实际 {actual}，常态 {usual}{share_zh}；{zh}。{advice[0]}。",
        f"{row['ds']}: {actual} against {usual} as usual{share_en}; {en}. {advice[1]}.",
    )


def _cause(explained_by: str | None) -> tuple[str, str]:
    if explained_by is None:
        return "没有已知原因", "no known cause"
    kind, _, name = explained_by.partition(":")
    match kind:
        case "event":
            return f"已知事件：{name}", f"known event: {name}"
        case "driver":
            return f"驱动因素：{name}", f"driver: {name}"
        case "return":
            return "负数，应为退货", "negative, most likely returns"
        case "working_days":
            return "调休或放假", "a day off or a make-up working day"
        case _:
            zh, en = FESTIVALS[kind]
            return f"处于{zh}前后", f"around {en}"
