"""The plan's problem has the run's keys, weeks, hours and demand; what cannot be planned is named."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.capacity.allocation.problem import Objective, PlanOptions, PlanProblem
from models.capacity.profiles.profile_files import load_profiles
from models.capacity.published.capacity_run import CapacityRun
from models.capacity.published.problem_of_run import Counting, problem_with_notes
from models.capacity.published.run_scope import run_of_companies, weeks_of_run
from models.errors import PlanUnitError, PlanValueError, PlanWithoutDemandError, ProductWithoutRouteError
from tests.models.capacity.published.capacity_runs import WEEKS, a_run


def _problem(run: CapacityRun, **given: object) -> PlanProblem:
    return problem_with_notes(run, objective=Objective.GROUP, **given)[0]  # type: ignore[arg-type]  # as the test says


def _codes(run: CapacityRun, **given: object) -> set[str]:
    notes = problem_with_notes(run, objective=Objective.GROUP, **given)[1]  # type: ignore[arg-type]
    assert all(note.zh != note.en for note in notes)
    return {note.code for note in notes}


def test_the_problem_has_the_runs_keys_weeks_hours_and_demand() -> None:
    run = a_run()
    problem = _problem(run)
    assert problem.weeks == tuple(WEEKS)
    assert [line.line_id for line in problem.lines] == ["L1", "L2"]
    np.testing.assert_allclose(problem.lines[0].hours, 126.0)
    np.testing.assert_allclose(problem.lines[0].good_share, 0.95)
    np.testing.assert_allclose(problem.lines[0].room, (168.0 - 140.0) * 0.9)
    np.testing.assert_allclose(problem.demand, 900.0)
    assert problem.products[0].stock_ceiling == 500.0
    assert problem.products[1].stock_ceiling is None
    assert problem.routes[0].good_share is None
    assert _codes(run) == set()


def test_less_capacity_and_more_demand_are_counted_on_where_asked_for() -> None:
    run = a_run()
    problem = _problem(run, counting=Counting(capacity=0.75, demand=0.9))
    np.testing.assert_allclose(problem.lines[0].hours, 126.0 * 0.9)  # q25 is 0.9 of the forecast
    np.testing.assert_allclose(problem.demand, 1200.0)
    np.testing.assert_allclose(_problem(run, counting=Counting(capacity=0.9)).lines[1].hours, 126.0 * 0.8)
    with pytest.raises(PlanValueError, match=r"0\.6 of capacity") as caught:
        _problem(run, counting=Counting(capacity=0.6))
    assert caught.value.zh.startswith("产能的概率 0.6")
    with pytest.raises(PlanValueError, match=r"0\.99 of demand"):
        _problem(run, counting=Counting(demand=0.99))


def test_only_weeks_that_can_still_be_planned_count() -> None:
    run = a_run()
    later = replace(run, info=run.info.model_copy(update={"data_as_of": WEEKS[0] + timedelta(days=1)}))
    assert weeks_of_run(later) == tuple(WEEKS[1:])
    short = replace(run, weeks=run.weeks.filter((pl.col("line_id") == "L1") | (pl.col("week") < WEEKS[2])))
    assert weeks_of_run(short) == tuple(WEEKS[:2])
    assert _problem(run, weeks=2).weeks == tuple(WEEKS[:2])
    assert _problem(run, weeks=WEEKS[1:]).weeks == tuple(WEEKS[1:])
    for wrong in (4, 0, [date(2027, 1, 4)], []):
        with pytest.raises(PlanValueError, match="2026-01-05 to 2026-01-19"):
            _problem(run, weeks=wrong)


def test_a_run_without_demand_cannot_be_planned() -> None:
    run = a_run()
    with pytest.raises(PlanWithoutDemandError, match="demand run"):
        _problem(replace(run, demand=run.demand.clear()))


def test_companies_plan_their_own_lines_and_products() -> None:
    run = replace(
        a_run(),
        caps=pl.DataFrame(
            {
                "cap_id": ["E1", "G1"],
                "kind": ["energy", "emission"],
                "org_id": ["C1", None],
                "limit": [500.0, 90.0],
            }
        ),
    )
    alone = _problem(run, companies=["C1"])
    assert [line.line_id for line in alone.lines] == ["L1"]
    assert [product.product_id for product in alone.products] == ["P1", "P2"]
    assert [cap.cap_id for cap in alone.caps] == ["E1"]
    assert "group_cap_left_out" in _codes(run, companies=["C1"])
    assert {cap.cap_id for cap in _problem(run).caps} == {"E1", "G1"}
    assert run_of_companies(run, ["C2"]).demand["product_id"].unique().to_list() == ["P2"]
    with pytest.raises(PlanValueError, match="C9"):
        _problem(run, companies=["C9"])


def _made_by_a_sister() -> CapacityRun:
    """Return a run in which P2 of C2 is made on C1's line alone, and an order asks for it."""
    run = a_run()
    orders = pl.DataFrame({"order_id": ["O2"], "product_id": ["P2"], "week": WEEKS[:1], "quantity": [10.0]})
    return replace(run, routes=run.routes.filter(pl.col("line_id") == "L1"), orders=orders)


def test_products_of_others_made_on_own_lines_are_planned_with_their_demand_and_orders() -> None:
    run = _made_by_a_sister()
    problem, notes = problem_with_notes(run, objective=Objective.COMPANY, companies=["C1"])
    assert [one.product_id for one in problem.products] == ["P1", "P2"]
    assert [one.order_id for one in problem.orders] == ["O2"]
    np.testing.assert_allclose(problem.demand, 900.0)
    assert [one.code for one in notes] == ["product_made_for_others"]
    assert "P2" in notes[0].en
    assert "C2" in notes[0].en
    assert "can also be made by others" not in notes[0].en
    shared = problem_with_notes(a_run(), objective=Objective.COMPANY, companies=["C1"])[1]
    assert "P2 can also be made by others" in shared[0].en


def test_a_company_whose_products_a_sister_makes_is_told_with_whom_to_plan() -> None:
    run = _made_by_a_sister()
    with pytest.raises(ProductWithoutRouteError, match="Plan them together with C1"):
        _problem(run, companies=["C2"])
    own = pl.concat([run.routes, a_run().routes.filter(pl.col("line_id") == "L2")]).with_columns(
        product_id=pl.when(pl.col("line_id") == "L2").then(pl.lit("P3")).otherwise("product_id")
    )
    third = run.products.filter(pl.col("product_id") == "P2").with_columns(product_id=pl.lit("P3"))
    asked = run.demand.filter(pl.col("product_id") == "P2").with_columns(product_id=pl.lit("P3"))
    both = replace(
        run,
        routes=own,
        products=pl.concat([run.products, third]),
        demand=pl.concat([run.demand, asked]),
    )
    problem, notes = problem_with_notes(both, objective=Objective.COMPANY, companies=["C2"])
    assert [one.product_id for one in problem.products] == ["P3"]
    assert not problem.orders
    elsewhere = next(one for one in notes if one.code == "product_made_elsewhere")
    assert "P2 are made on lines of C1 alone and left out and their orders O2" in elsewhere.en
    assert "P2" in elsewhere.zh


def test_a_company_without_demand_of_its_own_still_has_weeks_to_plan() -> None:
    run = _made_by_a_sister()
    without = replace(run, demand=run.demand.with_columns(product_id=pl.lit("P9")))
    assert _problem(without, companies=["C1"]).weeks == tuple(WEEKS)


def test_what_has_no_route_is_left_out_and_named_unless_it_is_ordered() -> None:
    run = a_run()
    without = replace(run, routes=run.routes.filter(pl.col("product_id") == "P2"))
    assert _codes(without) == {"product_without_route"}
    assert [product.product_id for product in _problem(without).products] == ["P2"]
    ordered = replace(
        without,
        orders=pl.DataFrame(
            {"order_id": ["O1"], "product_id": ["P1"], "week": WEEKS[:1], "quantity": [10.0]}
        ),
    )
    with pytest.raises(ProductWithoutRouteError, match="P1"):
        _problem(ordered)
    idle = replace(run, routes=run.routes.filter(pl.col("line_id") == "L1"))
    assert _codes(idle) == {"line_without_route"}
    with pytest.raises(ProductWithoutRouteError, match="line_products"):
        _problem(replace(run, routes=run.routes.clear()))


def test_units_that_differ_are_refused() -> None:
    run = a_run()
    with pytest.raises(PlanUnitError, match="L1"):
        _problem(replace(run, products=run.products.with_columns(unit=pl.lit("kg"))))


def test_orders_due_before_the_plan_count_in_its_first_week_and_later_ones_do_not() -> None:
    orders = pl.DataFrame(
        {
            "order_id": ["early", "late", "within"],
            "product_id": ["P1", "P1", "P2"],
            "week": [date(2025, 12, 1), date(2026, 6, 1), WEEKS[1]],
            "quantity": [5.0, 6.0, 7.0],
        }
    )
    run = replace(a_run(), orders=orders)
    problem = _problem(run)
    assert {order.order_id: order.week for order in problem.orders} == {
        "early": WEEKS[0],
        "within": WEEKS[1],
    }
    assert _codes(run) == {"order_overdue", "order_beyond_plan"}


def test_a_product_that_the_demand_run_does_not_know_is_named_and_has_no_demand() -> None:
    run = a_run()
    partly = replace(run, demand=run.demand.filter(pl.col("product_id") == "P1"))
    assert _codes(partly) == {"product_without_demand"}
    assert _problem(partly).demand[1].sum() == 0


def test_profiles_give_energy_where_a_cap_counts_it_and_the_route_has_none() -> None:
    profiles = load_profiles()
    salt = profiles["sea_salt"].energy
    assert salt is not None
    routes = a_run().routes.with_columns(
        energy_per_unit=pl.when(pl.col("product_id") == "P1").then(None).otherwise("energy_per_unit")
    )
    caps = pl.DataFrame({"cap_id": ["E1"], "kind": ["energy"], "org_id": ["C1"], "limit": [500.0]})
    run = replace(a_run(), routes=routes)
    free, said = problem_with_notes(run, objective=Objective.GROUP, profiles=profiles)
    assert not said
    assert free.routes == _problem(run).routes
    capped, notes = problem_with_notes(replace(run, caps=caps), objective=Objective.GROUP, profiles=profiles)
    used = {(one.line_id, one.product_id): one.energy_per_unit for one in capped.routes}
    assert used == {("L1", "P1"): salt.per_unit, ("L1", "P2"): 1.0, ("L2", "P2"): 1.0}
    assert [(one.code, "P1" in one.en) for one in notes] == [("profile_in_plan", True)]
    off = PlanOptions(caps=False)
    assert not problem_with_notes(
        replace(run, caps=caps), objective=Objective.GROUP, profiles=profiles, options=off
    )[1]


def test_minimum_runs_of_a_profile_are_heeded_only_where_asked_for() -> None:
    profiles = load_profiles()
    least = profiles["carbon_fibre"].constraints.minimum_run_hours
    assert least is not None
    run = a_run()
    lines = run.lines.with_columns(profile=pl.Series(["carbon_fibre", None]))
    run = replace(run, lines=lines)
    asked, notes = problem_with_notes(run, objective=Objective.GROUP, profiles=profiles, minimum_runs=True)
    assert asked.lines[0].least.tolist() == [least] * len(WEEKS)
    assert not asked.lines[1].least.any()
    assert [one.code for one in notes] == ["profile_in_plan"]
    assert "L1" in notes[0].zh
    silent, none = problem_with_notes(run, objective=Objective.GROUP, profiles=profiles)
    assert not silent.lines[0].least.any()
    assert not none


def test_a_change_over_is_counted_once_a_lot_of_at_least_the_least_made_and_never_for_the_only_product() -> (
    None
):
    run = a_run()
    lots = run.routes.with_columns(changeover_hours=pl.lit(6.0), lot=pl.lit(50.0), minimum_lot=pl.lit(400.0))
    routes = {(one.line_id, one.product_id): one for one in _problem(replace(run, routes=lots)).routes}
    assert (routes["L1", "P1"].changeover_hours, routes["L1", "P1"].lot) == (6.0, 400.0)
    assert routes["L2", "P2"].changeover_hours == 0.0


@given(st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    run = a_run()
    names = ("lines", "weeks", "routes", "products", "demand")
    mixed = replace(
        run, **{name: getattr(run, name).sample(fraction=1, shuffle=True, seed=seed) for name in names}
    )
    one, other = _problem(run), _problem(mixed)
    assert one.routes == other.routes
    assert one.products == other.products
    assert [line.line_id for line in one.lines] == [line.line_id for line in other.lines]
    for mine, theirs in zip(one.lines, other.lines, strict=True):
        assert (mine.hours == theirs.hours).all()
    assert (one.demand == other.demand).all()
