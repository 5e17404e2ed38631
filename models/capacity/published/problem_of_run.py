"""Make a plan's problem of a published run: its lines' hours, routes, stocks, orders and caps, and the demand run's demand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.capacity.allocation.problem import (
    CapKind,
    Objective,
    PlanCap,
    PlanOptions,
    PlanOrder,
    PlanProblem,
    PlanProduct,
    Route,
)
from models.capacity.profiles.plan_limits import heed_profiles
from models.capacity.profiles.profile import Profile
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.problem_rows import (
    line_of_run,
    number,
    product_of_row,
    quantile_column,
    route_of_row,
)
from models.capacity.published.run_info import Note
from models.capacity.published.run_scope import chosen_weeks, listed, run_of_companies
from models.capacity.published.scope_notes import scope_notes
from models.errors import ProductWithoutRouteError

__all__ = ["Counting", "problem_with_notes"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Counting:
    """What a plan counts on: None is the expected value, else a probability.

    capacity: the lines give at least this much with that probability (0.75 takes the quantile 0.25 of their output);
    demand: the quantile of demand that the plan serves.
    """

    capacity: float | None = None
    demand: float | None = None


def problem_with_notes(
    run: CapacityRun,
    *,
    objective: Objective,
    weeks: int | Sequence[date] | None = None,
    companies: Collection[str] | None = None,
    counting: Counting | None = None,
    options: PlanOptions | None = None,
    profiles: Mapping[str, Profile] | None = None,
    minimum_runs: bool = False,
) -> tuple[PlanProblem, tuple[Note, ...]]:
    """Return the plan's problem over the run's own keys and weeks (E-04), and what was left out or moved.

    weeks: Mondays, or how many of `weeks_of_run` (all by default). companies: only lines of these, and products that are
    theirs or are made on these lines; their products that only others make are left out with their orders. A line's
    hours of a week are its effective hours, times what the quantile of its output is of the expected output where
    `counting` asks for one; its good share is the forecast quality. Products that no line makes and lines without a
    route are left out and named; orders that are overdue count in the first week, later ones are left out. `profiles` (by
    id, none: not heeded) give energy and emission to routes without any where a cap counts them, and with
    `minimum_runs` the hours that continuous lines must run; each is named in a note.

    Raises PlanWithoutDemandError (no demand run, no week that both know), ProductWithoutRouteError (nothing can be
    made, or a priority order cannot), PlanValueError (a probability without a quantile column, a line without a
    week), and what `PlanProblem` refuses (units that differ, negative numbers).
    """
    counted = counting or Counting()
    mine = run_of_companies(run, companies)
    notes = scope_notes(run, mine, companies)
    stamps = chosen_weeks(mine, weeks, run.demand)
    routes = _routes(mine)
    products = _products(mine, routes, notes)
    lines = _lines(mine, routes, notes)
    made = {product.product_id for product in products}
    problem = PlanProblem(
        weeks=stamps,
        lines=tuple(line_of_run(mine, line, stamps, counted.capacity) for line in lines),
        products=products,
        routes=tuple(route for route in routes if route.product_id in made),
        demand=_demand(mine, products, stamps, counted.demand, notes),
        orders=_orders(mine, stamps, notes),
        caps=_caps(run, mine, lines, companies, notes),
        objective=objective,
        options=options or PlanOptions(),
    )
    problem = _with_profiles(problem, mine, profiles or {}, notes, minimum_runs=minimum_runs)
    return problem, tuple(notes)


def _with_profiles(
    problem: PlanProblem,
    run: CapacityRun,
    profiles: Mapping[str, Profile],
    notes: list[Note],
    *,
    minimum_runs: bool,
) -> PlanProblem:
    """Return the problem with what the industries of its lines add; what is assumed is added to the notes."""
    capped = problem.options.caps and bool(problem.caps)
    if not capped and not minimum_runs:
        return problem
    known = run.lines.select("line_id", "profile").iter_rows()
    profile_of = {line: profiles[name] for line, name in known if name in profiles}
    heeded, texts = heed_profiles(problem, profile_of, minimum_runs=minimum_runs)
    notes += [Note(code="profile_in_plan", zh=one.zh, en=one.en) for one in texts]
    return heeded


def _routes(run: CapacityRun) -> tuple[Route, ...]:
    known = run.routes
    if known.is_empty():
        raise ProductWithoutRouteError(
            zh=f"产能批次 {run.info.run_id} 在所选范围内没有任何工艺路线。请在 line_products 表中填写哪条产线能做哪种产品。",
            en=f"Capacity run {run.info.run_id} has no route in the scope asked for. Say in the table line_products which "
            "line makes which product.",
        )
    alone = set(known.group_by("line_id").len().filter(pl.col("len") == 1)["line_id"])
    return tuple(
        route_of_row(row, alone=row["line_id"] in alone)
        for row in known.sort("line_id", "product_id").iter_rows(named=True)
    )


def _products(run: CapacityRun, routes: Sequence[Route], notes: list[Note]) -> tuple[PlanProduct, ...]:
    """Return the products that a line makes or an order asks for; the others are named."""
    made = {route.product_id for route in routes}
    ordered = set(run.orders.filter(pl.col("quantity") > 0)["product_id"])
    without = sorted(set(run.products["product_id"]) - made - ordered)
    if without:
        notes.append(
            Note(
                code="product_without_route",
                zh=f"没有产线能做 {listed(without)}，未列入计划；若应生产，请在 line_products 表中补充工艺路线。",
                en=f"No line makes {listed(without)}, so the plan leaves them out; if they are to be made, add their "
                "routes to the table line_products.",
            )
        )
    kept = run.products.filter(pl.col("product_id").is_in(sorted(made | ordered))).sort("product_id")
    return tuple(product_of_row(row) for row in kept.iter_rows(named=True))


def _lines(run: CapacityRun, routes: Sequence[Route], notes: list[Note]) -> list[dict[str, object]]:
    used = {route.line_id for route in routes}
    idle = sorted(set(run.lines["line_id"]) - used)
    if idle:
        notes.append(
            Note(
                code="line_without_route",
                zh=f"产线 {listed(idle)} 没有工艺路线，未列入计划；请在 line_products 表中填写它能做的产品。",
                en=f"The lines {listed(idle)} have no route, so the plan leaves them out; say in the table line_products "
                "what they make.",
            )
        )
    return run.lines.filter(pl.col("line_id").is_in(sorted(used))).sort("line_id").to_dicts()


def _demand(
    run: CapacityRun,
    products: Sequence[PlanProduct],
    stamps: Sequence[date],
    level: float | None,
    notes: list[Note],
) -> FloatArray:
    """Return demand (p, w) as the demand run gives it, no less than zero; products it does not know have none."""
    column = "forecast" if level is None else quantile_column(run.demand, level, "demand", level)
    values = {
        (product, week): value
        for product, week, value in run.demand.select("product_id", "week", column).iter_rows()
    }
    unknown = sorted({one.product_id for one in products} - set(run.demand["product_id"]))
    if unknown:
        notes.append(
            Note(
                code="product_without_demand",
                zh=f"需求批次 {run.info.demand_run_id} 没有 {listed(unknown)}，按需求为 0 计划；请核对产品编号。",
                en=f"Demand run {run.info.demand_run_id} does not have {listed(unknown)}; they are planned with no demand. "
                "Check their ids.",
            )
        )
    rows = [[max(values.get((one.product_id, week), 0.0), 0.0) for week in stamps] for one in products]
    return np.array(rows, dtype=np.float64).reshape(len(products), len(stamps))


def _orders(run: CapacityRun, stamps: Sequence[date], notes: list[Note]) -> tuple[PlanOrder, ...]:
    late = sorted(run.orders.filter(pl.col("week") > stamps[-1])["order_id"])
    overdue = sorted(run.orders.filter(pl.col("week") < stamps[0])["order_id"])
    if late:
        notes.append(
            Note(
                code="order_beyond_plan",
                zh=f"订单 {listed(late)} 的交期在计划期之后，未列入。",
                en=f"The orders {listed(late)} are due after the plan's last week and are left out.",
            )
        )
    if overdue:
        notes.append(
            Note(
                code="order_overdue",
                zh=f"订单 {listed(overdue)} 的交期早于计划首周，按首周交付计划。",
                en=f"The orders {listed(overdue)} were due before the plan's first week; they are planned for that week.",
            )
        )
    kept = run.orders.filter(pl.col("week") <= stamps[-1]).sort("order_id")
    return tuple(
        PlanOrder(order, product, max(week, stamps[0]), quantity)
        for order, product, week, quantity in kept.select(
            "order_id", "product_id", "week", "quantity"
        ).iter_rows()
    )


def _caps(
    run: CapacityRun,
    mine: CapacityRun,
    lines: Sequence[Mapping[str, object]],
    companies: Collection[str] | None,
    notes: list[Note],
) -> tuple[PlanCap, ...]:
    """Return the caps of the plan's companies; the group's own hold only where all its companies are planned."""
    shared = run.caps.filter(pl.col("org_id").is_null())
    if companies is not None and shared.height:
        notes.append(
            Note(
                code="group_cap_left_out",
                zh=f"集团限额 {listed(sorted(shared['cap_id']))} 由全部企业分担，单独计划部分企业时不计入。",
                en=f"The group's caps {listed(sorted(shared['cap_id']))} are shared by all companies and do not count "
                "where some are planned alone.",
            )
        )
    planned = {line["org_id"] for line in lines}
    return tuple(
        PlanCap(str(row["cap_id"]), CapKind(row["kind"]), number(row, "limit"), row["org_id"])
        for row in mine.caps.sort("cap_id").iter_rows(named=True)
        if row["org_id"] is None or row["org_id"] in planned
    )
