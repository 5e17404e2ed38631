"""Sentences on what a series is made of, for planners."""

from typing import Any, Final

import polars as pl

from models.demand.analysis.change_texts import percent

__all__ = ["with_texts"]

_STRONG, _CLEAR = 0.7, 0.3
_GRADES: Final = (("很强", "strong"), ("明显", "clear"), ("较弱", "weak"))
_SEASONS: Final = {
    "4": ("年内季节", "yearly season"), "7": ("周内规律", "weekly pattern"), "12": ("年内季节", "yearly season"),
    "24": ("日内规律", "daily pattern"), "52": ("年内季节", "yearly season"), "168": ("周内规律", "weekly pattern"),
    "365": ("年内季节", "yearly season"), "8766": ("年内季节", "yearly season"),
}  # fmt: skip


def with_texts(strengths: pl.DataFrame) -> pl.DataFrame:
    """Add text_zh and text_en to rows with part, strength and change_percent."""
    texts = [_text(row) for row in strengths.iter_rows(named=True)]
    return strengths.with_columns(
        pl.Series("text_zh", [zh for zh, _ in texts], dtype=pl.String),
        pl.Series("text_en", [en for _, en in texts], dtype=pl.String),
    )


def _text(row: dict[str, Any]) -> tuple[str, str]:
    zh, en = _name(row["part"])
    strength = row["strength"]
    if strength is None:
        return f"{zh}：数据太少，无法判断。", f"{en}: too few values to tell."
    grade = _GRADES[0 if strength >= _STRONG else 1 if strength >= _CLEAR else 2]
    change = row["change_percent"]
    more_zh = f"，近一年 {percent(change)}" if change is not None else ""
    more_en = f", {percent(change)} over the last year" if change is not None else ""
    return (
        f"{zh}{grade[0]}（强度 {strength:.2f}）{more_zh}。",
        f"{en}: {grade[1]} (strength {strength:.2f}){more_en}.",
    )


def _name(part: str) -> tuple[str, str]:
    if part == "trend":
        return "趋势", "Trend"
    if part == "calendar":
        return "节假日影响", "Holidays and working days"
    length = part.removeprefix("season_")
    zh, en = _SEASONS.get(length, (f"每 {length} 期的季节", f"season of {length} periods"))
    return zh, en[0].upper() + en[1:]
