"""Compare a plan with the last one: quantities, hours, what it earns, and what binds now or no longer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from graph.ontology import Wording
from models.capacity.allocation.difference_texts import in_words
from models.capacity.allocation.plan import Plan

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
    - `summary`: one row: value_before, value, value_change (all over the weeks of both, as the objective of `after`
      counts them; null without such a week), hours_kept (share of the last plan's hours that stay where they were, null
      without any), rows_changed, new_binding, vanished_binding, weeks, text_zh, text_en.
    """

    production: pl.DataFrame
    lines: pl.DataFrame
    products: pl.DataFrame
    binding: pl.DataFrame
    summary: pl.DataFrame


def difference(before: Plan, after: Plan, *, unlike: Sequence[Wording] = ()) -> PlanDifference:
    """Return what `after` changes against `before`, over the weeks of both.

    Where objective or weeks differ the text says so; `unlike` are sentences on what else the plans were made under.
    """
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
        summary=_summary(
            (before, after), (production, binding), kept=_kept(old, new), weeks=weeks, unlike=unlike
        ),
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
    plans: tuple[Plan, Plan],
    changes: tuple[pl.DataFrame, pl.DataFrame],
    *,
    kept: float | None,
    weeks: Sequence[date],
    unlike: Sequence[Wording],
) -> pl.DataFrame:
    production, binding = changes
    objective = str(plans[1].summary["objective"][0])
    before, after = (_value(plan, objective, weeks) for plan in plans)
    change = None if before is None or after is None else after - before
    counts = {status: binding.filter(pl.col("status") == status).height for status in ("new", "vanished")}
    text = in_words(plans, change, kept, production.height, counts=counts, weeks=len(weeks), unlike=unlike)
    return pl.DataFrame(
        {
            "value_before": pl.Series([before], dtype=pl.Float64),
            "value": pl.Series([after], dtype=pl.Float64),
            "value_change": pl.Series([change], dtype=pl.Float64),
            "hours_kept": pl.Series([kept], dtype=pl.Float64),
            "rows_changed": [production.height],
            "new_binding": [counts["new"]],
            "vanished_binding": [counts["vanished"]],
            "weeks": [len(weeks)],
            "text_zh": [text.zh],
            "text_en": [text.en],
        }
    )


def _value(plan: Plan, objective: str, weeks: Sequence[date]) -> float | None:
    """Return what a plan earns in these weeks as an objective counts it; None where its record does not tell."""
    weekly, own = plan.weekly, str(plan.summary["objective"][0])
    column = f"value_{objective}"
    if column not in weekly.columns:  # a record of before values were kept by week
        column = "contribution" if own == objective else ""
    if not weeks or column not in weekly.columns:
        return None
    return float(weekly.filter(pl.col("week").is_in(list(weeks))).sort("week")[column].to_numpy().sum())
