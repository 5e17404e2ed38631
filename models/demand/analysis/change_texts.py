"""Sentences on changes of a series, for planners."""

from collections.abc import Mapping
from typing import Any, Final

from features.timeline import Frequency

__all__ = ["amount", "change_text", "percent"]

_UNIT_ZH: Final = {
    Frequency.HOUR: "每小时", Frequency.DAY: "每天", Frequency.WEEK: "每周", Frequency.MONTH: "每月",
    Frequency.QUARTER: "每季", Frequency.INTEGER: "每期",
}  # fmt: skip
_UNIT_EN: Final = {
    Frequency.HOUR: "an hour", Frequency.DAY: "a day", Frequency.WEEK: "a week", Frequency.MONTH: "a month",
    Frequency.QUARTER: "a quarter", Frequency.INTEGER: "a period",
}  # fmt: skip
_DIGITS: Final = ((1000.0, 0), (10.0, 1), (0.1, 2))


def amount(value: float, *, signed: bool = False) -> str:
    """Write a quantity with as many digits as a planner reads."""
    digits = next((count for size, count in _DIGITS if abs(value) >= size), 3)
    return f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"


def percent(value: float | None) -> str:
    """Write a change in percent, or nothing where there is no base."""
    return "" if value is None else f"{value:+.1f} %"


def change_text(row: Mapping[str, Any], frequency: Frequency) -> tuple[str, str]:
    """Say in Chinese and English when what changed, by how much and how surely."""
    span_zh = (
        f"{row['ds']}（{row['ds_from']} 至 {row['ds_to']} 之间）"
        if row["ds_from"] != row["ds_to"]
        else f"{row['ds']}"
    )
    span_en = (
        f"{row['ds']} ({row['ds_from']} to {row['ds_to']})"
        if row["ds_from"] != row["ds_to"]
        else f"{row['ds']}"
    )
    step_zh, step_en = _step(row)
    turn_zh, turn_en = _turn(row, frequency)
    zh = {"level": step_zh, "slope": turn_zh, "both": f"{step_zh}，{turn_zh}"}[row["kind"]]
    en = {"level": step_en, "slope": turn_en, "both": f"{step_en} and {turn_en}"}[row["kind"]]
    sure = f"{min(row['confidence'], 0.999):.1%}"
    return f"{span_zh} 起{zh}，置信度 {sure}。", f"From {span_en} {en}; confidence {sure}."


def _step(row: Mapping[str, Any]) -> tuple[str, str]:
    low, high, share = amount(row["level_before"]), amount(row["level_after"]), percent(row["change_percent"])
    up = row["change"] >= 0
    zh = f"水平由 {low} {'升' if up else '降'}至 {high}" + (f"（{share}）" if share else "")
    en = f"the level {'rises' if up else 'falls'} from {low} to {high}" + (f" ({share})" if share else "")
    return zh, en


def _turn(row: Mapping[str, Any], frequency: Frequency) -> tuple[str, str]:
    low, high = amount(row["slope_before"], signed=True), amount(row["slope_after"], signed=True)
    return (
        f"趋势由{_UNIT_ZH[frequency]} {low} 变为 {high}",
        f"the trend turns from {low} to {high} {_UNIT_EN[frequency]}",
    )
