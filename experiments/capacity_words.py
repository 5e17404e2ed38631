"""What a run of capacity tells its user when it is published."""

import math

import polars as pl

from experiments.job import Say
from models.capacity.published.capacity_run import CapacityRun

__all__ = ["tell_run"]


def tell_run(say: Say, run: CapacityRun, *, newest: str | None = None) -> None:
    """Tell the notes of a run, how good it is, and what to do next; newest: the run that plans and the service take."""
    info = run.info
    for note in info.notes:
        say(f"提示：{note.zh}", f"note: {note.en}")
    told = info.accuracy.get("lines", {})
    if "ratio" in told:
        say(
            f"{run.lines.height} 条产线；周产量中位数误差为计划产能的 {told['ratio']:.2f} 倍，80% 区间覆盖 {told['coverage']:.0%}",
            f"{run.lines.height} lines; error of the median week {told['ratio']:.2f} times the planned rate's, the 80 % band "
            f"covers {told['coverage']:.0%}",
        )
    _tell_losses(say, run)
    fell = info.accuracy.get("shortfall", {})
    if "calibration_error" in fell:
        skill = fell.get("brier_skill", math.nan)
        say(
            f"缺口概率回测：Brier 技巧 {skill:+.2f}，校准误差 {fell['calibration_error']:.3f}（{fell['pairs']:.0f} 对）",
            f"shortfall probabilities in the backtest: Brier skill {skill:+.2f}, calibration error "
            f"{fell['calibration_error']:.3f} ({fell['pairs']:.0f} pairs)",
        )
    _tell_outcome(say, run)
    if newest not in (None, info.run_id):
        say(
            f"数据截至 {info.data_as_of}，早于批次 {newest}：计划与服务仍用 {newest}。",
            f"Its data, up to {info.data_as_of}, are older than those of run {newest}, which plans and the service go on with.",
        )


def _tell_losses(say: Say, run: CapacityRun) -> None:
    """Name what most hours were lost to, where stops are reported."""
    if run.losses.is_empty():
        return
    most = run.losses.sort("hours", "line_id", "reason", descending=[True, False, False]).row(0, named=True)
    zh, en = most["loss_zh"] or most["reason"], most["loss_en"] or most["reason"]
    say(
        f"近 13 周停机损失最多的是产线 {most['line_id']} 的“{zh}”：{most['hours']:,.0f} 小时",
        f"most hours of stops over 13 weeks: {most['hours']:,.0f} h of line {most['line_id']}, {en}",
    )


def _tell_outcome(say: Say, run: CapacityRun) -> None:
    """Tell how much falls short and what to do next; without weeks that demand knows nothing was computed."""
    info = run.info
    if run.shortfall_products.is_empty():
        say(
            f"已发布 {info.run_id}；缺口与库存预警未计算，不能据此排产（原因见提示）。下一步：zhiheng demand run --freq 1w，"
            "再运行 zhiheng capacity forecast",
            f"published {info.run_id}; shortfalls and stock alerts were not computed and nothing can be planned on it (see "
            "the notes). Next: zhiheng demand run --freq 1w, then zhiheng capacity forecast",
        )
        return
    likely = run.shortfall_products.filter(pl.col("probability") >= 0.5)["product_id"].n_unique()  # noqa: PLR2004 - more likely than not
    say(
        f"已发布 {info.run_id}；{likely} 种产品在某周很可能短缺，{run.stock_alerts.height} 条库存预警。下一步：zhiheng capacity plan",
        f"published {info.run_id}; {likely} products more likely short than not in some week, {run.stock_alerts.height} "
        "stock alerts. Next: zhiheng capacity plan",
    )
