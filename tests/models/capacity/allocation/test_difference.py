"""What a plan changes against the last one."""

from dataclasses import replace

import numpy as np
import pytest

from models.capacity.allocation.difference import difference
from models.capacity.allocation.solve import solve_plan
from tests.models.capacity.allocation.small_plans import line, plan_problem, product, random_problem, route


def test_same_plan_has_no_difference() -> None:
    plan = solve_plan(random_problem(1))
    change = difference(plan, plan)
    assert change.production.is_empty()
    assert change.lines.is_empty()
    assert change.products.is_empty()
    assert set(change.binding["status"].to_list()) <= {"kept"}
    assert change.summary["hours_kept"][0] == pytest.approx(1.0)
    assert change.summary["text_en"][0].startswith("The same")


def test_line_out_moves_its_hours_and_a_new_line_binds() -> None:
    problem = plan_problem(
        lines=(line("L1", hours=10.0), line("L2", hours=6.0)),
        products=(product("A", backlog_cost=None),),
        routes=(route("L1", "A", rate=2.0), route("L2", "A", rate=1.0)),
        demand=[[20.0, 18.0]],
    )
    before = solve_plan(problem)
    out = replace(problem.lines[0], hours=np.array([10.0, 0.0]))
    change = difference(before, solve_plan(replace(problem, lines=(out, problem.lines[1]))))
    moved = {(row["line_id"], row["week"]): row["hours_change"] for row in change.lines.iter_rows(named=True)}
    assert moved[("L1", problem.weeks[1])] == pytest.approx(-9.0)
    assert moved[("L2", problem.weeks[1])] == pytest.approx(6.0)
    delivered = change.products.filter(week=problem.weeks[1])
    assert delivered["delivered_change"].to_list() == pytest.approx(
        [-6.0]
    )  # 6 from L2's stock of the week before, 6 from L2
    row = change.summary.row(0, named=True)
    assert row["value_change"] < 0
    assert row["value"] - row["value_before"] == pytest.approx(row["value_change"])
    assert 0 < row["hours_kept"] < 1
    new = change.binding.filter(status="new")
    assert row["new_binding"] == new.height > 0
    assert "less" in row["text_en"]
    assert "减少" in row["text_zh"]


def test_only_weeks_of_both_plans_are_compared() -> None:
    long, short = random_problem(2, weeks=6), random_problem(2, weeks=4)
    change = difference(solve_plan(short), solve_plan(long))
    assert change.summary["weeks"][0] == 4
    assert set(change.production["week"].to_list()) <= set(short.weeks)
