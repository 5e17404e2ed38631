"""Compare a plan with the last one: quantities, hours, what it earns, and what binds now or no longer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from models.capacity.allocation.plan import Plan
from models.capacity.allocation.wording import amount

__all__ = ["PlanDifference", "difference"]

_NOTHING: Final = 1e-6
_KEYS: Final = ("line_id", "product_id", "week")


@dataclass(frozen=True)
class PlanDifference:
    """What a plan changes against the last one; after less before, a week in one of them alone left out.

    - `production` [line_id, product_id, week, hours_before, hours, hours_change, quantity_before, quantity,
      quantity_change], `lines` [line_id, week, ...hours...], `products` [product_id, week, production..., delivered...,
      stock..., backlog...]: rows that differ, largest change first.
    - `binding` [constraint, kind, line_id, product_id, week, status (new | vanished | kept), shadow_price_before,
      shadow_price, text_zh, text_en].
    - `summary`: one row: value_before, value, value_change, hours_kept (share of the last plan's hours that stay where
      they were, null without any), rows_changed, new_binding, vanished_binding, weeks, text_zh, text_en.
    """

    production: pl.DataFrame
    lines: pl.DataFrame
    products: pl.DataFrame
    binding: pl.DataFrame
    summary: pl.DataFrame


def difference(before: Plan, after: Plan) -> PlanDifference:
    """Return what `after` changes against `before`, over the weeks of both; values are of each whole plan."""
    weeks = sorted(set(before.products["week"].to_list()) & set(after.products["week"].to_list()))
    old, new = (
        (plan.production.filter(pl.col("week").is_in(weeks)) for plan in (before, after))
        if weeks
        else _none(before)
    )
    production = _changes(old, new, _KEYS, ("hours", "quantity"))
    lines = _changes(_of_lines(old), _of_lines(new), ("line_id", "week"), ("hours",))
    columns = ("production", "delivered", "stock", "backlog")
    shared = [plan.products.filter(pl.col("week").is_in(weeks)) for plan in (before, after)]
    products = _changes(shared[0], shared[1], ("product_id", "week"), columns)
    binding = _binding(
        before.binding.filter(pl.col("week").is_in(weeks)), after.binding.filter(pl.col("week").is_in(weeks))
    )
    return PlanDifference(
        production=production,
        lines=lines,
        products=products,
        binding=binding,
        summary=_summary(before, after, production, binding, kept=_kept(old, new), weeks=len(weeks)),
    )


def _none(plan: Plan) -> Sequence[pl.DataFrame]:
    return plan.production.clear(), plan.production.clear()


def _of_lines(production: pl.DataFrame) -> pl.DataFrame:
    """Return the hours of each line and week; rows are sorted, so sums do not depend on the order of the input."""
    ordered = production.sort(_KEYS)
    return ordered.group_by("line_id", "week", maintain_order=True).agg(pl.col("hours").sum())


def _changes(
    before: pl.DataFrame, after: pl.DataFrame, keys: Sequence[str], columns: Sequence[str]
) -> pl.DataFrame:
    """Return the rows in which any column differs noticeably, with both values and the change."""
    joined = after.select(*keys, *columns).join(
        before.select(*keys, *columns), on=list(keys), how="full", coalesce=True, suffix="_before"
    )
    both = [name for column in columns for name in (f"{column}_before", column)]
    filled = joined.with_columns(pl.col(name).fill_null(0.0) for name in both).with_columns(
        (pl.col(column) - pl.col(f"{column}_before")).alias(f"{column}_change") for column in columns
    )
    differs = pl.any_horizontal(
        pl.col(f"{column}_change").abs()
        > _NOTHING * pl.max_horizontal(pl.col(column).abs(), pl.col(f"{column}_before").abs(), 1.0)
        for column in columns
    )
    ordered = [name for column in columns for name in (f"{column}_before", column, f"{column}_change")]
    first = pl.col(f"{columns[0]}_change").abs()
    return filled.filter(differs).sort([-first, *keys]).select(*keys, *ordered)


def _kept(before: pl.DataFrame, after: pl.DataFrame) -> float | None:
    """Return the share of the last plan's hours that stay on their line, product and week."""
    joined = before.join(after.select(*_KEYS, hours_after="hours"), on=list(_KEYS), how="left").sort(_KEYS)
    total = float(before.sort(_KEYS)["hours"].sum())
    stays = joined.select(pl.min_horizontal("hours", pl.col("hours_after").fill_null(0.0)).sum()).item()
    return float(stays) / total if total else None


def _binding(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    names = ("constraint", "kind", "line_id", "product_id", "week")
    joined = after.join(before, on=["constraint"], how="full", coalesce=True, suffix="_before").with_columns(
        pl.when(pl.col("shadow_price_before").is_null())
        .then(pl.lit("new"))
        .when(pl.col("shadow_price").is_null())
        .then(pl.lit("vanished"))
        .otherwise(pl.lit("kept"))
        .alias("status")
    )
    told = [pl.coalesce(name, f"{name}_before").alias(name) for name in (*names[1:], "text_zh", "text_en")]
    frame = joined.with_columns(told).with_columns(
        pl.col("shadow_price_before").fill_null(0.0), pl.col("shadow_price").fill_null(0.0)
    )
    change = (pl.col("shadow_price") - pl.col("shadow_price_before")).abs()
    return frame.sort(["status", -change, "constraint"], descending=[True, False, False]).select(
        *names, "status", "shadow_price_before", "shadow_price", "text_zh", "text_en"
    )


def _summary(
    before: Plan,
    after: Plan,
    production: pl.DataFrame,
    binding: pl.DataFrame,
    *,
    kept: float | None,
    weeks: int,
) -> pl.DataFrame:
    values = [float(plan.summary["value"][0]) for plan in (before, after)]
    counts = {status: binding.filter(pl.col("status") == status).height for status in ("new", "vanished")}
    zh, en = _in_words(values[1] - values[0], kept, production.height, counts)
    return pl.DataFrame(
        {
            "value_before": [values[0]],
            "value": [values[1]],
            "value_change": [values[1] - values[0]],
            "hours_kept": pl.Series([kept], dtype=pl.Float64),
            "rows_changed": [production.height],
            "new_binding": [counts["new"]],
            "vanished_binding": [counts["vanished"]],
            "weeks": [weeks],
            "text_zh": [zh],
            "text_en": [en],
        }
    )


def _in_words(change: float, kept: float | None, rows: int, counts: dict[str, int]) -> tuple[str, str]:
    if not rows:
        return "与上一份计划相同，无需调整排产。", "The same as the last plan; nothing moves."
    more_zh, more_en = ("增加", "more") if change >= 0 else ("减少", "less")
    stays_zh, stays_en = (
        ("", "")
        if kept is None
        else (f"上一份计划 {kept:.0%} 的工时保持不变，", f"{kept:.0%} of the last plan's hours stay; ")
    )
    zh = (
        f"{stays_zh}{rows} 处排产有变动；收益{more_zh} {amount(abs(change))} 元；"
        f"新增 {counts['new']} 项、消失 {counts['vanished']} 项瓶颈约束。"
    )
    en = (
        f"{stays_en}{rows} entries move; the plan earns {amount(abs(change))} CNY {more_en}; "
        f"{counts['new']} constraints bind anew, {counts['vanished']} no longer."
    )
    return zh, en
