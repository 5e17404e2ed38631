"""A scenario beside its base: money, deliveries, backlog, stock, hours, shortfalls and what binds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from graph.ontology import Wording
from models.capacity.allocation.plan import Plan
from models.capacity.allocation.problem import PlanProblem
from models.capacity.scenarios.apply import Applied, applied
from models.capacity.scenarios.comparison_texts import summary_text
from models.capacity.scenarios.measures import SHORT, measures_of
from models.capacity.scenarios.scenario import Scenario
from models.capacity.scenarios.shortfall_changes import ShortfallPair

__all__ = ["Comparison", "beside_base", "compare", "side_by_side"]

_PRODUCT_WEEK: Final = ("demand", "production", "delivered", "lost", "stock", "backlog")
_LINE_WEEK: Final = ("hours", "overtime_hours", "used", "overtime", "shadow_price")
_CONSTRAINT: Final = ("constraint", "kind", "line_id", "product_id", "week")


@dataclass(frozen=True, eq=False)
class Comparison:
    """A scenario beside its base; columns ending in `_base` are the base's, null where the base has no such row.

    - `measures` [measure, label_zh, label_en, unit, base, scenario, change, relative]: CNY, hours, quantities by unit,
      and with shortfalls the chance that any product is short in its worst week; relative is null where the base is 0.
    - `products` [product_id, unit, demand, opening_backlog, delivered, unmet, weeks_short, stock (each also _base), probability,
      expected_short (with shortfalls)]: over all weeks; unmet is what is lost or still owed at the end, weeks_short
      counts the weeks in which something is lost or owed.
    - `product_weeks` [product_id, week, demand, production, delivered, lost, stock, backlog, probability, expected_short]
    - `line_weeks` [line_id, week, hours, overtime_hours, used, overtime, shadow_price, probability]
    - `binding` [constraint, kind, line_id, product_id, week, state (stays, new, gone), shadow_price, unit, text_zh,
      text_en]; the texts are the scenario's, for `gone` the base's.
    - `parts`: what each part of the scenario did; `text`: the outcome in a sentence or two.
    """

    name: str
    label: Wording
    parts: tuple[Wording, ...]
    text: Wording
    measures: pl.DataFrame
    products: pl.DataFrame
    product_weeks: pl.DataFrame
    line_weeks: pl.DataFrame
    binding: pl.DataFrame


def beside_base(
    scenario: Scenario,
    problem: PlanProblem,
    solve: Callable[[PlanProblem], Plan],
    *,
    before: Plan | None = None,
    shortfalls: Callable[[Applied, Plan, Plan], ShortfallPair] | None = None,
) -> Comparison:
    """Plan with and without a scenario and compare; `before` is the base's plan where it is there already.

    shortfalls: how the shortfalls of both are simulated, e.g. `shortfalls_of` with a run's setting. Raises
    CapacityScenarioError for the scenario, PlanError (infeasible, out of time) for either plan.
    """
    result = applied(scenario, problem)
    base = solve(problem) if before is None else before
    after = solve(result.problem)
    return compare(result, base, after, None if shortfalls is None else shortfalls(result, base, after))


def compare(result: Applied, base: Plan, after: Plan, shortfalls: ShortfallPair | None = None) -> Comparison:
    """Compare the plans (and shortfalls) without and with a scenario."""
    products = _products(result, base, after, shortfalls)
    measures = measures_of(result, base, after, products, shortfalls)
    return Comparison(
        name=result.scenario.name,
        label=result.label,
        parts=result.parts,
        text=summary_text(result, measures, products),
        measures=measures,
        products=products,
        product_weeks=_product_weeks(base, after, shortfalls),
        line_weeks=_line_weeks(base, after, shortfalls),
        binding=_binding(base.binding, after.binding),
    )


def side_by_side(comparisons: Sequence[Comparison]) -> pl.DataFrame:
    """Return the measures of several scenarios of one base in columns: measure, labels, unit, base, one a scenario."""
    keys = ["measure", "label_zh", "label_en", "unit"]
    table = comparisons[0].measures.select(*keys, "base")
    for one in comparisons:
        table = table.join(
            one.measures.select(*keys, pl.col("scenario").alias(one.name)),
            on=keys, how="left", nulls_equal=True, maintain_order="left",
        )  # fmt: skip
    return table


def _products(result: Applied, base: Plan, after: Plan, shortfalls: ShortfallPair | None) -> pl.DataFrame:
    units = pl.DataFrame(
        {"product_id": [one.product_id for one in result.problem.products], "unit": [one.unit for one in result.problem.products]}
    ).sort("product_id")  # fmt: skip
    table = units.join(
        _beside(
            _totals(base.products, result.base), _totals(after.products, result.problem), ("product_id",)
        ),
        on="product_id", how="left",
    )  # fmt: skip
    if shortfalls is not None:
        table = table.join(
            _chances(shortfalls, "totals", "product_id", ("product_id",)), on="product_id", how="left"
        )
    return table.sort("product_id")


def _totals(products: pl.DataFrame, problem: PlanProblem) -> pl.DataFrame:
    """Return the sums over the weeks by product, in the order of the weeks, and what was owed before them."""
    ordered = products.sort("product_id", "week")
    owed = {one.product_id: one.opening_backlog for one in problem.products}
    late = pl.col("lost") + pl.col("backlog")
    return ordered.group_by("product_id", maintain_order=True).agg(
        pl.col("demand").sum(),
        pl.col("product_id").first().replace_strict(owed, return_dtype=pl.Float64).alias("opening_backlog"),
        pl.col("delivered").sum(),
        unmet=pl.col("lost").sum() + pl.col("backlog").last(),
        weeks_short=(late > pl.col("demand").sum().clip(lower_bound=1.0) * SHORT).sum(),
        stock=pl.col("stock").last(),
    )


def _product_weeks(base: Plan, after: Plan, shortfalls: ShortfallPair | None) -> pl.DataFrame:
    keys = ("product_id", "week")
    frames = [one.products.select(*keys, *_PRODUCT_WEEK) for one in (base, after)]
    table = _beside(frames[0], frames[1], keys)
    if shortfalls is not None:
        table = table.join(_chances(shortfalls, "products", "product_id", keys), on=keys, how="left")
    return table.sort(keys)


def _line_weeks(base: Plan, after: Plan, shortfalls: ShortfallPair | None) -> pl.DataFrame:
    keys = ("line_id", "week")
    frames = [one.lines.select(*keys, *_LINE_WEEK) for one in (base, after)]
    table = _beside(frames[0], frames[1], keys)
    if shortfalls is not None:
        pairs = [one.lines.select(*keys, "probability") for one in (shortfalls.base, shortfalls.scenario)]
        table = table.join(_beside(pairs[0], pairs[1], keys), on=keys, how="left")
    return table.sort(keys)


def _chances(shortfalls: ShortfallPair, frame: str, key: str, keys: Sequence[str]) -> pl.DataFrame:
    """Return probability and expected size of both, by these keys."""
    pair = [
        getattr(one, frame).select(*keys, "probability", expected_short="expected").sort(key)
        for one in (shortfalls.base, shortfalls.scenario)
    ]
    return _beside(pair[0], pair[1], keys)


def _beside(base: pl.DataFrame, after: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Join two frames by their keys; columns of the base end in `_base` and stand before those of the scenario."""
    named = base.rename({one: f"{one}_base" for one in base.columns if one not in keys})
    joined = named.join(after, on=list(keys), how="full", coalesce=True, nulls_equal=True)
    values = [one for one in after.columns if one not in keys]
    return joined.select(*keys, *[name for one in values for name in (f"{one}_base", one)])


def _binding(base: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return the constraints that bind in either, largest shadow price of the two first."""
    table = _beside(base, after, _CONSTRAINT)
    state = (
        pl.when(pl.col("shadow_price_base").is_null())
        .then(pl.lit("new"))
        .when(pl.col("shadow_price").is_null())
        .then(pl.lit("gone"))
        .otherwise(pl.lit("stays"))
    )
    largest = pl.max_horizontal(pl.col("shadow_price").abs(), pl.col("shadow_price_base").abs())
    return (
        table.with_columns(state.alias("state"), largest.alias("_largest"))
        .sort("kind", "_largest", *_CONSTRAINT, descending=[False, True, *[False] * len(_CONSTRAINT)])
        .select(
            *_CONSTRAINT,
            "state",
            "shadow_price_base",
            "shadow_price",
            *[pl.coalesce(one, f"{one}_base").alias(one) for one in ("unit", "text_zh", "text_en")],
        )
    )
