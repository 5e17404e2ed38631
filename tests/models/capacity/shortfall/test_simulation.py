"""Shortfalls are probabilities that move the right way, do not depend on order, and name the line that holds up."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.capacity.shortfall.bottleneck import LineFacts, facts_of_frame
from models.capacity.shortfall.calibration import brier_skill, calibration_error
from models.capacity.shortfall.dependence import Dependence, independent
from models.capacity.shortfall.drawing import draw
from models.capacity.shortfall.futures import Stock, weeks_of_futures
from models.capacity.shortfall.marginals import Marginals
from models.capacity.shortfall.simulation import Shortfall, simulate
from models.capacity.shortfall.supply import Supply, median_shares, plan_shares, supply_of_frame
from models.errors import ShortfallError
from tests.models.capacity.shortfall.shortfall_world import LEVELS, normal, supply, weeks_from

PRODUCTS, LINES = ("a", "b", "c"), ("L1", "L2")
RATES = {("a", "L1"): 2.0, ("b", "L1"): 1.0, ("b", "L2"): 1.5, ("c", "L2"): 1.0}
DEMAND = {"a": 100.0, "b": 60.0, "c": 40.0}
HOURS = {"L1": 90.0, "L2": 70.0}


def _run(
    demand: Marginals | None = None,
    hours: Marginals | None = None,
    *,
    routes: Supply | None = None,
    stock: Stock | None = None,
    facts: LineFacts | None = None,
    dependence: Dependence | None = None,
    count: int = 500,
    passes: int = 2,
    seed: int = 7,
) -> Shortfall:
    demand = normal(DEMAND) if demand is None else demand
    return simulate(
        demand,
        normal(HOURS, spread=0.1) if hours is None else hours,
        supply(RATES, PRODUCTS, LINES) if routes is None else routes,
        dependence=independent(demand.ids) if dependence is None else dependence,
        stock=stock,
        facts=facts,
        count=count,
        passes=passes,
        seed=seed,
    )


def _sum(frame: pl.DataFrame, column: str = "expected") -> float:
    return float(frame[column].sum())


@given(
    st.fixed_dictionaries({one: st.floats(0, 500) for one in PRODUCTS}),
    st.fixed_dictionaries({one: st.floats(0, 300) for one in LINES}),
    st.integers(0, 1000),
)
@settings(max_examples=30)
def test_probabilities_and_sizes_are_what_they_can_be(
    demand: dict[str, float], hours: dict[str, float], seed: int
) -> None:
    found = _run(normal(demand), normal(hours), count=60, seed=seed)
    for frame in (found.products, found.lines, found.weeks, found.totals, found.line_totals):
        assert frame["probability"].is_between(0, 1).all()
    rows = found.products
    assert ((rows["expected"] >= 0) & (rows["expected"] <= rows["demand"] * 1.001 + 1e-6)).all()
    assert ((rows["made"] + rows["expected"] - rows["demand"]).abs() <= 1e-3 * rows["demand"] + 1e-6).all()
    assert ((rows["p90"] > 0) <= (rows["probability"] > 0.1)).all()
    assert found.lines["load"].is_between(-1e-6, 1 + 1e-6).all()
    assert (rows["reason"].is_null() == (rows["probability"] == 0)).all()


def test_no_demand_is_no_shortfall() -> None:
    found = _run(normal(dict.fromkeys(PRODUCTS, 0.0)))
    assert _sum(found.products, "probability") == 0
    assert _sum(found.lines, "hours_short") == 0
    assert found.products["bottleneck"].null_count() == found.products.height


def test_hours_to_spare_are_no_shortfall() -> None:
    found = _run(hours=normal({"L1": 900.0, "L2": 900.0}))
    assert _sum(found.totals, "probability") == 0


def test_one_product_on_one_line_is_short_as_often_as_the_normal_says() -> None:
    # Demand N(100, 20) against certain 110 units: P(short) = P(Z > 0.5), E(short) = 20 (phi(0.5) - 0.5 P).
    one = supply({("a", "L1"): 1.0}, ("a",), ("L1",))
    found = _run(normal({"a": 100.0}), normal({"L1": 110.0}, spread=0.0), routes=one, count=20_000)
    assert found.products["probability"].to_numpy() == pytest.approx(np.full(4, 0.3085), abs=0.01)
    assert found.products["expected"].to_numpy() == pytest.approx(np.full(4, 20 * 0.19780), rel=0.05)
    # The 90th percentile of the shortfall is that of demand less 110.
    assert found.products["p90"].to_numpy() == pytest.approx(np.full(4, 100 + 20 * 1.2816 - 110), rel=0.05)
    assert found.lines["probability"].to_list() == pytest.approx(found.products["probability"].to_list())
    assert found.lines["hours_short"].to_list() == pytest.approx(
        found.products["expected"].to_list(), rel=1e-4
    )


@given(st.floats(1.0, 3.0), st.integers(0, 100))
@settings(max_examples=20)
def test_more_demand_never_helps_and_more_hours_never_hurt(factor: float, seed: int) -> None:
    only = supply({("a", "L1"): 2.0, ("b", "L1"): 1.0, ("c", "L2"): 1.0}, PRODUCTS, LINES)
    demand, hours = normal(DEMAND), normal(HOURS, spread=0.1)
    base = _run(demand, hours, routes=only, count=80, seed=seed).products
    more = _run(demand.scaled(factor), hours, routes=only, count=80, seed=seed).products
    able = _run(demand, hours.scaled(factor), routes=only, count=80, seed=seed).products
    assert (more["probability"] >= base["probability"] - 1e-9).all()
    assert (more["expected"] >= base["expected"] - 1e-3).all()
    assert (able["probability"] <= base["probability"] + 1e-9).all()
    assert (able["expected"] <= base["expected"] + 1e-3).all()


def test_more_hours_on_shared_lines_leave_less_short_in_all() -> None:
    sums = [_sum(_run(hours=normal(HOURS).scaled(by)).products) for by in (0.6, 0.8, 1.0, 1.2, 1.5)]
    assert sums == sorted(sums, reverse=True)
    assert sums[0] > 10 * sums[-1]


def test_idle_hours_go_to_products_still_short() -> None:
    sums = [_sum(_run(passes=passes).products) for passes in (0, 1, 2)]
    assert sums[0] > sums[1] >= sums[2]


def test_the_order_of_products_and_lines_changes_nothing() -> None:
    turned = _run(
        normal({one: DEMAND[one] for one in reversed(PRODUCTS)}),
        normal({one: HOURS[one] for one in reversed(LINES)}, spread=0.1),
        routes=supply(RATES, PRODUCTS[::-1], LINES[::-1]),
        stock=Stock(np.array([3.0, 2.0, 1.0]), np.array([0.0, 0.0, 5.0])),
    )
    base = _run(stock=Stock(np.array([1.0, 2.0, 3.0]), np.array([5.0, 0.0, 0.0])))
    for name in ("products", "lines", "weeks", "totals", "line_totals"):
        assert getattr(turned, name).equals(getattr(base, name)), name


def test_the_seed_decides_and_is_shared_by_base_and_scenario() -> None:
    base, again, other = _run(), _run(), _run(seed=8)
    assert base.products.equals(again.products)
    assert not base.products.equals(other.products)
    # Another line nobody needs leaves every figure of the others as it was: the luck is the same.
    rates = {**RATES, ("d", "L3"): 1.0}
    wider = _run(
        normal({**DEMAND, "d": 1.0}),
        normal({**HOURS, "L3": 50.0}, spread=0.1),
        routes=supply(rates, (*PRODUCTS, "d"), (*LINES, "L3")),
    )
    same = wider.products.filter(pl.col("product_id") != "d")
    assert same["probability"].to_list() == pytest.approx(base.products["probability"].to_list(), abs=0.005)


def test_demand_that_moves_together_makes_shortfalls_of_a_line_rarer_but_larger() -> None:
    routes = supply({(one, "L1"): 1.0 for one in PRODUCTS}, PRODUCTS, ("L1",))
    demand, hours = normal(dict.fromkeys(PRODUCTS, 100.0)), normal({"L1": 330.0}, spread=0.0)
    together = Dependence(PRODUCTS, ("total",), np.full((3, 1), 0.95), 0.0, "test")
    alone = _run(demand, hours, routes=routes, count=4000)
    joint = _run(demand, hours, routes=routes, count=4000, dependence=together)
    # sd of the sum: 20 sqrt(3) = 35 alone, about 58 together; E(N(300, s) - 330)+ = s L(30/s).
    assert _sum(alone.lines, "hours_short") / 4 == pytest.approx(34.64 * 0.1030, rel=0.1)
    assert _sum(joint.lines, "hours_short") / 4 == pytest.approx(58.28 * 0.1929, rel=0.1)


def test_a_product_that_no_line_makes_says_so() -> None:
    rates = {route: rate for route, rate in RATES.items() if route[0] != "c"}
    found = _run(routes=supply(rates, PRODUCTS, LINES)).products.filter(pl.col("product_id") == "c")
    assert found["probability"].to_list() == [1.0] * 4
    assert set(found["reason"]) == {"no_line"}
    assert found["bottleneck"].null_count() == 4
    assert "没有产线" in found["reason_zh"][0]
    assert "No line" in found["reason_en"][0]


def test_a_line_that_stands_still_is_the_bottleneck() -> None:
    hours = normal({"L1": 0.0, "L2": 400.0}, spread=0.1)
    found = _run(hours=hours)
    short = found.products.filter(pl.col("product_id") == "a")
    assert set(short["bottleneck"]) == {"L1"}
    assert short["probability"].to_list() == [1.0] * 4
    assert found.products.filter(pl.col("product_id") == "b")["probability"].sum() == 0


def test_the_reason_is_maintenance_or_yield_where_these_cost_most_of_the_missing_hours() -> None:
    weeks = weeks_from(4)
    frame = pl.DataFrame(
        {
            "line_id": ["L1"] * 4,
            "week": weeks,
            "effective_hours": [40.0, 40.0, 40.0, 40.0],
            "good_share": [1.0, 0.5, 1.0, None],
            "usual_good_share": [1.0, 0.98, 1.0, None],
            "maintenance_hours": [50.0, 0.0, 0.5, None],
        }
    )
    hours = normal({"L1": 20.0, "L2": 300.0}, spread=0.1)
    found = _run(hours=hours, facts=facts_of_frame(frame, LINES, weeks))
    rows = found.products.filter(pl.col("product_id") == "a")
    assert rows["reason"].to_list() == ["maintenance", "yield", "hours", "hours"]
    assert found.lines.filter(pl.col("line_id") == "L1")["reason"].to_list() == rows["reason"].to_list()


def test_stock_is_used_first_and_backlog_stays_due() -> None:
    one = supply({("a", "L1"): 1.0}, ("a",), ("L1",))
    demand, hours = normal({"a": 100.0}, spread=0.0), normal({"L1": 90.0}, spread=0.0)
    alone = _run(demand, hours, routes=one, count=4).products
    assert alone["expected"].to_list() == pytest.approx([10] * 4)
    held = Stock(np.array([15.0]), np.array([0.0]))
    kept = _run(demand, hours, routes=one, count=4, stock=held).products
    assert kept["expected"].to_list() == pytest.approx([0, 10, 20, 30], abs=1e-3)
    assert kept["made"].to_list() == pytest.approx([85, 90, 90, 90], abs=1e-3)
    lost = _run(demand, hours, routes=one, count=4, stock=replace(held, keep_backlog=False)).products
    assert lost["expected"].to_list() == pytest.approx([0, 10, 10, 10], abs=1e-3)


def test_idle_hours_build_stock_up_to_the_target() -> None:
    one = supply({("a", "L1"): 1.0}, ("a",), ("L1",))
    demand, hours = normal({"a": 100.0}, spread=0.0), normal({"L1": 120.0}, spread=0.0)
    stock = Stock(np.zeros(1), np.zeros(1), target=np.full((1, 4), 50.0))
    found = _run(demand, hours, routes=one, count=4, stock=stock)
    assert found.products["stock"].to_list() == pytest.approx([20, 40, 50, 50], abs=1e-3)
    assert found.products["made"].to_list() == pytest.approx([120, 120, 110, 100], abs=1e-3)


def test_a_line_that_fills_its_hours_with_stock_is_loaded_but_not_full() -> None:
    names, lines = ("b", "c"), ("L2", "L3")
    routes = supply({("b", "L2"): 1.0, ("c", "L3"): 1.0}, names, lines)
    demand = normal({"b": 100.0, "c": 10.0}, spread=0.0)
    hours = normal({"L2": 50.0, "L3": 40.0}, spread=0.0)
    target = np.array([[0.0] * 4, [1000.0] * 4])
    found = _run(demand, hours, routes=routes, count=4, stock=Stock(np.zeros(2), np.zeros(2), target))
    assert found.products.filter(pl.col("product_id") == "c")["stock"].to_list() == pytest.approx(
        [30, 60, 90, 120], abs=0.1
    )
    spare = found.lines.filter(pl.col("line_id") == "L3")
    assert spare["load"].to_list() == pytest.approx([1.0] * 4)
    assert spare["full"].sum() == 0
    assert found.lines.filter(pl.col("line_id") == "L2")["full"].to_list() == [1.0] * 4


def test_a_plans_shares_count_and_weeks_without_plan_go_by_the_median() -> None:
    routes, weeks = supply(RATES, PRODUCTS, LINES), weeks_from(4)
    demand, hours = normal(DEMAND), normal(HOURS)
    otherwise = median_shares(routes, demand.median, hours.median)
    assert otherwise.sum(axis=1) == pytest.approx(np.ones((4, 2)))
    plan = pl.DataFrame(
        {
            "line_id": ["L1", "L1", "L1"],
            "product_id": ["a", "b", "c"],
            "week": [weeks[1]] * 3,
            "hours": [30.0, 10.0, 60.0],
        }
    )
    shares = plan_shares(plan, routes, weeks, otherwise=otherwise)
    assert shares[1, :, 0] == pytest.approx([0.75, 0.25, 0.0])  # L1 cannot make c
    assert np.array_equal(shares[0], otherwise[0])
    assert np.array_equal(shares[1, :, 1], otherwise[1, :, 1])


def test_routes_are_read_with_their_own_good_share() -> None:
    routes = pl.DataFrame(
        {
            "line_id": ["L1", "L1", "L9"],
            "product_id": ["a", "b", "a"],
            "rate": [2.0, 3.0, 1.0],
            "good_share": [None, 0.45, None],
        }
    )
    read = supply_of_frame(routes, PRODUCTS, LINES, good_share=np.array([0.9, 0.8]))
    assert read.rate.tolist() == [[2.0, 0.0], [1.5, 0.0], [0.0, 0.0]]
    with pytest.raises(ShortfallError, match="b on line L1 is given twice"):
        supply_of_frame(pl.concat([routes, routes[1:2]]), PRODUCTS, LINES)
    with pytest.raises(ShortfallError, match="L1 makes a at a rate of 0"):
        supply_of_frame(routes.with_columns(rate=pl.lit(0.0)), PRODUCTS, LINES)
    with pytest.raises(ShortfallError, match=r"good share of 1\.2"):
        supply_of_frame(routes.with_columns(good_share=pl.lit(1.2)), PRODUCTS, LINES)


def test_without_any_line_every_demand_is_short_and_without_demand_there_is_nothing_to_simulate() -> None:
    none = Marginals((), weeks_from(4), LEVELS, np.zeros((0, 4, len(LEVELS))))
    found = _run(hours=none, routes=supply({}, PRODUCTS, ()))
    assert found.totals["probability"].to_list() == [1.0] * 3
    assert set(found.products["reason"]) == {"no_line"}
    assert found.lines.is_empty()
    with pytest.raises(ShortfallError, match="There is no demand"):
        _run(none, routes=supply({}, (), LINES))


def test_probabilities_come_true_in_a_world_that_is_as_assumed() -> None:
    demand, hours, routes = (
        normal(DEMAND, weeks=6),
        normal(HOURS, weeks=6, spread=0.1),
        supply(RATES, PRODUCTS, LINES),
    )
    shared = Dependence(PRODUCTS, ("total",), np.full((3, 1), 0.7), 0.6, "test")
    told = _run(demand, hours, dependence=shared, count=4000).products["probability"].to_numpy()
    # Many worlds in which demand and lines turn out as drawn, with other luck than the forecast's.
    worlds = 600
    asked, able = (
        draw(demand, shared, count=worlds, seed=99),
        draw(hours, independent(LINES), count=worlds, seed=98),
    )
    shares = median_shares(routes, demand.median, hours.median)
    futures = weeks_of_futures(asked, able, routes, shares, stock=None, passes=2)
    came = np.stack([future.short > 0 for future in futures], axis=1).reshape(len(told), worlds)
    stated, outcome = np.repeat(told, worlds), came.astype(np.float64).ravel()
    assert calibration_error(stated, outcome) < 0.03
    assert brier_skill(stated, outcome, np.full(len(outcome), outcome.mean())) > 0


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(ShortfallError, match="z: only in demand") as caught:
        _run(normal({**DEMAND, "z": 1.0}))
    assert "z" in caught.value.zh
    with pytest.raises(ShortfallError, match="differ"):
        _run(hours=normal(HOURS, weeks=3))
    with pytest.raises(ShortfallError, match="below 0"):
        Stock(np.array([-1.0]), np.zeros(1))
    with pytest.raises(ShortfallError, match="weeks, products, lines"):
        simulate(
            normal(DEMAND),
            normal(HOURS),
            supply(RATES, PRODUCTS, LINES),
            dependence=independent(PRODUCTS),
            shares=np.zeros((4, 2, 3)),
        )
