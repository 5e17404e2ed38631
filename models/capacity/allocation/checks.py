"""Refuse a planning problem that cannot be meant: each error names the line, product or week, and the remedy."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import (
    MinimumHoursError,
    PlanReferenceError,
    PlanShapeError,
    PlanUnitError,
    PlanValueError,
    PlanWithoutDemandError,
    ProductWithoutRouteError,
)

if TYPE_CHECKING:  # the types call the checks as they are made
    from models.capacity.allocation.problem import PlanLine, PlanProblem

__all__ = ["check_problem"]

_LISTED: Final = 5


def check_problem(problem: "PlanProblem") -> None:
    """Raise the first error of the problem, from the frame (weeks, ids, shapes) to what it says."""
    checks: tuple[Callable[[PlanProblem], None], ...] = (
        _check_weeks,
        _check_ids,
        _check_shapes,
        _check_references,
        _check_lines,
        _check_products,
        _check_routes,
        _check_orders_and_caps,
        _check_options,
        _check_makeable,
    )
    for check in checks:
        check(problem)


def _check_weeks(problem: "PlanProblem") -> None:
    weeks = problem.weeks
    steps = all(after - before == timedelta(days=7) for before, after in pairwise(weeks))
    if not weeks or weeks[0].weekday() != 0 or not steps:
        raise PlanShapeError(
            zh="计划的周（weeks）必须是连续的周一，且至少一周。请按周一填写，不要跳周。",
            en="The plan's weeks must be Mondays, one after the other, at least one. Give Mondays and skip none.",
        )


def _check_ids(problem: "PlanProblem") -> None:
    _refuse_twice("lines", [line.line_id for line in problem.lines])
    _refuse_twice("products", [product.product_id for product in problem.products])
    _refuse_twice("routes", [f"{route.line_id} → {route.product_id}" for route in problem.routes])
    _refuse_twice("orders", [order.order_id for order in problem.orders])
    _refuse_twice("caps", [cap.cap_id for cap in problem.caps])


def _refuse_twice(table: str, ids: Sequence[str]) -> None:
    twice = sorted({name for name in ids if ids.count(name) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise PlanShapeError(
            zh=f"计划输入 {table} 中“{_listed(twice)}”重复出现。请保留一条后重试。",
            en=f"Plan input '{table}' holds '{_listed(twice)}' more than once. Keep one and try again.",
        )


def _check_shapes(problem: "PlanProblem") -> None:
    expected = (len(problem.products), len(problem.weeks))
    if problem.demand.shape != expected:
        raise _wrong_shape("demand", "products × weeks", problem.demand.shape, expected)
    for line in problem.lines:
        for column in _LINE_COLUMNS:
            values = getattr(line, column)
            if values is not None and np.shape(values) != expected[1:]:
                raise _wrong_shape(f"{line.line_id}.{column}", "weeks", np.shape(values), expected[1:])


_LINE_COLUMNS: Final = ("hours", "good_share", "overtime_hours", "minimum_hours", "planned_hours")


def _wrong_shape(where: str, axes: str, found: tuple[int, ...], expected: tuple[int, ...]) -> PlanShapeError:
    return PlanShapeError(
        zh=f"计划输入“{where}”的形状是 {found}，应为 {expected}（{axes}）。请为每一周填一个值。",
        en=f"Plan input '{where}' has the shape {found}; {expected} ({axes}) is needed. Give one value for each week.",
    )


def _check_references(problem: "PlanProblem") -> None:
    lines = {line.line_id for line in problem.lines}
    products = {product.product_id for product in problem.products}
    orgs = {line.org_id for line in problem.lines}
    for route in problem.routes:
        _refuse_unknown("routes.line_id", route.line_id, lines)
        _refuse_unknown("routes.product_id", route.product_id, products)
    for order in problem.orders:
        _refuse_unknown(f"orders.product_id ({order.order_id})", order.product_id, products)
        _refuse_unknown(
            f"orders.week ({order.order_id})", str(order.week), {str(week) for week in problem.weeks}
        )
    for cap in problem.caps:
        if cap.org_id is not None:
            _refuse_unknown(f"caps.org_id ({cap.cap_id})", cap.org_id, orgs)


def _refuse_unknown(field: str, value: str, known: set[str]) -> None:
    if value not in known:
        raise PlanReferenceError(
            zh=f"计划输入的 {field} 引用了未知的“{value}”。现有：{_listed(sorted(known))}。请核对编号，或先补录它。",
            en=f"Plan input, {field}: '{value}' is unknown. There are: {_listed(sorted(known))}. "
            "Check the id, or add it first.",
        )


def _check_lines(problem: "PlanProblem") -> None:
    for line in problem.lines:
        where = f"lines[{line.line_id}]"
        _refuse_negative(f"{where}.hours", line.hours)
        _refuse_negative(f"{where}.overtime_hours", line.overtime)
        _refuse_negative(f"{where}.minimum_hours", line.least)
        if line.planned_hours is not None:
            _refuse_negative(f"{where}.planned_hours", line.planned_hours)
        _refuse_negative(f"{where}.overtime_cost", line.overtime_cost)
        _refuse_beyond_one(f"{where}.good_share", line.good_share)
        _check_minimum_hours(problem, line)


def _check_minimum_hours(problem: "PlanProblem", line: "PlanLine") -> None:
    above = np.flatnonzero(line.least > line.hours)
    if above.size:
        week, least, hours = problem.weeks[above[0]], line.least[above[0]], line.hours[above[0]]
        raise MinimumHoursError(
            zh=f"产线“{line.line_id}”在 {week} 周的最低运行 {least:g} 小时超过可用的 {hours:g} 小时。"
            "请降低最低运行小时（停机检修周可为 0），或核对可用小时。",
            en=f"Line '{line.line_id}' must run {least:g} h in the week of {week} but has {hours:g} h. "
            "Lower its minimum hours (0 in a week of maintenance), or check its hours.",
        )


def _check_products(problem: "PlanProblem") -> None:
    for product, demand in zip(problem.products, problem.demand, strict=True):
        where = f"products[{product.product_id}]"
        _refuse_negative(f"demand[{product.product_id}]", demand)
        for column in ("opening_stock", "opening_backlog", "stock_floor", "holding_cost"):
            _refuse_negative(f"{where}.{column}", getattr(product, column))
        if product.backlog_cost is not None:
            _refuse_negative(f"{where}.backlog_cost", product.backlog_cost)
        ceiling = np.inf if product.stock_ceiling is None else product.stock_ceiling
        if not ceiling >= product.stock_floor:
            raise PlanValueError(
                zh=f"产品“{product.product_id}”的库存上限 {ceiling:g} 低于下限 {product.stock_floor:g}。请更正其一。",
                en=f"Product '{product.product_id}': the stock ceiling {ceiling:g} lies below the floor "
                f"{product.stock_floor:g}. Correct one of them.",
            )


def _check_routes(problem: "PlanProblem") -> None:
    line_units = {line.line_id: line.unit for line in problem.lines}
    product_units = {product.product_id: product.unit for product in problem.products}
    for route in problem.routes:
        if line_units[route.line_id] != product_units[route.product_id]:
            raise PlanUnitError(
                zh=f"产线“{route.line_id}”以“{line_units[route.line_id]}”计量，产品“{route.product_id}”以"
                f"“{product_units[route.product_id]}”计量。请换算为同一单位，或删除该工艺路线。",
                en=f"Line '{route.line_id}' counts in '{line_units[route.line_id]}', product '{route.product_id}' in "
                f"'{product_units[route.product_id]}'. Convert to one unit, or remove the route.",
            )
    _check_route_figures(problem)


def _check_route_figures(problem: "PlanProblem") -> None:
    """Look at each figure of all routes at once; only a refusal looks for the route."""
    routes = problem.routes
    where = [f"routes[{route.line_id} → {route.product_id}]" for route in routes]
    for column in ("changeover_hours", "minimum_lot", "energy_per_unit", "emission_per_unit"):
        figures = _figures(getattr(route, column) for route in routes)
        _refuse_first(where, column, (figures >= 0) & np.isfinite(figures), _refuse_negative, figures)
    for column in ("margin_line", "margin_company", "margin_group"):
        figures = _figures(getattr(route, column) for route in routes)
        _refuse_first(where, column, np.isfinite(figures), _refuse_not_finite, figures)
    rates = _figures(route.rate for route in routes)
    lots = _figures(1.0 if route.lot is None else route.lot for route in routes)
    shares = _figures(1.0 if route.good_share is None else route.good_share for route in routes)
    _refuse_first(where, "rate", (rates > 0) & np.isfinite(rates), _refuse_not_positive, rates)
    _refuse_first(where, "lot", (lots > 0) & np.isfinite(lots), _refuse_not_positive, lots)
    _refuse_first(where, "good_share", (shares >= 0) & (shares <= 1), _refuse_beyond_one, shares)


def _figures(values: Iterable[float]) -> NDArray[np.float64]:
    return np.fromiter(values, dtype=np.float64)


def _refuse_first(
    where: Sequence[str],
    column: str,
    fine: NDArray[np.bool_],
    refuse: Callable[[str, float], None],
    figures: NDArray[np.float64],
) -> None:
    for at in np.flatnonzero(~fine)[:1]:
        refuse(f"{where[at]}.{column}", float(figures[at]))


def _check_orders_and_caps(problem: "PlanProblem") -> None:
    for order in problem.orders:
        _refuse_negative(f"orders[{order.order_id}].quantity", order.quantity)
    for cap in problem.caps:
        _refuse_negative(f"caps[{cap.cap_id}].limit", cap.limit)


def _check_options(problem: "PlanProblem") -> None:
    _refuse_negative("options.mip_gap", problem.options.mip_gap)
    _refuse_negative("options.stability_cost", problem.options.stability_cost)
    if problem.options.stability_cost and problem.options.minimum_lots:
        raise PlanValueError(
            zh="计划选项 stability_cost 与 minimum_lots 不能同时使用。请将其中一项设为 0 或关闭。",
            en="The options stability_cost and minimum_lots do not go together. Set one to 0 or switch it off.",
        )


def _check_makeable(problem: "PlanProblem") -> None:
    owed = np.array([product.opening_backlog for product in problem.products])
    asked = problem.demand.sum(axis=1) + owed if len(problem.products) else np.zeros(0)
    if not asked.sum() + sum(order.quantity for order in problem.orders):
        raise PlanWithoutDemandError(
            zh="计划没有任何需求：所有产品各周需求、期初欠交和订单都为 0。请先发布需求预测，或核对产品编号与周是否一致。",
            en="The plan has no demand: every product's demand, opening backlog and orders are 0. Publish a demand "
            "forecast first, or check that product ids and weeks agree with it.",
        )
    made = {route.product_id for route in problem.routes}
    ordered = {order.product_id for order in problem.orders if order.quantity > 0}
    lacking = [
        product.product_id
        for product, quantity in zip(problem.products, asked, strict=True)
        if product.product_id not in made and (quantity > 0 or product.product_id in ordered)
    ]
    if lacking:
        raise ProductWithoutRouteError(
            zh=f"没有产线能生产“{_listed(sorted(lacking))}”。请为其补充工艺路线（line_products），或从计划中去掉它。",
            en=f"No line can make '{_listed(sorted(lacking))}'. Add a route for it (line_products), or leave it out "
            "of the plan.",
        )


def _refuse_negative(where: str, values: float | Iterable[float]) -> None:
    array = np.asarray(values, dtype=np.float64)
    if not bool(np.all((array >= 0) & np.isfinite(array))):
        raise PlanValueError(
            zh=f"计划输入“{where}”含有负数、空值或无穷大。请填 0 或正数。",
            en=f"Plan input '{where}' holds a negative, missing or infinite number. Give 0 or more.",
        )


def _refuse_not_positive(where: str, value: float) -> None:
    if not (value > 0 and np.isfinite(value)):
        raise PlanValueError(
            zh=f"计划输入“{where}”为 {value:g}，必须大于 0。请更正。",
            en=f"Plan input '{where}' is {value:g}; it must be above 0. Correct it.",
        )


def _refuse_beyond_one(where: str, values: object) -> None:
    array = np.asarray(values, dtype=np.float64)
    if not bool(np.all((array >= 0) & (array <= 1))):
        raise PlanValueError(
            zh=f"计划输入“{where}”是合格率，必须在 0 到 1 之间。请核对（97% 填 0.97）。",
            en=f"Plan input '{where}' is a good share and must lie between 0 and 1. Check it (97 % is 0.97).",
        )


def _refuse_not_finite(where: str, value: float) -> None:
    if not np.isfinite(value):
        raise PlanValueError(
            zh=f"计划输入“{where}”为空值或无穷大。请填写每单位的边际利润（元）。",
            en=f"Plan input '{where}' is missing or infinite. Give the margin per unit, CNY.",
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (" …" if len(names) > _LISTED else "")
