"""A problem that cannot be meant is refused by name, in two languages, with what to do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from models.capacity.allocation.problem import CapKind, PlanCap, PlanOptions, PlanOrder, PlanProblem
from models.errors import (
    MinimumHoursError,
    PlanError,
    PlanReferenceError,
    PlanShapeError,
    PlanUnitError,
    PlanValueError,
    PlanWithoutDemandError,
    ProductWithoutRouteError,
)
from tests.models.capacity.allocation.small_plans import WEEKS, line, plan_problem, product, route

_Make = Callable[[PlanProblem], PlanProblem]

_CASES: dict[str, tuple[_Make, type[PlanError], str]] = {
    "no week": (lambda p: replace(p, weeks=(), demand=np.zeros((1, 0))), PlanShapeError, "Mondays"),
    "a Tuesday": (
        lambda p: replace(p, weeks=(date(2026, 8, 4), date(2026, 8, 11))),
        PlanShapeError,
        "Mondays",
    ),
    "a week skipped": (
        lambda p: replace(p, weeks=(date(2026, 8, 3), date(2026, 8, 17))),
        PlanShapeError,
        "skip none",
    ),
    "a line twice": (lambda p: replace(p, lines=p.lines * 2), PlanShapeError, "L1"),
    "a route twice": (lambda p: replace(p, routes=p.routes * 2), PlanShapeError, "L1 → A"),
    "demand of three weeks": (lambda p: replace(p, demand=np.ones((1, 3))), PlanShapeError, "demand"),
    "hours of one week": (
        lambda p: replace(p, lines=(line("L1", hours=1.0, weeks=1),)),
        PlanShapeError,
        "L1.hours",
    ),
    "unknown line": (
        lambda p: replace(p, routes=(*p.routes, route("L9", "A", rate=1.0))),
        PlanReferenceError,
        "L9",
    ),
    "unknown product": (
        lambda p: replace(p, routes=(*p.routes, route("L1", "Z", rate=1.0))),
        PlanReferenceError,
        "Z",
    ),
    "order of unknown week": (
        lambda p: replace(p, orders=(PlanOrder("O1", "A", date(2027, 1, 4), 1.0),)),
        PlanReferenceError,
        "O1",
    ),
    "order of unknown product": (
        lambda p: replace(p, orders=(PlanOrder("O1", "Z", WEEKS[0], 1.0),)),
        PlanReferenceError,
        "O1",
    ),
    "cap of unknown company": (
        lambda p: replace(p, caps=(PlanCap("grid", CapKind.ENERGY, 1.0, "nobody"),)),
        PlanReferenceError,
        "grid",
    ),
    "negative hours": (
        lambda p: replace(p, lines=(line("L1", hours=-1.0),)),
        PlanValueError,
        "lines[L1].hours",
    ),
    "hours not a number": (
        lambda p: replace(p, lines=(line("L1", hours=float("nan")),)),
        PlanValueError,
        "L1",
    ),
    "negative overtime cost": (
        lambda p: replace(p, lines=(line("L1", hours=1.0, overtime_cost=-1.0),)),
        PlanValueError,
        "overtime_cost",
    ),
    "good share in per cent": (
        lambda p: replace(p, lines=(replace(p.lines[0], good_share=np.array([97.0, 97.0])),)),
        PlanValueError,
        "97 % is 0.97",
    ),
    "negative demand": (lambda p: replace(p, demand=np.array([[1.0, -1.0]])), PlanValueError, "demand[A]"),
    "negative stock": (
        lambda p: replace(p, products=(product("A", opening_stock=-1.0),)),
        PlanValueError,
        "opening_stock",
    ),
    "negative backlog cost": (
        lambda p: replace(p, products=(product("A", backlog_cost=-1.0),)),
        PlanValueError,
        "backlog_cost",
    ),
    "ceiling below floor": (
        lambda p: replace(p, products=(product("A", stock_floor=5.0, stock_ceiling=4.0),)),
        PlanValueError,
        "ceiling",
    ),
    "rate of nothing": (
        lambda p: replace(p, routes=(route("L1", "A", rate=0.0),)),
        PlanValueError,
        "L1 → A].rate",
    ),
    "lot of nothing": (
        lambda p: replace(p, routes=(route("L1", "A", rate=1.0, lot=0.0),)),
        PlanValueError,
        "lot",
    ),
    "route share": (
        lambda p: replace(p, routes=(route("L1", "A", rate=1.0, good_share=1.1),)),
        PlanValueError,
        "good_share",
    ),
    "negative energy": (
        lambda p: replace(p, routes=(route("L1", "A", rate=1.0, energy=-1.0),)),
        PlanValueError,
        "energy",
    ),
    "margin missing": (
        lambda p: replace(p, routes=(route("L1", "A", rate=1.0, margin=float("nan")),)),
        PlanValueError,
        "margin",
    ),
    "negative order": (
        lambda p: replace(p, orders=(PlanOrder("O1", "A", WEEKS[0], -1.0),)),
        PlanValueError,
        "O1",
    ),
    "negative cap": (
        lambda p: replace(p, caps=(PlanCap("grid", CapKind.ENERGY, -1.0),)),
        PlanValueError,
        "grid",
    ),
    "stability with lots": (
        lambda p: replace(p, options=PlanOptions(stability_cost=1.0, minimum_lots=True)),
        PlanValueError,
        "stability_cost",
    ),
    "units that do not match": (
        lambda p: replace(p, products=(replace(p.products[0], unit="kg"),)),
        PlanUnitError,
        "'t', product 'A' in 'kg'",
    ),
    "minimum above hours": (
        lambda p: replace(p, lines=(line("L1", hours=5.0, minimum=6.0),)),
        MinimumHoursError,
        "must run 6 h in the week of 2026-08-03",
    ),
    "no demand": (lambda p: replace(p, demand=np.zeros((1, 2))), PlanWithoutDemandError, "no demand"),
    "no line can make it": (
        lambda p: replace(p, products=(*p.products, product("B")), demand=np.ones((2, 2))),
        ProductWithoutRouteError,
        "B",
    ),
    "no line can make what is ordered": (
        lambda p: replace(
            p,
            products=(*p.products, product("B")),
            demand=np.array([[1.0, 1.0], [0.0, 0.0]]),
            orders=(PlanOrder("O1", "B", WEEKS[0], 1.0),),
        ),
        ProductWithoutRouteError,
        "B",
    ),
}


@pytest.mark.parametrize("case", sorted(_CASES))
def test_bad_input_is_refused_by_name(case: str) -> None:
    make, error, named = _CASES[case]
    with pytest.raises(error) as caught:
        make(plan_problem())
    assert named in caught.value.en
    assert caught.value.zh
    assert any("一" <= character <= "鿿" for character in caught.value.zh)


def test_a_product_without_demand_needs_no_route() -> None:
    problem = plan_problem(
        products=(product("A"), product("B")),
        routes=(route("L1", "A", rate=1.0),),
        demand=[[1.0, 1.0], [0.0, 0.0]],
    )
    assert [each.line_id for each in problem.routes_of("A")] == ["L1"]
    assert not list(problem.routes_of("B"))
