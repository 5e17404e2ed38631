"""Sentences on running periods, for planners."""

from typing import Any, Final

import polars as pl

from models.demand.analysis.change_texts import amount, percent

__all__ = ["with_texts"]

_VERDICT: Final = {
    "above": ("高于预测区间", "above the forecast's band"),
    "below": ("低于预测区间", "below the forecast's band"),
    "inside": ("在预测区间内", "within the forecast's band"),
}


def with_texts(judged: pl.DataFrame) -> pl.DataFrame:
    """Add text_zh and text_en to rows of a nowcast."""
    texts = [_text(row) for row in judged.iter_rows(named=True)]
    return judged.with_columns(
        pl.Series("text_zh", [zh for zh, _ in texts], dtype=pl.String),
        pl.Series("text_en", [en for _, en in texts], dtype=pl.String),
    )


def _text(row: dict[str, Any]) -> tuple[str, str]:
    if row["completed"] is None:
        return (
            f"截至 {row['as_of']}，本期（{row['ds']}）尚无可用订单，沿用预测 {amount(row['forecast'])}。",
            f"As of {row['as_of']} no orders of the period {row['ds']} can be used yet; "
            f"the forecast of {amount(row['forecast'])} stands.",
        )
    zh, en = _VERDICT[row["verdict"]]
    sure_zh, sure_en = ("，基本可以确定", ", as good as certain") if row["certain"] else ("", "")
    share = percent(row["difference_percent"])
    share_zh, share_en = (f"（{share}）", f" ({share})") if share else ("", "")
    gap = amount(row["difference"], signed=True)
    return (
        f"截至 {row['as_of']}，本期（{row['ds']}）已知订单 {amount(row['known'])}，约占 {row['elapsed']:.0%}；预计全期 "
        f"{amount(row['nowcast'])}（{amount(row['low'])} 至 {amount(row['high'])}），比预测 {amount(row['forecast'])} "
        f"{gap}{share_zh}，{zh}{sure_zh}。",
        f"As of {row['as_of']} orders of {amount(row['known'])} are known of the period {row['ds']}, about "
        f"{row['elapsed']:.0%} of it; the whole is expected at {amount(row['nowcast'])} ({amount(row['low'])} to "
        f"{amount(row['high'])}), {gap}{share_en} against the forecast of {amount(row['forecast'])}: {en}{sure_en}.",
    )
