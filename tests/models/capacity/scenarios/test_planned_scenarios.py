"""Scenarios solved by the planner: what must be so of any optimum, whatever the plan."""

from dataclasses import replace
from functools import partial

import polars as pl
import pytest

from models.capacity.allocation.plan import Plan
from models.capacity.allocation.problem import PlanProblem
from models.capacity.allocation.solve import solve_plan
from models.capacity.scenarios.comparison import Comparison, beside_base
from models.capacity.scenarios.scenario_files import load_scenarios
from models.errors import PlanInfeasibleError
from tests.models.capacity.scenarios.scenario_problems import problem, scenario

solve = partial(solve_plan, time_limit_seconds=30)


@pytest.fixture(name="plan", scope="module")
def _plan() -> PlanProblem:
    return replace(problem(), orders=())


@pytest.fixture(name="base", scope="module")
def _base(plan: PlanProblem) -> Plan:
    return solve(plan)


def _change(found: Comparison, measure: str = "value", unit: str = "CNY") -> float:
    rows = found.measures.filter(pl.col("measure") == measure, pl.col("unit") == unit)
    return float(rows["change"].item())


def test_a_longer_outage_costs_no_less(plan: PlanProblem, base: Plan) -> None:
    costs = [
        _change(
            beside_base(
                scenario({"kind": "line_out", "line": "L1", "weeks": weeks}), plan, solve, before=base
            )
        )
        for weeks in (1, 3, 6)
    ]
    assert costs[0] < 0
    assert costs[0] >= costs[1] >= costs[2]


def test_more_room_never_costs_anything(plan: PlanProblem, base: Plan) -> None:
    for part in (
        {"kind": "overtime", "lines": ["L1", "L2"], "hours": 10, "cost": 5},
        {"kind": "new_line", "line": "N", "copy_of": "L1"},
        {"kind": "cap_change", "cap": "E", "factor": 2.0},
    ):
        assert _change(beside_base(scenario(dict(part)), plan, solve, before=base)) >= -1e-3


def test_what_a_plan_delivers_is_what_the_comparison_says(plan: PlanProblem, base: Plan) -> None:
    found = beside_base(scenario({"kind": "line_out", "line": "L3", "weeks": 2}), plan, solve, before=base)
    row = found.products.filter(pl.col("product_id") == "S").row(0, named=True)
    own = base.products.filter(pl.col("product_id") == "S")
    assert row["delivered_base"] == pytest.approx(own["delivered"].sum())
    assert row["weeks_short"] > row["weeks_short_base"]
    out = found.line_weeks.filter(pl.col("line_id") == "L3").sort("week")
    assert out["used"].to_list()[:2] == [0, 0]


def test_every_built_in_example_is_planned_beside_the_base(plan: PlanProblem, base: Plan) -> None:
    for one in load_scenarios():
        found = beside_base(one, plan, solve, before=base)
        assert found.text.zh.startswith(one.zh)
        assert found.text.en.startswith(one.en)
        assert found.measures["base"].null_count() == 0


def test_a_scenario_that_no_plan_meets_says_what_to_relax() -> None:
    with pytest.raises(PlanInfeasibleError, match="O1"):
        beside_base(scenario({"kind": "line_out", "line": "L1"}), problem(), solve)


def test_opening_backlog_stands_beside_demand_so_that_the_figures_add_up(plan: PlanProblem) -> None:
    owing = replace(plan, products=(replace(plan.products[0], opening_backlog=70.0), *plan.products[1:]))
    found = beside_base(scenario({"kind": "line_out", "line": "L1", "weeks": 2}), owing, solve)
    assert found.products.filter(pl.col("product_id") == "A")["opening_backlog_base"].item() == 70.0
    figures = {(row["measure"], row["unit"]): row["scenario"] for row in found.measures.to_dicts()}
    for unit in ("piece", "t"):
        asked = figures["demand", unit] + figures["opening_backlog", unit]
        assert asked - figures["delivered", unit] == pytest.approx(figures["unmet", unit], abs=1e-6)
    assert figures["opening_backlog", "piece"] == 70.0
