"""A small plan for the tests of scenarios: two cell lines, one salt line, three products, eight weeks."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from models.capacity.allocation.problem import (
    CapKind,
    PlanCap,
    PlanLine,
    PlanOptions,
    PlanOrder,
    PlanProblem,
    PlanProduct,
    Route,
)
from models.capacity.scenarios.scenario import Scenario

WEEKS = tuple(date(2026, 9, 7) + timedelta(weeks=number) for number in range(8))


def scenario(*parts: dict[str, Any], name: str = "test") -> Scenario:
    """Return a scenario of parts given as plain data."""
    return Scenario.model_validate({"name": name, "parts": parts})


def problem() -> PlanProblem:
    """Return the plan: L1 earns most an hour; S is made by a line of another company in tonnes."""
    return PlanProblem(
        weeks=WEEKS,
        lines=(_line("L1", "ORG-1", "piece", 100.0), _line("L2", "ORG-1", "piece", 60.0), _salt_line()),
        products=(
            PlanProduct("A", "ORG-1", "cell", "piece", opening_stock=50, holding_cost=0.01, backlog_cost=2.0),
            PlanProduct("B", "ORG-1", "cell", "piece", backlog_cost=1.0),
            PlanProduct("S", "ORG-2", "salt", "t", backlog_cost=5.0),
        ),
        routes=(
            Route("L1", "A", 10, 5, 5, 5),
            Route("L1", "B", 12, 3, 3, 3),
            Route("L2", "B", 8, 4, 4, 4, good_share=0.8),
            Route("L3", "S", 2, 20, 20, 20, energy_per_unit=50),
        ),
        demand=np.array([[500.0] * 8, [700.0] * 8, [150.0] * 8]),
        orders=(PlanOrder("O1", "A", WEEKS[1], 600.0), PlanOrder("O2", "S", WEEKS[3], 100.0)),
        caps=(PlanCap("E", CapKind.ENERGY, 9000.0),),
    )


def without(**options: bool) -> PlanProblem:
    """Return the plan with options switched off."""
    base = problem()
    return replace(base, options=replace(PlanOptions(), **options))


def _line(line_id: str, org_id: str, unit: str, hours: float) -> PlanLine:
    return PlanLine(line_id, org_id, unit, np.full(8, hours), np.full(8, 0.9), name=line_id)


def _salt_line() -> PlanLine:
    """Return the salt line: it must run 40 hours, and week 3 (the third) brings maintenance."""
    hours = np.array([90.0, 90, 30, 90, 90, 90, 90, 90])
    return PlanLine(
        "L3", "ORG-2", "t", hours, np.full(8, 0.95), overtime_hours=np.full(8, 4.0), overtime_cost=100.0,
        minimum_hours=np.minimum(hours, 40.0),
    )  # fmt: skip
