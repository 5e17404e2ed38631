"""Put a line into a plan that is not there yet: hours that ramp up, and routes taken from lines there are."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.ontology import Wording
from models.capacity.allocation.problem import PlanLine, PlanProblem, Route
from models.capacity.scenarios.scenario import NewLine
from models.capacity.scenarios.scope import Scope

__all__ = ["add_line", "model_of"]

FloatArray = NDArray[np.float64]
_WEEK_HOURS: Final = 168.0


def add_line(part: NewLine, scope: Scope) -> tuple[PlanProblem, Wording]:
    """Add a line. Raises CapacityScenarioError for an id there is, a product that its model does not make, too many hours."""
    if any(one.line_id == part.line for one in scope.problem.lines):
        raise scope.error(
            f"产线“{part.line}”已在计划中。请给新产线另取编号。",
            f"the line '{part.line}' is there already. Give another id.",
        )
    model, routes = model_of(part, scope), _routes(part, scope)
    hours = _hours(part, scope, model)
    line = PlanLine(
        line_id=part.line,
        org_id=model.org_id,
        unit=model.unit,
        hours=hours,
        good_share=model.good_share if part.good_share is None else np.full(len(hours), part.good_share),
        minimum_hours=None if model.minimum_hours is None else np.minimum(model.minimum_hours, hours),
        bottleneck=model.bottleneck,
        planned_hours=model.planned_hours if part.hours is None else None,
    )
    problem = replace(
        scope.problem, lines=(*scope.problem.lines, line), routes=(*scope.problem.routes, *routes)
    )
    first = scope.problem.weeks[scope.week(part.first)]
    made = ", ".join(one.product_id for one in routes[:5]) + (" …" if len(routes) > 5 else "")  # noqa: PLR2004 - a readable few
    return problem, Wording(
        zh=f"自 {first} 周起新增产线 {part.line}（照 {model.line_id}），可做 {made}",
        en=f"new line {part.line} (after {model.line_id}) from the week of {first} on, which makes {made}",
    )


def model_of(part: NewLine, scope: Scope) -> PlanLine:
    """Return the line that a new one is made after: the one it copies, else that of its first product's best route.

    It is taken as it is without the scenario, so that a line may stand in for one that is out.
    """
    copied = part.copy_of if part.copy_of is not None else scope.routes_to(part.products[0])[0].line_id
    found = scope.line(copied)
    return next((one for one in scope.base.lines if one.line_id == found.line_id), found)


def _routes(part: NewLine, scope: Scope) -> tuple[Route, ...]:
    if part.copy_of is None:
        found = [scope.routes_to(one)[0] for one in dict.fromkeys(part.products)]
    else:
        source = scope.line(part.copy_of).line_id
        found = [one for one in scope.problem.routes if one.line_id == source]
        made = {one.product_id for one in found}
        missing = [one for one in part.products if one not in made]
        if missing or not found:
            listed = ", ".join(sorted(made)) or "-"
            raise scope.error(
                f"产线 {source} 不生产 {', '.join(missing) or '任何产品'}（它能做：{listed}），新产线 {part.line} 无法照搬。"
                "请改正 products 或 copy_of。",
                f"line {source} does not make {', '.join(missing) or 'anything'} (it makes: {listed}), so the new line "
                f"{part.line} cannot copy it. Correct `products` or `copy_of`.",
            )
        found = [one for one in found if not part.products or one.product_id in part.products]
    return tuple(_route(one, part) for one in found)


def _route(route: Route, part: NewLine) -> Route:
    """Return a route for the new line; its own good share, where it gives one, holds for all its routes."""
    return replace(
        route,
        line_id=part.line,
        rate=route.rate if part.rate is None else part.rate,
        good_share=route.good_share if part.good_share is None else None,
    )


def _hours(part: NewLine, scope: Scope, model: PlanLine) -> FloatArray:
    weeks = len(scope.problem.weeks)
    if part.hours is not None and part.hours > _WEEK_HOURS:
        raise scope.error(
            f"新产线 {part.line} 的 hours 为 {part.hours:g}，一周只有 168 小时。请改小。",
            f"the new line {part.line} has {part.hours:g} `hours`; a week has 168. Give fewer.",
        )
    full = model.hours if part.hours is None else np.full(weeks, part.hours)
    age = np.arange(weeks) - scope.week(part.first)
    climbed = age / part.ramp_up_weeks if part.ramp_up_weeks else np.ones(weeks)
    share = np.clip(part.ramp_up_from + (1 - part.ramp_up_from) * climbed, 0.0, 1.0)
    return np.asarray(np.where(age >= 0, full * share, 0.0), dtype=np.float64)
