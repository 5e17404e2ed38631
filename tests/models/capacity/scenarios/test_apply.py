"""Scenarios applied to a plan: what each part changes, and what it must not; errors that name what is wrong."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.capacity.allocation.problem import PlanLine, PlanProblem
from models.capacity.scenarios.apply import applied, apply
from models.capacity.scenarios.scenario_files import load_scenarios, scenario_named, scenario_of
from models.errors import CapacityScenarioError
from tests.models.capacity.scenarios.scenario_problems import WEEKS, problem, scenario, without


def _line(plan: PlanProblem, line_id: str) -> PlanLine:
    return next(one for one in plan.lines if one.line_id == line_id)


def _refused(*parts: dict[str, object], base: PlanProblem | None = None) -> CapacityScenarioError:
    with pytest.raises(CapacityScenarioError) as caught:
        apply(scenario(*parts), base or problem())
    assert "test" in caught.value.zh
    assert "test" in caught.value.en
    return caught.value


def test_an_outage_takes_hours_overtime_and_minimum_for_its_weeks_alone() -> None:
    base = problem()
    changed = _line(apply(scenario({"kind": "line_out", "line": "L3", "first": 2, "weeks": 6}), base), "L3")
    assert changed.hours.tolist() == [90, 0, 0, 0, 0, 0, 0, 90]
    assert changed.overtime.tolist() == [4, 0, 0, 0, 0, 0, 0, 4]
    assert changed.least.tolist() == [40, 0, 0, 0, 0, 0, 0, 40]
    assert _line(base, "L3").hours[1] == 90


def test_a_part_outage_leaves_the_rest_of_the_hours_and_a_minimum_that_can_be_met() -> None:
    changed = _line(
        apply(scenario({"kind": "line_out", "line": "L3", "weeks": 3, "share": 0.5}), problem()), "L3"
    )
    assert changed.hours.tolist()[:4] == [45, 45, 15, 90]
    assert (changed.least <= changed.hours).all()


def test_a_week_is_a_number_or_any_day_of_it() -> None:
    parts = [
        {"kind": "line_out", "line": "L1", "first": first, "weeks": 1}
        for first in (3, WEEKS[2], date(2026, 9, 27))
    ]
    found = [_line(apply(scenario(one), problem()), "L1").hours.tolist() for one in parts]
    assert found == [[100, 100, 0, 100, 100, 100, 100, 100]] * 3


def test_an_outage_may_last_beyond_the_plans_end() -> None:
    changed = apply(scenario({"kind": "line_out", "line": "L1", "first": 8, "weeks": 20}), problem())
    assert _line(changed, "L1").hours.tolist() == [100] * 7 + [0]


def test_most_valuable_is_the_line_that_can_earn_most() -> None:
    changed = apply(scenario({"kind": "line_out", "line": "@most_valuable"}), problem())
    assert [one.line_id for one in changed.lines if not one.hours.any()] == ["L1"]


def test_overtime_adds_hours_at_the_mean_cost() -> None:
    changed = _line(
        apply(scenario({"kind": "overtime", "lines": ["L3"], "hours": 12, "cost": 500}), problem()), "L3"
    )
    assert changed.overtime.tolist() == [16.0] * 8
    assert changed.overtime_cost == pytest.approx((4 * 100 + 12 * 500) / 16)


def test_overtime_fits_in_what_the_shifts_leave_of_the_week() -> None:
    base = problem()
    planned = np.array([168.0, 160, 0, 120, 120, 120, 120, 120])
    line = replace(base.lines[0], hours=np.where(planned > 0, planned * 0.75, 0.0), planned_hours=planned)
    closed = replace(base, lines=(line, *base.lines[1:]))
    changed = applied(scenario({"kind": "overtime", "hours": 20, "cost": 5}), closed)
    assert _line(changed.problem, "L1").overtime.tolist() == [0, 6, 0, 20, 20, 20, 20, 20]
    assert "L1 13.2" in changed.parts[0].en
    assert "L2" not in changed.parts[0].en.split("room")[1]
    with pytest.raises(CapacityScenarioError, match="at most 6 `hours`"):
        apply(
            scenario({"kind": "overtime", "lines": ["L1"], "hours": 7, "cost": 5, "first": 2, "weeks": 1}),
            closed,
        )
    with pytest.raises(CapacityScenarioError, match="stands still"):
        apply(
            scenario({"kind": "overtime", "lines": ["L1"], "hours": 7, "cost": 5, "first": 3, "weeks": 1}),
            closed,
        )


def test_a_line_that_is_out_gets_no_overtime_and_the_others_do() -> None:
    out = {"kind": "line_out", "line": "L1", "weeks": 6}
    changed = apply(scenario(out, {"kind": "overtime", "hours": 20, "cost": 5, "weeks": 6}), problem())
    assert _line(changed, "L1").overtime.sum() == 0
    assert _line(changed, "L2").overtime.tolist() == [20.0] * 6 + [0.0] * 2


def test_overtime_where_the_plan_allows_none_is_that_of_the_scenario_alone() -> None:
    changed = apply(
        scenario({"kind": "overtime", "lines": ["L1"], "hours": 5, "cost": 1}), without(overtime=False)
    )
    assert changed.options.overtime
    assert {one.line_id: float(one.overtime.sum()) for one in changed.lines} == {
        "L1": 40.0,
        "L2": 0.0,
        "L3": 0.0,
    }


def test_a_new_line_copies_hours_and_routes_and_ramps_up() -> None:
    part = {
        "kind": "new_line",
        "line": "N",
        "copy_of": "L1",
        "first": 3,
        "ramp_up_weeks": 4,
        "ramp_up_from": 0.2,
    }
    result = applied(scenario(part), problem())
    new = _line(result.problem, "N")
    assert new.hours == pytest.approx(np.array([0, 0, 20, 40, 60, 80, 100, 100]))
    assert {(one.product_id, one.rate) for one in result.problem.routes if one.line_id == "N"} == {
        ("A", 10),
        ("B", 12),
    }
    assert new.org_id == "ORG-1"
    assert result.modelled_on == {"N": "L1"}


def test_a_new_line_may_make_some_products_at_a_rate_of_its_own() -> None:
    part = {
        "kind": "new_line",
        "line": "N",
        "copy_of": "L2",
        "products": ["B"],
        "rate": 20,
        "hours": 50,
        "good_share": 0.7,
    }
    changed = apply(scenario(part), problem())
    route = next(one for one in changed.routes if one.line_id == "N")
    assert (route.rate, route.good_share) == (20, None)
    assert _line(changed, "N").good_share.tolist() == [0.7] * 8
    assert _line(changed, "N").hours.tolist() == [50.0] * 8


def test_a_new_line_without_a_copy_takes_the_best_routes_of_its_products() -> None:
    part = {"kind": "new_line", "line": "N", "products": ["B"], "rate": 5, "hours": 40}
    changed = apply(scenario(part), problem())
    route = next(one for one in changed.routes if one.line_id == "N")
    assert (route.margin_group, route.good_share) == (4, 0.8)  # L2's, which earns more on B than L1


def test_a_new_line_stands_in_for_the_line_that_is_out() -> None:
    parts = ({"kind": "line_out", "line": "L1"}, {"kind": "new_line", "line": "N", "copy_of": "L1"})
    changed = apply(scenario(*parts), problem())
    assert not _line(changed, "L1").hours.any()
    assert _line(changed, "N").hours.tolist() == [100.0] * 8


def test_demand_is_changed_for_what_is_meant_alone() -> None:
    part = {"kind": "demand_change", "families": ["cell"], "factor": 1.1, "first": 2, "weeks": 2}
    changed = apply(scenario(part), problem()).demand - problem().demand
    assert changed[:, 1:3] == pytest.approx(np.array([[50.0] * 2, [70.0] * 2, [0.0] * 2]))
    assert not changed[:, [0, 3, 4, 5, 6, 7]].any()


def test_products_families_and_companies_narrow_each_other_down() -> None:
    part = {"kind": "demand_change", "families": ["cell", "salt"], "companies": ["ORG-2"], "factor": 2}
    assert apply(scenario(part), problem()).demand[:, 0].tolist() == [500, 700, 300]


def test_an_amount_is_shared_out_as_demand_is_and_never_takes_more_than_there_is() -> None:
    more = apply(scenario({"kind": "demand_change", "families": ["cell"], "amount": 120}), problem())
    assert more.demand[:, 0] == pytest.approx([550, 770, 150])
    less = apply(scenario({"kind": "demand_change", "families": ["cell"], "amount": -9000}), problem())
    assert less.demand[:, 0].tolist() == [0, 0, 150]


def test_firm_orders_stay_where_demand_falls() -> None:
    changed = apply(scenario({"kind": "demand_change", "products": ["A"], "factor": 0.4}), problem())
    assert changed.orders == problem().orders


def test_no_demand_at_all_is_refused_and_orders_alone_are_not() -> None:
    none: dict[str, object] = {"kind": "demand_change", "factor": 0}
    assert "no demand" in _refused(none, base=replace(problem(), orders=())).en
    assert not apply(scenario(none), problem()).demand.any()


def test_a_yield_moves_lines_and_routes_with_a_share_of_their_own_and_stops_at_one() -> None:
    changed = apply(scenario({"kind": "yield_change", "factor": 1.2}), problem())
    assert _line(changed, "L1").good_share.tolist() == [1.0] * 8
    assert next(one for one in changed.routes if one.line_id == "L2").good_share == pytest.approx(0.96)


def test_a_cap_is_moved_and_counts_alone_where_caps_were_left_out() -> None:
    changed = apply(scenario({"kind": "cap_change", "cap": "E", "factor": 0.5}), without(caps=False))
    assert changed.options.caps
    assert [one.limit for one in changed.caps] == [4500.0]


def test_maintenance_changes_places_with_another_week() -> None:
    changed = _line(
        apply(scenario({"kind": "maintenance_moved", "line": "L3", "week": 3, "to": 8}), problem()), "L3"
    )
    assert changed.hours.tolist() == [90, 90, 90, 90, 90, 90, 90, 30]
    assert changed.least.tolist() == [40, 40, 40, 40, 40, 40, 40, 30]


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"kind": "line_out", "line": "L9"}, "L1, L2, L3"),
        ({"kind": "line_out", "line": "L1", "first": 9}, "1 to 8"),
        ({"kind": "line_out", "line": "L1", "first": date(2026, 9, 6)}, "2026-09-07"),
        ({"kind": "overtime", "lines": ["L9"], "hours": 1, "cost": 1}, "L9"),
        ({"kind": "overtime", "lines": ["L1"], "hours": 69, "cost": 1}, "68"),
        ({"kind": "new_line", "line": "L1", "copy_of": "L2"}, "there already"),
        ({"kind": "new_line", "line": "N", "copy_of": "L1", "products": ["S"]}, "does not make S"),
        ({"kind": "new_line", "line": "N", "products": ["Z"], "rate": 1, "hours": 1}, "'Z'"),
        ({"kind": "new_line", "line": "N", "copy_of": "L1", "hours": 169}, "168"),
        ({"kind": "demand_change", "products": ["Z"], "factor": 1.1}, "'Z'"),
        ({"kind": "demand_change", "families": ["glass"], "factor": 1.1}, "cell, salt"),
        ({"kind": "demand_change", "products": ["A"], "companies": ["ORG-2"], "factor": 1.1}, "no product"),
        ({"kind": "demand_change", "amount": 5}, "several units"),
        ({"kind": "yield_change", "factor": 0.9, "weeks": 2}, "good share of its own"),
        ({"kind": "cap_change", "cap": "CO2", "factor": 0.5}, "E"),
        ({"kind": "maintenance_moved", "line": "L3", "week": 4, "to": 3}, "no maintenance"),
        ({"kind": "maintenance_moved", "line": "L3", "week": 3, "to": 3}, "changes nothing"),
        ({"kind": "demand_change", "factor": 1.0}, "changes nothing"),
        ({"kind": "demand_change", "amount": 0.0, "products": ["A"]}, "changes nothing"),
        ({"kind": "overtime", "hours": 0, "cost": 1}, "changes nothing"),
        ({"kind": "cap_change", "cap": "E", "limit": 9000}, "changes nothing"),
        ({"kind": "yield_change", "factor": 1}, "changes nothing"),
    ],
)  # fmt: skip
def test_what_the_plan_does_not_have_and_what_changes_nothing_is_named(
    part: dict[str, object], named: str
) -> None:
    assert named in _refused(part).en


def test_overlapping_outages_of_one_line_are_refused_by_week_and_others_are_not() -> None:
    first = {"kind": "line_out", "line": "L1", "first": 1, "weeks": 3}
    second = {"kind": "line_out", "line": "@most_valuable", "first": 3, "weeks": 2}
    assert str(WEEKS[2]) in _refused(first, second).en
    apply(scenario(first, {**second, "first": 4}), problem())
    apply(scenario(first, {**second, "line": "L2"}), problem())


def test_parts_that_undo_each_other_are_refused() -> None:
    up: dict[str, object] = {"kind": "demand_change", "products": ["A"], "amount": 64}
    down = {**up, "amount": -64}
    assert "undo" in _refused(up, down).en


@pytest.mark.parametrize(
    ("part", "en"),
    [
        ({"kind": "overtime", "hours": -1, "cost": 1}, "parts.0.overtime.hours must not be below 0"),
        ({"kind": "overtime", "hours": True, "cost": 1}, "must be a number"),
        ({"kind": "demand_change", "factor": -0.1}, "must not be below 0"),
        ({"kind": "demand_change", "factor": 1.1, "amount": 2}, "either factor or amount"),
        ({"kind": "demand_change"}, "either factor or amount"),
        ({"kind": "new_line", "line": "N"}, "makes no product"),
        ({"kind": "new_line", "line": "N", "products": ["A"]}, "give rate"),
        ({"kind": "line_out", "line": "L1", "first": 0}, "from 1 on, not 0"),
            ({"kind": "line_out", "line": "L1", "first": True}, "from 1 on, not True"),
            ({"kind": "line_out", "line": "L1", "first": 2.5}, "from 1 on, not 2.5"),
            ({"kind": "line_out", "line": "L1", "first": "soon"}, "first"),
        ({"kind": "line_out", "line": "L1", "weeks": 0}, "must not be below 1"),
        ({"kind": "line_out", "line": "L1", "share": 1.5}, "must not be above 1"),
        ({"kind": "line_out", "line": "L1", "hours": 3}, "is not a field"),
        ({"kind": "line_out"}, "line is missing"),
        ({"kind": "strike"}, "`kind` must be one of"),
        ({"line": "L1"}, "lacks 'kind'"),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_is_refused_with_its_field(part: dict[str, object], en: str) -> None:
    with pytest.raises(CapacityScenarioError) as caught:
        scenario_of({"name": "mine", "parts": [part]})
    assert en in caught.value.en
    assert "mine" in caught.value.zh


def test_the_built_in_examples_fit_a_plan_they_do_not_know() -> None:
    names = [one.name for one in load_scenarios()]
    assert {"line_out_six_weeks", "overtime", "new_line", "demand_up_10", "demand_down_10"} <= set(names)
    for one in load_scenarios():
        result = applied(one, problem())
        assert result.label.zh == one.zh
        assert len(result.parts) == len(one.parts)


def test_a_scenario_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(CapacityScenarioError, match="line_out_six_weeks"):
        scenario_named("strike", load_scenarios())


@given(
    st.floats(0.1, 3),
    st.integers(1, 8),
    st.integers(1, 8),
    st.sampled_from(["line_out", "overtime", "demand_change"]),
)
def test_a_scenario_leaves_all_other_weeks_and_the_base_as_they_are(
    size: float, first: int, weeks: int, kind: str
) -> None:
    base, span = problem(), slice(first - 1, first - 1 + weeks)
    part: dict[str, object] = {
        "line_out": {"kind": kind, "line": "L1", "share": min(size, 1.0)},
        "overtime": {"kind": kind, "lines": ["L1"], "hours": size, "cost": 1.0},
        "demand_change": {"kind": kind, "products": ["A"], "amount": size},
    }[kind]
    changed = apply(scenario({**part, "first": first, "weeks": weeks}), base)
    outside = np.ones(8, dtype=np.bool_)
    outside[span] = False
    for before, after in zip(base.lines, changed.lines, strict=True):
        assert (before.hours[outside] == after.hours[outside]).all()
        assert (before.overtime[outside] == after.overtime[outside]).all()
    assert (base.demand[:, outside] == changed.demand[:, outside]).all()
    assert (base.demand == problem().demand).all()


def test_the_order_of_parts_counts_for_factors_and_amounts_alone_where_it_should() -> None:
    up, more = (
        {"kind": "demand_change", "products": ["A"], "factor": 2},
        {"kind": "demand_change", "products": ["A"], "amount": 10},
    )
    assert apply(scenario(up, more), problem()).demand[0, 0] == 1010
    assert apply(scenario(more, up), problem()).demand[0, 0] == 1020


def test_overtime_on_top_of_dearer_or_cheaper_hours_says_the_mean_cost() -> None:
    text = applied(scenario({"kind": "overtime", "hours": 12, "cost": 500}), problem()).parts[0]
    assert "L3 400" in text.zh
    assert "mean cost with the overtime there was: L3 400" in text.en
