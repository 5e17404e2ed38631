"""Shortfalls under a scenario: the same luck as the base, so that nothing moves but what the scenario touches."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models.capacity.allocation.problem import PlanLine, PlanProblem
from models.capacity.published.shortfall_of_run import Setting
from models.capacity.scenarios.apply import applied
from models.capacity.scenarios.shortfall_changes import setting_under, shortfalls_of
from models.capacity.shortfall.dependence import Dependence, independent
from models.capacity.shortfall.drawing import draw
from models.capacity.shortfall.marginals import Marginals
from models.capacity.shortfall.supply import Supply, median_shares
from tests.models.capacity.scenarios.scenario_problems import WEEKS, problem, scenario

LEVELS = (0.1, 0.5, 0.9)
SPREAD = np.array([0.8, 1.0, 1.2])
FloatArray = NDArray[np.float64]


def _setting(plan: PlanProblem) -> Setting:
    """Return quantiles around the plan's demand and good hours."""
    products, lines = tuple(one.product_id for one in plan.products), tuple(one.line_id for one in plan.lines)
    demand = Marginals(products, plan.weeks, LEVELS, plan.demand[:, :, None] * SPREAD)
    good = np.stack([one.hours * one.good_share for one in plan.lines])
    hours = Marginals(lines, plan.weeks, LEVELS, good[:, :, None] * SPREAD)
    rate = np.zeros((len(products), len(lines)))
    for one in plan.routes:
        rate[products.index(one.product_id), lines.index(one.line_id)] = one.rate
    supply = Supply(products, lines, rate)
    return Setting(demand, hours, supply, median_shares(supply, demand.median, hours.median), None)


def _pair(*parts: dict[str, object]) -> tuple[pl.DataFrame, pl.DataFrame]:
    plan = problem()
    setting = _setting(plan)
    pair = shortfalls_of(
        applied(scenario(*parts), plan), setting, independent(setting.demand.ids), count=400, seed=3
    )
    return pair.base.products, pair.scenario.products


def _probability(frame: pl.DataFrame, product: str) -> FloatArray:
    found: FloatArray = frame.filter(pl.col("product_id") == product).sort("week")["probability"].to_numpy()
    return found


def test_an_outage_raises_the_chance_of_a_shortfall_in_its_weeks_and_nowhere_else() -> None:
    base, changed = _pair({"kind": "line_out", "line": "L1", "first": 2, "weeks": 3})
    before, after = (_probability(one, "A") for one in (base, changed))
    assert (after[1:4] == 1).all()
    assert (before[1:4] < 1).all()
    assert (after[[0, 4, 5, 6, 7]] == before[[0, 4, 5, 6, 7]]).all()
    assert (_probability(base, "S") == _probability(changed, "S")).all()


def test_more_demand_never_lowers_the_chance_of_a_shortfall() -> None:
    for factor, sign in ((1.1, 1), (0.9, -1)):
        base, changed = _pair({"kind": "demand_change", "products": ["S"], "factor": factor})
        change = sign * (_probability(changed, "S") - _probability(base, "S"))
        assert (change >= 0).all()
        assert change.any()
        assert (_probability(base, "A") == _probability(changed, "A")).all()


def test_overtime_and_a_new_line_lower_the_chance() -> None:
    overtime: dict[str, object] = {"kind": "overtime", "lines": ["L3"], "hours": 20, "cost": 1}
    new: dict[str, object] = {"kind": "new_line", "line": "N", "copy_of": "L3"}
    for part in (overtime, new):
        base, changed = _pair(part)
        change = _probability(base, "S") - _probability(changed, "S")
        assert (change >= 0).all()
        assert change.any()


def test_a_new_line_depends_on_others_as_its_model_does() -> None:
    plan = problem()
    setting, result = (
        _setting(plan),
        applied(scenario({"kind": "new_line", "line": "N", "copy_of": "L3"}), plan),
    )
    shared = Dependence(setting.hours.ids, ("site",), np.array([[0.9], [0.9], [0.5]]), 0.0, "test")
    demand = independent(setting.demand.ids)
    pairs = [
        shortfalls_of(result, setting, demand, count=400, seed=3, line_dependence=one)
        for one in (None, shared)
    ]
    assert pairs[0].base.products.equals(
        shortfalls_of(result, setting, demand, count=400, seed=3).base.products
    )
    assert not pairs[0].base.weeks.equals(pairs[1].base.weeks)
    assert not pairs[0].scenario.weeks.equals(pairs[1].scenario.weeks)


def test_a_scenario_scales_the_very_draws_of_the_base() -> None:
    plan = problem()
    setting = _setting(plan)
    under = setting_under(
        applied(scenario({"kind": "demand_change", "factor": 1.5, "weeks": 2}), plan), setting
    )
    dependence = independent(setting.demand.ids)
    base, changed = (draw(one.demand, dependence, count=50, seed=1) for one in (setting, under))
    assert changed[:, :, :2] == pytest.approx(1.5 * base[:, :, :2], rel=1e-5)
    assert (changed[:, :, 2:] == base[:, :, 2:]).all()


def test_a_new_line_has_the_band_of_its_model_and_its_own_hours() -> None:
    plan = problem()
    part = {"kind": "new_line", "line": "N", "copy_of": "L1", "hours": 50, "first": 3}
    under = setting_under(applied(scenario(part), plan), _setting(plan))
    row = under.hours.ids.index("N")
    assert not under.hours.values[row, :2].any()
    assert under.hours.values[row, 2] == pytest.approx(50 * 0.9 * SPREAD)
    assert under.supply.rate[:, row].tolist() == [10, 12, 0]
    assert under.shares.shape == (8, 3, 4)


def test_what_the_base_had_none_of_is_added_as_it_is() -> None:
    plan = problem()
    empty = replace(plan, demand=plan.demand * np.array([[0.0], [1.0], [1.0]]))
    part = {"kind": "demand_change", "products": ["A"], "amount": 30.0}
    under = setting_under(applied(scenario(part), empty), _setting(empty))
    assert (under.demand.values[0] == 30.0).all()


def test_weeks_and_products_that_the_plan_does_not_have_stay_as_they_are() -> None:
    plan = problem()
    setting = _setting(plan)
    short = replace(
        plan,
        weeks=WEEKS[:4],
        demand=plan.demand[:, :4],
        lines=tuple(_cut(one) for one in plan.lines),
    )
    under = setting_under(applied(scenario({"kind": "demand_change", "factor": 2}), short), setting)
    assert under.demand.values[:, :4] == pytest.approx(2 * setting.demand.values[:, :4])
    assert (under.demand.values[:, 4:] == setting.demand.values[:, 4:]).all()


def _cut(line: PlanLine) -> PlanLine:
    overtime, least = (None if one is None else one[:4] for one in (line.overtime_hours, line.minimum_hours))
    return replace(
        line,
        hours=line.hours[:4],
        good_share=line.good_share[:4],
        overtime_hours=overtime,
        minimum_hours=least,
    )
