"""What a run of capacity tells its user when it is published."""

import math

import polars as pl

from experiments.job import Say
from models.capacity.published.capacity_run import CapacityRun

__all__ = ["tell_run"]


def tell_run(say: Say, run: CapacityRun) -> None:
    """Tell the notes of a run, how good it is, and what to do next."""
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
    fell = info.accuracy.get("shortfall", {})
    if "calibration_error" in fell:
        skill = fell.get("brier_skill", math.nan)
        say(
            f"缺口概率回测：Brier 技巧 {skill:+.2f}，校准误差 {fell['calibration_error']:.3f}（{fell['pairs']:.0f} 对）",
            f"shortfall probabilities in the backtest: Brier skill {skill:+.2f}, calibration error "
            f"{fell['calibration_error']:.3f} ({fell['pairs']:.0f} pairs)",
        )
    likely = run.shortfall_products.filter(pl.col("probability") >= 0.5)["product_id"].n_unique()  # noqa: PLR2004 - more likely than not
    say(
        f"已发布 {info.run_id}；{likely} 种产品在某周很可能短缺，{run.stock_alerts.height} 条库存预警。下一步：zhiheng capacity plan",
        f"published {info.run_id}; {likely} products more likely short than not in some week, {run.stock_alerts.height} "
        "stock alerts. Next: zhiheng capacity plan",
    )
