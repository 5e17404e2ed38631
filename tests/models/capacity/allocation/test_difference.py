"""What a plan changes against the last one."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from graph.ontology import Wording
from models.capacity.allocation.difference import difference
from models.capacity.allocation.problem import Objective
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


def test_plans_of_other_objectives_are_valued_as_the_newer_counts_and_said_to_differ() -> None:
    problem = random_problem(3)
    group, line_plan = (
        solve_plan(replace(problem, objective=one)) for one in (Objective.GROUP, Objective.LINE)
    )
    change = difference(group, line_plan).summary.row(0, named=True)
    assert change["value_before"] == pytest.approx(group.summary["value_line"][0])
    assert change["value"] == pytest.approx(line_plan.summary["value"][0])
    assert change["value_change"] >= -1e-6  # the best for the lines earns the lines no less
    assert "earned most for the group, this one for the line" in change["text_en"]
    assert "按集团口径" in change["text_zh"]
    same = replace(group, summary=group.summary.with_columns(objective=pl.lit("company")))
    assert "nothing moves" in difference(group, same).summary["text_en"][0]
    assert "The same" not in difference(group, same).summary["text_en"][0]


def test_values_are_of_the_weeks_of_both_plans_alone() -> None:
    long, short = (solve_plan(random_problem(2, weeks=weeks)) for weeks in (6, 4))
    row = difference(long, short).summary.row(0, named=True)
    kept = long.weekly.filter(pl.col("week").is_in(short.weekly["week"].to_list()))
    assert row["value_before"] == pytest.approx(kept["contribution"].sum())
    assert row["value_before"] != pytest.approx(long.summary["value"][0])
    assert "6 weeks, this one 4; the 4 weeks of both" in row["text_en"]
    later = replace(short, products=short.products.with_columns(pl.col("week").dt.offset_by("52w")))
    apart = difference(later, short).summary.row(0, named=True)
    assert apart["value_change"] is None
    assert "cannot be compared" in apart["text_en"]


def test_a_record_without_values_by_week_is_compared_within_its_own_objective_alone() -> None:
    plan = solve_plan(random_problem(1))
    old = replace(plan, weekly=plan.weekly.drop("value_line", "value_company", "value_group"))
    assert difference(old, plan).summary["value_change"][0] == pytest.approx(0.0)
    other = replace(plan, summary=plan.summary.with_columns(objective=pl.lit("line")))
    assert difference(old, other).summary["value_change"][0] is None


def test_what_else_differs_is_said() -> None:
    plan = solve_plan(random_problem(1))
    change = difference(plan, plan, unlike=(Wording(zh="产能不同", en="capacity differs"),))
    assert change.summary["text_en"][0].startswith("Capacity differs; nothing moves")
    assert change.summary["text_zh"][0].startswith("产能不同；排产没有变动")


def test_only_weeks_of_both_plans_are_compared() -> None:
    long, short = random_problem(2, weeks=6), random_problem(2, weeks=4)
    change = difference(solve_plan(short), solve_plan(long))
    assert change.summary["weeks"][0] == 4
    assert set(change.production["week"].to_list()) <= set(short.weeks)
